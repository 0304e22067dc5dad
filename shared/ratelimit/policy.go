package ratelimit

import (
	"net/netip"
	"time"

	"github.com/triptych-bff/triptych/shared/config"
	"github.com/triptych-bff/triptych/shared/identity"
)

// A Policy is a limit as it is configured. It is not changed once in use.
type Policy struct {
	Name     string        `config:"name" doc:"How routes refer to the policy, and clients see it. Policies of one name share their state."`
	Requests int           `config:"requests" doc:"Units in each period, on average."`
	Per      time.Duration `config:"per" default:"1m" doc:"The period, in whole seconds."`
	Burst    int           `config:"burst" doc:"Units at once after a pause; 0 is as many as requests."`
	Charge   Unit          `config:"charge" default:"requests" doc:"What a unit is: requests, or calls that a request may cause at services. A screen is charged all that its plan may make, whatever the client chooses of it, for a limit comes first; and at most the burst, at least 1. A request that passes through is 1."`
	Key      Key           `config:"key" default:"user" doc:"Who has an allowance of its own: each user, client (app) or address. Callers who are not known, as on a public route, count by address."`
}

// Unit is what a policy counts.
type Unit string

// The units. The zero value is [Requests].
const (
	Requests Unit = "requests"
	Calls    Unit = "calls" // of services, that a request causes at most
)

// Cost is what a request is charged that causes so many calls at most. None is free.
func (p *Policy) Cost(calls int) int {
	if p.unit() == Calls {
		return max(calls, 1)
	}
	return 1
}

func (p *Policy) unit() Unit {
	if p.Charge == "" {
		return Requests
	}
	return p.Charge
}

// Key says who shares an allowance.
type Key string

// The keys.
const (
	User    Key = "user"    // each user of each issuer; the anonymous by address
	Client  Key = "client"  // each app, whoever uses it; the anonymous by address
	Address Key = "address" // each address, IPv6 by its /64
)

// Rate is the policy as [Decide] takes it.
func (p *Policy) Rate() Rate {
	burst := p.Burst
	if burst == 0 {
		burst = p.Requests
	}
	return Rate{Interval: p.Per / time.Duration(p.Requests), Burst: burst}
}

const (
	// finest keeps the error of an interval in whole nanoseconds below 0.1 %.
	finest  = time.Microsecond
	longest = 31 * 24 * time.Hour
)

// Validate reports limits that cannot be kept or cannot be told to clients.
func (p Policy) Validate(check *config.Check) {
	if !token(p.Name) {
		check.Fault("name", "%q must be made of letters, digits, and -_.", p.Name)
	}
	if p.Per < time.Second || p.Per > longest || p.Per%time.Second != 0 {
		check.Fault("per", "must be whole seconds, from 1s to %s", longest)
	}
	if p.Requests < 1 || p.Per >= time.Second && p.Per/time.Duration(p.Requests) < finest {
		check.Fault("requests", "must be at least 1, and at most a million a second")
	}
	if p.Burst < 0 || p.Burst > p.Requests {
		check.Fault("burst", "must be from 0 to requests")
	}
	if p.Charge != "" && p.Charge != Requests && p.Charge != Calls {
		check.Fault("charge", "must be %s or %s", Requests, Calls)
	}
	if p.Key != User && p.Key != Client && p.Key != Address {
		check.Fault("key", "must be %s, %s or %s", User, Client, Address)
	}
}

// token reports whether a name can stand in a structured field without escapes.
func token(s string) bool {
	for i := range len(s) {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '_', c == '.':
		default:
			return false
		}
	}
	return s != ""
}

// Of is the caller's key: of the identity where there is one that will do, and
// of the address otherwise. Keys of different kinds never collide.
func (k Key) Of(id *identity.Identity, client netip.Addr) string {
	switch {
	case k == User && id != nil && id.Subject != "":
		return "user " + id.Issuer + " " + id.Subject
	case k == Client && id != nil && id.Client != "":
		return "client " + id.Issuer + " " + id.Client
	default:
		return "address " + AddressKey(client)
	}
}

// AddressKey is the key of an address. An IPv6 address counts as its /64, which
// is what one subscriber has at least; an IPv4 address within IPv6 is itself.
// Addresses that are not known share one key.
func AddressKey(ip netip.Addr) string {
	ip = ip.Unmap().WithZone("")
	if ip.Is6() {
		prefix, _ := ip.Prefix(64) // 64 is a length that every IPv6 address has
		return prefix.String()
	}
	return ip.String()
}
