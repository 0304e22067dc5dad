// Package page serves the page that shows the three clients side by side, and what
// the page's script asks for:
//
//	GET  /                                the page
//	GET  /static/{file}                   its styles and scripts
//	GET  /api/world                       who and what there is, and how the services are
//	PUT  /api/services/{name}             slow, break, stop or start a service
//	POST /api/reset                       all services as they were in the beginning
//	POST /api/devices/{device}/requests   ask a gateway as phone or tv does
//	GET  /api/traces/{trace}              what a trace has cost the services
//
// A world is
//
//	{"users":    [{"id":"ada","name":"Ada Morgenstern","about":"…"}, …],
//	 "devices":  {"phone":{"gateway":"bff-mobile","origin":"http://127.0.0.1:8081"}, "web":…, "tv":…},
//	 "gateways": {"bff-mobile":{"version":"v0.1.0","shared":"v0.2.0","commit":"1a2b3c4"}, …},
//	 "services": [{"name":"users","protocol":"REST","state":"up","latency":"0s","failure":"none",
//	               "requests":12,"bytes":34567}, …]}
//
// PUT /api/services/{name} takes any of
//
//	{"state":"up|stopped", "latency":"1.5s", "failure":"none|error|hang"}
//
// and answers that service when it is so: stopped is the end of its process, up is
// ready again, with the latency and the failure that it had. Its counts begin anew
// then, as they are counted by the process; they are 0 while it is stopped.
//
// POST /api/devices/{device}/requests takes
//
//	{"user":"ada", "method":"GET", "path":"/v1/home", "body":{…}}
//
// (the body is optional), sends it over a connection of that device, see package
// device, with the user's token and a trace of its own, and answers
//
//	{"trace":"4bf92f3577b34da6a3ce929d0e0e4736", "method":"GET", "path":"/v1/home", "status":200, "ms":12.3,
//	 "wire":{"head":412,"body":706,"encoding":"zstd"}, "plain":2066,
//	 "completeness":"full|partial|none", "missing":[{"part":"picks","source":"recommendations","code":"unreachable"}],
//	 "services":{"calls":5,"bytes":24205,"by":[{"name":"users","calls":1,"bytes":2600,"ms":1.2,"status":200}, …]},
//	 "body":{…}}
//
// whatever the gateway's status is: wire counts the bytes that came, plain those of
// the decoded body, and body is that body if it is JSON, otherwise its text. What
// is missing is what the screen says is missing; a problem is no screen and its
// completeness is none. Services is what GET /api/traces/{trace} answers: the calls
// that the services have noted under the trace when the gateway's answer has come.
// A call that the gateway has given up is among them, without bytes, if its service
// has noticed by then. The ms of a service are those of its slowest call, its status
// is the highest (gRPC's begin at 0, for success). Services that do not run are left
// out.
//
// Errors are problems (RFC 9457) with a stable code. The page is for the person in
// front of this machine: it is served to loopback names only, so that no other name
// can be led here, and refuses what another site's script has sent.
package page

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/triptych-bff/triptych/deploy/demo/device"
	"github.com/triptych-bff/triptych/deploy/internal/static"
)

// Config is what the page shows.
type Config struct {
	// Origin is where the page itself is, such as http://127.0.0.1:8080: gateways
	// and services know it by this name.
	Origin string
	// Posters is the origin of the films' pictures.
	Posters string
	// Users are who can be signed in.
	Users []User
	// Phone, Web and TV are the three devices' gateways.
	Phone, Web, TV Gateway
	// Services are those behind the gateways.
	Services []Service
	// Processes runs them.
	Processes Processes
	// Mint asks the provider for an access token of a client (mobile, tv) for a user.
	Mint func(ctx context.Context, client, user string) (string, error)
	// Now is the clock by which tokens expire.
	Now func() time.Time
}

// A User is somebody who can be signed in on all devices.
type User struct {
	ID    string `json:"id"`
	Name  string `json:"name"`
	About string `json:"about"` // one line of taste
}

// A Gateway is one client's.
type Gateway struct {
	Name    string // bff-mobile
	Address string // host:port of its API
	Build   Build
}

// origin is the gateway's API as an address for browsers.
func (g Gateway) origin() string { return "http://" + g.Address }

// A Build is what a gateway's program says about itself.
type Build struct {
	Version string `json:"version"`
	Shared  string `json:"shared"` // the version of the shared module in it
	Commit  string `json:"commit"`
}

// A Service stands behind the gateways.
type Service struct {
	Name     string
	Protocol string // REST or gRPC
	Ops      string // address of its ops listener, such as http://127.0.0.1:7101
}

// Processes stops and starts services by name. The methods are called concurrently.
type Processes interface {
	// Up says whether it runs.
	Up(name string) bool
	// Stop returns when it has ended, and does nothing if it does not run.
	Stop(name string) error
	// Start returns when it is ready, and does nothing if it runs.
	Start(ctx context.Context, name string) error
}

// A Page is a running page; [Page.Close] ends its connections.
type Page struct {
	config   Config
	files    map[string]static.File
	services []*service
	devices  map[string]*emulated
	tokens   tokens
	ops      *ops
}

// New prepares the page.
func New(c Config) *Page {
	p := &Page{
		config: c, files: files(), ops: newOps(),
		tokens: tokens{mint: c.Mint, now: c.Now, kept: map[owner]token{}},
		devices: map[string]*emulated{
			"phone": {device.New("FilmStore-Phone/1.0", c.Phone.Address, "zstd, gzip"), "mobile"},
			"tv":    {device.New("FilmStore-TV/1.0", c.TV.Address, "gzip"), "tv"},
		},
	}
	for _, s := range c.Services {
		one := &service{Service: s, ops: p.ops, processes: c.Processes}
		one.knobs.Store(&neutral)
		p.services = append(p.services, one)
	}
	return p
}

// Close ends the connections to gateways and services.
func (p *Page) Close() {
	for _, d := range p.devices {
		d.Close()
	}
	p.ops.close()
}

// Handler serves the page and its API.
func (p *Page) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", p.index)
	mux.HandleFunc("GET /static/{file...}", p.static)
	for pattern, handler := range map[string]handler{
		"GET /api/world":                      p.getWorld,
		"PUT /api/services/{name}":            p.putService,
		"POST /api/reset":                     p.reset,
		"POST /api/devices/{device}/requests": p.ask,
		"GET /api/traces/{trace}":             p.getTrace,
	} {
		mux.Handle(pattern, handler)
	}
	return p.guard(unmatched(mux))
}

// world is the answer of GET /api/world.
type world struct {
	Users    []User             `json:"users"`
	Devices  map[string]display `json:"devices"`
	Gateways map[string]Build   `json:"gateways"`
	Services []view             `json:"services"`
}

// A display is a device as the page's script sees it.
type display struct {
	Gateway string `json:"gateway"`
	Origin  string `json:"origin"`
}

func (p *Page) getWorld(w http.ResponseWriter, r *http.Request) error {
	all := world{
		Users: p.config.Users, Devices: map[string]display{}, Gateways: map[string]Build{},
		Services: each(p.services, func(s *service) view { return s.view(r.Context()) }),
	}
	for name, g := range map[string]Gateway{"phone": p.config.Phone, "web": p.config.Web, "tv": p.config.TV} {
		all.Devices[name] = display{g.Name, g.origin()}
		all.Gateways[g.Name] = g.Build
	}
	return answer(w, all)
}

// find is the service of that name.
func (p *Page) find(name string) (*service, error) {
	i := slices.IndexFunc(p.services, func(s *service) bool { return s.Name == name })
	if i < 0 {
		return nil, &problem{http.StatusNotFound, "unknown-service", "No service is named " + quoted(name) + "."}
	}
	return p.services[i], nil
}
