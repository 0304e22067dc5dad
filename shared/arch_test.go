package shared_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/triptych-bff/triptych/shared/"

// floors is the plan of the house: a package imports only packages of lower
// floors, so that each can be read, tested and replaced without those above it.
var floors = map[string]int{
	"problem": 1, "config": 1, "telemetry": 1, "identity": 1, "projection": 1, "protojson": 1, "http1": 1, "signed": 1,
	"routing": 2, "ratelimit": 2, "compression": 2, "auth": 2, "resilience": 2, "tlsconf": 2, "framing": 2,
	"upstream":  3,
	"httpcache": 4, "proxy": 4,
	"aggregation": 5, "transcoding": 5,
	"edge": 6, "server": 6,
	"gateway": 7,
	"command": 8, "gatewaytest": 8,
}

// confined are libraries that one package knows, and why.
var confined = map[string]struct{ owner, reason string }{
	"github.com/labstack/echo":  {"gateway", "the web framework is a detail of how routes are matched; no interface may depend on it"},
	"github.com/spf13/viper":    {"config", "it lower-cases keys and splits them on dots; what reads configuration sees plain structs"},
	"github.com/spf13/cobra":    {"command", "the command line is the outermost shell"},
	"github.com/sony/gobreaker": {"resilience", "its traps are closed in one place"},
	"github.com/golang-jwt/jwt": {"auth", "it checks only what it is told to; there is one place that tells it"},
	"github.com/klauspost":      {"compression", "encoders are expensive and pooled once"},
	"github.com/maypok86/otter": {"httpcache", "its goroutines need an owner who stops them"},
}

// foreign are words that shared must not know: a mechanism that names a client
// or its data belongs to that client's gateway.
var foreign = []string{"mobile", "television", "bff-web", "bff-tv", "film", "movie"}

func TestArchitecture(t *testing.T) {
	set := token.NewFileSet()
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || filepath.Dir(path) == "." {
			return err
		}
		file, err := parser.ParseFile(set, path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		room, _, _ := strings.Cut(filepath.ToSlash(path), "/")
		test := strings.HasSuffix(path, "_test.go")
		for _, spec := range file.Imports {
			imported, _ := strconv.Unquote(spec.Path.Value)
			checkFloor(t, path, room, imported, test)
			checkConfined(t, path, room, imported, test)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func checkFloor(t *testing.T, path, room, imported string, test bool) {
	t.Helper()
	own, known := floors[room]
	if !known && room != "internal" {
		t.Errorf("%s: package %s has no floor; name one in the table", path, room)
	}
	if room == "internal" {
		own = 0 // below all floors: what several rooms need and nobody is promised
	}
	rest, ours := strings.CutPrefix(imported, module)
	if !ours || test {
		return // a test may stand on any package
	}
	target, _, _ := strings.Cut(rest, "/")
	if target == room || target == "internal" {
		return
	}
	if floors[target] >= own {
		t.Errorf("%s: %s (floor %d) imports %s (floor %d); a package imports only lower floors", path, room, own, target, floors[target])
	}
}

func checkConfined(t *testing.T, path, room, imported string, test bool) {
	t.Helper()
	if test || room == "gatewaytest" {
		return // a test, and what helps one, may look behind every door
	}
	for prefix, rule := range confined {
		if strings.HasPrefix(imported, prefix) && room != rule.owner {
			t.Errorf("%s: imports %s, which only package %s knows: %s", path, imported, rule.owner, rule.reason)
		}
	}
}

// TestForeignWords keeps clients and their data out of shared's code.
func TestForeignWords(t *testing.T) {
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || path == "arch_test.go" {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		for _, word := range words(file) {
			for _, bad := range foreign {
				if strings.Contains(strings.ToLower(word), bad) {
					t.Errorf("%s: %q: shared knows no client and no data of one", path, word)
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// words are the identifiers, strings and comments of a file.
func words(file *ast.File) []string {
	var all []string
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.Ident:
			all = append(all, n.Name)
		case *ast.BasicLit:
			all = append(all, n.Value)
		}
		return true
	})
	for _, group := range file.Comments {
		all = append(all, group.Text())
	}
	return all
}
