package config_test

import (
	"fmt"
	"time"

	"github.com/triptych-bff/triptych/shared/config"
)

// A package keeps its Config beside the code that reads it.
type Service struct {
	URL     string        `config:"url" required:"true" doc:"Where the service is."`
	Timeout time.Duration `config:"timeout" default:"2s" doc:"Longest time for one call."`
}

func (s Service) Validate(c *config.Check) {
	if s.Timeout <= 0 {
		c.Fault("timeout", "must be positive, not %v", s.Timeout)
	}
}

// The application's Config is made of them.
type Gateway struct {
	Listen   string             `config:"listen" default:"127.0.0.1:8080" doc:"Address to listen on."`
	Services map[string]Service `config:"services" doc:"The services behind, by name."`
}

func ExampleLoad() {
	var g Gateway
	_, err := config.Load(&g, config.Source{
		Name:      "bff.yaml",
		Data:      []byte("services:\n  users: {url: 'http://127.0.0.1:7001'}\n  orders: {url: 'http://127.0.0.1:7002'}\n"),
		EnvPrefix: "BFF",
		Environ:   []string{"BFF_SERVICES_USERS_TIMEOUT=150ms"},
		Set:       []string{"listen=:80"},
	})
	fmt.Println(err)
	fmt.Println(g.Listen, g.Services["users"].Timeout, g.Services["orders"].Timeout)
	// Output:
	// <nil>
	// :80 150ms 2s
}

func ExampleLoad_faults() {
	var g Gateway
	_, err := config.Load(&g, config.Source{
		Name:      "bff.yaml",
		Data:      []byte("listen: 127.0.0.1:8080\nservices:\n  users:\n    ulr: http://127.0.0.1:7001\n    timeout: 5\n  orders: {timeout: 1s}\n"),
		EnvPrefix: "BFF",
		Environ:   []string{"BFF_LISTN=:80", "BFF_SERVICES_ORDERS_TIMEOUT=-1s"},
	})
	fmt.Println(err)
	// Output:
	// bff.yaml:4:5: services.users.ulr: unknown key; did you mean "url"?
	// bff.yaml:5:14: services.users.timeout: expected a duration such as 150ms, not "5"
	// bff.yaml:6:3: services.orders.url: is required
	// BFF_LISTN: matches no key; did you mean "BFF_LISTEN"?
	// BFF_SERVICES_ORDERS_TIMEOUT: services.orders.timeout: must be positive, not -1s
}
