package gateway

import (
	"fmt"
	"log/slog"
	"slices"

	"github.com/triptych-bff/triptych/shared/auth"
	"github.com/triptych-bff/triptych/shared/compression"
	"github.com/triptych-bff/triptych/shared/config"
	"github.com/triptych-bff/triptych/shared/edge"
	"github.com/triptych-bff/triptych/shared/httpcache"
	"github.com/triptych-bff/triptych/shared/internal/suggest"
	"github.com/triptych-bff/triptych/shared/ratelimit"
	"github.com/triptych-bff/triptych/shared/routing"
	"github.com/triptych-bff/triptych/shared/server"
	"github.com/triptych-bff/triptych/shared/tlsconf"
	"github.com/triptych-bff/triptych/shared/upstream"
)

// Config is the configuration that every gateway has. A gateway's own embeds it.
type Config struct {
	LogLevel     slog.Level                 `config:"log_level" default:"info" doc:"What is logged: debug, info, warn or error, and what is worse."`
	Server       server.Config              `config:"server" doc:"The public listener and its time-outs."`
	Admin        server.AdminConfig         `config:"admin" doc:"The listener for operators: /metrics, /livez, /readyz, /explain."`
	TLS          tlsconf.Config             `config:"tls" doc:"Certificates. Without any, the public listener speaks plain HTTP."`
	Edge         edge.Config                `config:"edge" doc:"What is done with a request before routing: limits, client address, shedding."`
	Auth         auth.Config                `config:"auth" doc:"Whose tokens are accepted."`
	Policies     []auth.PolicyConfig        `config:"policies" doc:"Who may use a route, by name. Every route names one."`
	Limits       []ratelimit.Policy         `config:"limits" doc:"How often, by name. A route names any number."`
	Upstreams    map[string]upstream.Config `config:"upstreams" doc:"The services behind the gateway, by name."`
	Routes       []Route                    `config:"routes" doc:"Routes that pass through to one service."`
	Screens      []string                   `config:"screens" doc:"Which of the program's aggregation endpoints are served, such as \"GET /v1/home\". Absent means all; an empty list means none."`
	Links        LinksConfig                `config:"links" doc:"Links that fetch one part of a screen again, which partial answers have for each part they lack. A link is good for the same path, query and caller only."`
	ServerTiming string                     `config:"server_timing" doc:"Name of the policy whose callers see in Server-Timing how long each part of a screen took. Absent means nobody."`
	Compression  compression.Config         `config:"compression" doc:"Content codings of answers."`
	Cache        httpcache.Config           `config:"cache" doc:"Answers of services that are the same for everybody, kept in memory as long as the service allows."`
}

// Core implements [Settings].
func (c *Config) Core() *Config { return c }

// Route passes requests through to one service: as they are where it speaks
// HTTP, and by the google.api.http rules of its descriptors where it speaks gRPC.
type Route struct {
	routing.Rewrite
	Path         string            `config:"path" required:"true" doc:"Path to match: exact (/v1/ping), with parameters (/v1/books/{id}) or with everything below (/api/users/*)."`
	Methods      []string          `config:"methods" doc:"Methods to match. Absent means all that the service knows."`
	Host         string            `config:"host" doc:"Host to match: exact, or *.example.com. Absent means any."`
	Headers      map[string]string `config:"headers" doc:"Headers that must have exactly these values."`
	Upstream     string            `config:"upstream" required:"true" doc:"Name of the service."`
	Policy       string            `config:"policy" required:"true" doc:"Name of the policy that decides who may use the route."`
	Limits       []string          `config:"limits" doc:"Names of the limits that a request is charged to."`
	ForwardToken bool              `config:"forward_token" doc:"Whether the service gets the caller's Authorization header."`
}

// Validate implements [config.Validator]. That the names which routes use exist
// is checked when they are looked up, together with those that screens use.
func (c *Config) Validate(check *config.Check) {
	unique(check, "policies", names(c.Policies, func(p auth.PolicyConfig) string { return p.Name }))
	unique(check, "limits", names(c.Limits, func(p ratelimit.Policy) string { return p.Name }))
}

func names[T any](list []T, name func(T) string) []string {
	all := make([]string, len(list))
	for i, element := range list {
		all[i] = name(element)
	}
	return all
}

// unknown is the fault of a name that no section defines.
func unknown(what, name string, all []string) string {
	return fmt.Sprintf("no %s is named %q", what, name) + suggest.Tail(name, all)
}

func unique(check *config.Check, key string, all []string) {
	for i, name := range all {
		if slices.Index(all, name) < i {
			check.Fault(config.Key(key, i, "name"), "%q stands twice", name)
		}
	}
}
