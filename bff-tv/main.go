// Command bff-tv is the gateway of the television app: it answers one request
// with ready-made rows, made of the services behind it.
package main

import (
	"embed"
	"os"

	"github.com/triptych-bff/triptych/shared/command"
	"github.com/triptych-bff/triptych/shared/gateway"
)

//go:embed config.yaml descriptors/*.binpb
var files embed.FS

// Set by the build: -ldflags "-X main.version=… -X main.commit=…".
var version, commit string

func main() {
	os.Exit(command.Main(app(), os.Args[1:]))
}

// app is everything that makes this gateway the television's.
func app() gateway.App {
	return gateway.App{
		Name: "bff-tv", Version: version, Commit: commit,
		Files:    files,
		Settings: func() gateway.Settings { return new(Config) },
	}
}
