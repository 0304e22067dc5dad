package gateway

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/triptych-bff/triptych/shared/aggregation"
	"github.com/triptych-bff/triptych/shared/config"
	"github.com/triptych-bff/triptych/shared/protojson"
	"github.com/triptych-bff/triptych/shared/telemetry"
	"github.com/triptych-bff/triptych/shared/tlsconf"
	"github.com/triptych-bff/triptych/shared/upstream"
)

// An App is what one gateway brings to the shared mechanisms.
type App struct {
	Name    string // of the program, such as "bff-example"; its upper-case form prefixes environment variables
	Version string // of the program; empty for a development build
	Commit  string
	// Files holds config.yaml, which is served when no file is given, and what
	// that names with "embedded:".
	Files fs.FS
	// Settings makes an empty configuration.
	Settings func() Settings
}

// Settings are a gateway's configuration: a struct that embeds [Config] and has
// what only this gateway needs.
type Settings interface {
	// Core is the embedded Config.
	Core() *Config
	// Endpoints are the gateway's aggregation endpoints. It is pure: it is called
	// for every configuration that is loaded.
	Endpoints() []aggregation.Endpoint
}

// Source says where a configuration comes from.
type Source struct {
	File    string   // path of the document; empty for the one that is built in
	Environ []string // as from os.Environ
	Set     []string // single keys, "server.listen=:8080"
}

// embeddedName is the built-in document among an App's Files.
const embeddedName = "config.yaml"

// embeddedScheme begins the name of a file among an App's Files.
const embeddedScheme = "embedded:"

// loaded is a configuration and where everything in it stands.
type loaded struct {
	Settings
	document *config.Document
	dir      string
	files    fs.FS
}

// load reads and checks a configuration. All its faults are in one error.
func (a App) load(src Source) (*loaded, error) {
	l := &loaded{Settings: a.Settings(), files: a.Files}
	in := config.Source{
		Name: "built-in " + embeddedName, EnvPrefix: a.envPrefix(), Environ: src.Environ, Set: src.Set,
	}
	var err error
	if src.File == "" {
		in.Data, err = fs.ReadFile(a.Files, embeddedName)
	} else {
		l.dir = filepath.Dir(src.File)
		in.Name, in.Dir = src.File, l.dir
		in.Data, err = readBounded(src.File)
	}
	if err != nil {
		return nil, fmt.Errorf("configuration: %w", err)
	}
	l.document, err = config.Load(l.Settings, in)
	return l, err
}

// maxDocument is far more than any gateway needs; a larger file is a mistake.
const maxDocument = 4 << 20

func readBounded(path string) ([]byte, error) {
	data, err := os.ReadFile(path)
	if err == nil && len(data) > maxDocument {
		err = fmt.Errorf("%s: larger than %d bytes", path, maxDocument)
	}
	return data, err
}

func (a App) envPrefix() string {
	return strings.ToUpper(strings.ReplaceAll(a.Name, "-", "_"))
}

// read returns a file that the configuration names: embedded, or relative to
// the document.
func (l *loaded) read(name string) ([]byte, error) {
	if inner, ok := strings.CutPrefix(name, embeddedScheme); ok {
		if l.files == nil {
			return nil, errors.New("this program has no embedded files")
		}
		return fs.ReadFile(l.files, inner)
	}
	return readBounded(l.path(name))
}

// path is where a file lies that the configuration names.
func (l *loaded) path(name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(l.dir, name)
}

// warnings are all that is legal, but likely a slip or unwise.
func (l *loaded) warnings(s *snapshot) config.Faults {
	return append(l.document.Warnings(), s.warnings...)
}

// tls is the TLS configuration with its files made absolute.
func (l *loaded) tls() tlsconf.Config { return l.Core().TLS.In(l.dir) }

// Build is what a binary of the app says of itself.
func (a App) Build() telemetry.Build {
	return telemetry.Build{
		Program: a.Name, Version: cmp.Or(a.Version, "devel"),
		Shared: cmp.Or(sharedVersion(), "devel"), Commit: cmp.Or(a.Commit, "unknown"),
	}
}

// descriptors are those of a service, or nil where it names none.
func (l *loaded) descriptors(c upstream.Config) (*protojson.Files, error) {
	if c.Descriptors == "" {
		return nil, nil
	}
	set, err := l.read(c.Descriptors)
	if err != nil {
		return nil, err
	}
	return protojson.Load(set)
}
