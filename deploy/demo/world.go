package main

import (
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"text/tabwriter"
)

// A process is one line of the demo's table.
type process struct {
	name  string
	bin   string   // file name of the program
	args  []string // of the program
	ports []string // addresses that it listens on; all must be free before anything starts
	ready string   // http://… that answers 200, or tcp://host:port that accepts, when it is ready
	shown string   // what the printed table says about it
}

// behind is what the gateways stand in front of.
func behind() []process {
	service := func(name string, number int, more ...string) process {
		api, ops := fmt.Sprintf("127.0.0.1:%d", 7000+number), fmt.Sprintf("127.0.0.1:%d", 7100+number)
		scheme := "http://"
		if name == "catalog" || name == "recommendations" {
			scheme = "grpc://"
		}
		return process{
			name: name, bin: "services",
			args:  []string{name, "--listen", api, "--ops", ops},
			ports: append([]string{api, ops}, more...),
			ready: "http://" + ops + "/healthz",
			shown: scheme + api + "  traffic so far: http://" + ops + "/stats",
		}
	}
	return []process{
		{
			name: "provider", bin: "provider",
			args:  []string{"--listen", "127.0.0.1:7000"},
			ports: []string{"127.0.0.1:7000"},
			ready: "http://127.0.0.1:7000/ready",
			shown: "http://127.0.0.1:7000/  OpenID: /.well-known/openid-configuration",
		},
		service("users", 1),
		service("orders", 2),
		service("reviews", 3),
		service("catalog", 4, "127.0.0.1:7204"),
		service("recommendations", 5),
		{
			name: "redis", bin: "demo",
			args:  []string{"redis", "--listen", "127.0.0.1:7006"},
			ports: []string{"127.0.0.1:7006"},
			ready: "tcp://127.0.0.1:7006",
			shown: "redis://127.0.0.1:7006",
		},
	}
}

// gateways are the product. Their addresses stand in the configuration that each
// has embedded; here they are only watched.
func gateways() []process {
	gateway := func(name string, number int) process {
		api, admin := fmt.Sprintf("127.0.0.1:%d", 8080+number), fmt.Sprintf("127.0.0.1:%d", 9080+number)
		return process{
			name: name, bin: name,
			args:  []string{"run"},
			ports: []string{api, admin},
			ready: "http://" + admin + "/readyz",
			shown: "http://" + api + "  metrics: http://" + admin + "/metrics",
		}
	}
	return []process{gateway("bff-mobile", 1), gateway("bff-web", 2), gateway("bff-tv", 3)}
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
  curl -s --compressed -H "Authorization: Bearer $(make -s token CLIENT=web AS=ada)" http://127.0.0.1:8082/api/dashboard
  curl -s --compressed -H "Authorization: Bearer $(make -s token CLIENT=tv AS=ada)" http://127.0.0.1:8083/v1/home
`

// describe prints what runs where.
func describe(out io.Writer, stages [][]process, logs string) {
	fmt.Fprint(out, "\nThe film store is open.\n\n")
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	asks := false
	for _, stage := range stages {
		for _, p := range stage {
			fmt.Fprintf(table, "  %s\t%s\n", p.name, p.shown)
			asks = asks || strings.HasPrefix(p.name, "bff-")
		}
	}
	table.Flush()
	if asks {
		fmt.Fprint(out, "\nAsk each gateway for its first screen, from another terminal:\n", requests)
	}
	fmt.Fprintf(out, "\nLogs: %s/NAME.log. Ctrl-C stops everything.\n", logs)
}
