package main

import (
	"encoding/json"
	"net"
	"slices"
	"strconv"
	"strings"

	"github.com/triptych-bff/triptych/deploy/bench/documents"
)

// krakend is KrakenD's configuration for one scenario. It allows fields by name,
// but not within arrays; there, everything else is deleted.
func krakend(s *setup) []byte {
	type object = map[string]any
	host, port, _ := net.SplitHostPort(s.Listen) // made by net.Listen
	number, _ := strconv.Atoi(port)
	c := object{
		"$schema": "https://www.krakend.io/schema/v3.json", "version": 3,
		"listen_ip": host, "port": number, "timeout": "3s", "cache_ttl": "0s", "max_idle_connections_per_host": 256,
		"extra_config": object{
			"router":            object{"disable_access_log": true},
			"telemetry/logging": object{"level": "ERROR", "prefix": "[KRAKEND]", "stdout": true},
		},
	}
	if s.TLS {
		c["tls"] = object{"keys": []object{{"public_key": "cert.pem", "private_key": "key.pem"}}, "min_version": "TLS13"}
	}
	var parts []documents.Part
	switch strings.TrimPrefix(s.scenario.path, documents.CachedPrefix) {
	case "/rich":
		parts = documents.Rich()
	case "/small":
		parts = documents.Small()
	}
	backend := func(service, path, encoding string) object {
		return object{"host": []string{"http://" + s.Services[service]}, "url_pattern": path, "encoding": encoding, "disable_host_sanitize": true}
	}
	if parts == nil {
		e := object{
			"endpoint": "/users/{id}", "output_encoding": "no-op",
			"backend": []object{backend("users", "/users/{id}", "no-op")},
		}
		if s.Identity {
			const many = 1_000_000
			e["extra_config"] = object{
				"auth/validator": object{
					"alg": "RS256", "jwk_url": "http://" + s.Services["issuer"] + "/keys", "disable_jwk_security": true, "cache": true,
					"issuer": "https://issuer.store.test/", "audience": []string{"bench"}, "scopes_key": "scope", "scopes": []string{"store:read"},
				},
				"qos/ratelimit/router": object{"client_max_rate": many, "client_capacity": many, "strategy": "ip"},
			}
		}
		c["endpoints"] = []object{e}
	} else {
		services := documents.Services()
		var backends []object
		for _, p := range parts {
			i := slices.IndexFunc(services, func(x documents.Service) bool { return x.Name == p.Service })
			path, extra := services[i].Path, object{}
			if strings.HasPrefix(s.scenario.path, documents.CachedPrefix) {
				path = documents.CachedPrefix + path
				extra["qos/http-cache"] = object{"shared": true}
			}
			b := backend(p.Service, path, "json")
			b["group"], b["extra_config"] = p.Name, extra
			if deleted := documents.NewFilter(p.Fields).Deletions(documents.Decode(services[i].JSON)); slices.ContainsFunc(deleted, inArray) {
				var filters []object
				for _, path := range deleted {
					filters = append(filters, object{"type": "del", "args": []string{path}})
				}
				extra["proxy"] = object{"flatmap_filter": filters}
			} else {
				b["allow"] = p.Fields
			}
			backends = append(backends, b)
		}
		c["endpoints"] = []object{{"endpoint": s.scenario.path, "backend": backends}}
	}
	data, _ := json.MarshalIndent(c, "", "  ") // plain values only: cannot fail
	return data
}

func inArray(path string) bool { return strings.Contains(path, "*") }
