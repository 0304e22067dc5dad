package main

import (
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"text/tabwriter"
)

// A process is one line of the demo's table.
type process struct {
	name  string
	bin   string   // file name of the program; empty for what this program serves itself
	args  []string // of the program
	ports []string // addresses that it listens on; all must be free before anything starts
	ready string   // http://… that answers 200, or tcp://host:port that accepts, when it is ready
	shown string   // what the printed table says about it
}

// The usual ports.
const (
	providerPort = 7000
	postersPort  = 7204
	pagePort     = 8080
	mobilePort   = 8081
	webPort      = 8082
	tvPort       = 8083
	adminAbove   = 1000 // a gateway's port for operators is so much higher
)

// A shift moves every port of the demo by the same number, so that a second demo
// runs beside the first. At zero, everything stands where the embedded
// configurations of the gateways say.
type shift int

// highest is the shift at which the last port is still one.
const highest shift = 65535 - tvPort - adminAbove

// addr is where what usually has that port listens.
func (s shift) addr(port int) string {
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(port+int(s)))
}

func (s shift) url(port int) string { return "http://" + s.addr(port) }

// A service is something that gateways call: the number is that of its ports.
type service struct {
	name     string
	number   int
	protocol string
}

func (s service) api() int { return 7000 + s.number }
func (s service) ops() int { return 7100 + s.number }

// services are those whose answers the gateways make screens of, in the order in
// which they are shown.
func services() []service {
	return []service{
		{"users", 1, "REST"},
		{"orders", 2, "REST"},
		{"reviews", 3, "REST"},
		{"catalog", 4, "gRPC"},
		{"recommendations", 5, "gRPC"},
		{"playback", 7, "REST"},
	}
}

// behind is what the gateways stand in front of.
func behind(s shift) []process {
	table := []process{{
		name: "provider", bin: "provider",
		args:  []string{"--listen", s.addr(providerPort)},
		ports: []string{s.addr(providerPort)},
		ready: s.url(providerPort) + "/ready",
		shown: s.url(providerPort) + "/  OpenID: /.well-known/openid-configuration",
	}}
	for _, one := range services() {
		p := s.service(one)
		if one.name == "catalog" {
			p.args = append(p.args, "--posters", s.addr(postersPort), "--posters-url", s.url(postersPort))
			p.ports = append(p.ports, s.addr(postersPort))
		}
		table = append(table, p)
	}
	app := s.service(service{"app", 8, "REST"})
	app.args = append(app.args, "--provider", s.url(providerPort), "--frames", s.url(pagePort), "--pictures", s.url(postersPort))
	return append(table, app, process{
		name: "redis", bin: "demo",
		args:  []string{"redis", "--listen", s.addr(7006)},
		ports: []string{s.addr(7006)},
		ready: "tcp://" + s.addr(7006),
		shown: "redis://" + s.addr(7006),
	})
}

func (s shift) service(one service) process {
	scheme := "http://"
	if one.protocol == "gRPC" {
		scheme = "grpc://"
	}
	return process{
		name: one.name, bin: "services",
		args:  []string{one.name, "--listen", s.addr(one.api()), "--ops", s.addr(one.ops())},
		ports: []string{s.addr(one.api()), s.addr(one.ops())},
		ready: s.url(one.ops()) + "/healthz",
		shown: scheme + s.addr(one.api()) + "  traffic so far: " + s.url(one.ops()) + "/stats",
	}
}

// gateways are the product. Their addresses stand in the configuration that each
// has embedded; here they are only watched. In a shifted demo each runs with a
// copy of it in folder.
func gateways(s shift, folder string) []process {
	gateway := func(name string, api int) process {
		admin := api + adminAbove
		args := []string{"run"}
		if s != 0 {
			args = append(args, "--config", configuration(folder, name))
		}
		return process{
			name: name, bin: name,
			args:  args,
			ports: []string{s.addr(api), s.addr(admin)},
			ready: s.url(admin) + "/readyz",
			shown: s.url(api) + "  metrics: " + s.url(admin) + "/metrics",
		}
	}
	return []process{gateway("bff-mobile", mobilePort), gateway("bff-web", webPort), gateway("bff-tv", tvPort)}
}

// configuration is the file of a shifted gateway.
func configuration(folder, gateway string) string { return filepath.Join(folder, gateway+".yaml") }

// configure writes the gateways' configurations into folder, moved. Their source is
// the working tree, the folder that the gateways' own folders are in.
func (s shift) configure(source, folder string) error {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	for _, g := range gateways(s, folder) {
		text, err := os.ReadFile(filepath.Join(source, g.name, "config.yaml"))
		if err != nil {
			return fmt.Errorf("--shift changes copies of the gateways' configurations: %w; --source is where their folders are", err)
		}
		if err := os.WriteFile(configuration(folder, g.name), s.move(text), 0o600); err != nil {
			return err
		}
	}
	return nil
}

// demoAddress is an address of the demo in a text: those of the table have such ports.
var demoAddress = regexp.MustCompile(`\b127\.0\.0\.1:(7[012]\d\d|[89]08\d)\b`)

// move moves every address of the demo in a text.
func (s shift) move(text []byte) []byte {
	return demoAddress.ReplaceAllFunc(text, func(address []byte) []byte {
		_, digits, _ := strings.Cut(string(address), ":")
		port, _ := strconv.Atoi(digits) // four digits
		return []byte(s.addr(port))
	})
}

// page is the page's line of the table: this program serves it itself.
func (s shift) page() process {
	return process{name: "the page", ports: []string{s.addr(pagePort)}, shown: "Look at it:  " + s.url(pagePort) + "/"}
}

// located gives every program its place in the folder of binaries.
func located(processes []process, folder string) []process {
	for i := range processes {
		processes[i].bin = filepath.Join(folder, processes[i].bin)
	}
	return processes
}

// requests are ready to be copied into a second terminal.
const requests = `
  curl -s --compressed -H "Authorization: Bearer $(make -s token CLIENT=mobile AS=ada)" http://127.0.0.1:8081/v1/home
  curl -s --compressed -H "Authorization: Bearer $(make -s token CLIENT=web AS=ada)" http://127.0.0.1:8082/api/pages/home
  curl -s --compressed -H "Authorization: Bearer $(make -s token CLIENT=tv AS=ada)" http://127.0.0.1:8083/v1/home
`

// requests are those of a shifted demo. Make knows only the usual one.
func (s shift) requests() string {
	if s == 0 {
		return requests
	}
	token := "bin/demo token --provider " + s.url(providerPort) + " "
	moved := string(s.move([]byte(requests)))
	return strings.NewReplacer("make -s token ", token, "CLIENT=", "--client ", "AS=", "--as ").Replace(moved)
}

// describe prints what runs where, the page first.
func describe(out io.Writer, s shift, stages [][]process, logs string) {
	fmt.Fprint(out, "\nThe film store is open.\n\n")
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	asks := false
	for _, stage := range stages {
		for _, p := range stage {
			if p.bin == "" {
				fmt.Fprintf(table, "  %s\n\n", p.shown)
				continue
			}
			fmt.Fprintf(table, "  %s\t%s\n", p.name, p.shown)
			asks = asks || strings.HasPrefix(p.name, "bff-")
		}
	}
	table.Flush()
	if asks {
		fmt.Fprint(out, "\nAsk each gateway for its first screen, from another terminal:\n", s.requests())
	}
	fmt.Fprintf(out, "\nLogs: %s/NAME.log. Ctrl-C stops everything.\n", logs)
}
