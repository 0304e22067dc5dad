package config_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"github.com/triptych-bff/triptych/shared/config"
)

func mustLoad(t *testing.T, src config.Source) (world, *config.Document) {
	t.Helper()
	var w world
	doc, err := config.Load(&w, src)
	if err != nil {
		t.Fatal(err)
	}
	return w, doc
}

func TestZeroSourceYieldsDefaults(t *testing.T) {
	got, doc := mustLoad(t, config.Source{})
	want := world{
		Common:    Common{Listen: "127.0.0.1:8080", Drain: 5 * time.Second},
		Encodings: []string{"zstd", "gzip"}, MaxBody: config.MiB, Port: 8080,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if f := doc.Fault("routes[0].path", "x"); f.String() != "config: routes[0].path: x" {
		t.Error(f)
	}
}

// TestDocument reads one value of every kind, and defaults inside entries and elements.
func TestDocument(t *testing.T) {
	got, _ := mustLoad(t, config.Source{Data: []byte(`
listen: :1
debug: true
upstreams:
  userEvents: {url: a, retries: -3, breaker: {open_for: 1m}}
  userevents: {url: b}
  host.example: {url: 1.20}
routes:
  - {path: /a, methods: [GET, POST], headers: {X-Key: "1"}}
  - {path: /b}
tls: {cert: c, key: k}
labels: {}
trusted: [10.0.0.0/8]
sampling: 0.25
max_body: 64KiB
level: DEBUG
`)})
	half := breaker{Failures: 5, OpenFor: 30 * time.Second}
	quarter := 0.25
	want := world{
		Common: Common{Listen: ":1", Debug: true, Drain: 5 * time.Second},
		Upstreams: map[string]upstream{
			"userEvents":   {URL: "a", Timeout: 2 * time.Second, Retries: -3, Breaker: breaker{5, time.Minute}},
			"userevents":   {URL: "b", Timeout: 2 * time.Second, Retries: 1, Breaker: half},
			"host.example": {URL: "1.20", Timeout: 2 * time.Second, Retries: 1, Breaker: half},
		},
		Routes: []route{
			{Path: "/a", Methods: []string{"GET", "POST"}, Headers: map[string]string{"X-Key": "1"}, Weight: 1},
			{Path: "/b", Methods: []string{"GET"}, Weight: 1},
		},
		TLS: &files{"c", "k"}, Labels: map[string]string{}, Encodings: []string{"zstd", "gzip"},
		Trusted: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}, Sampling: &quarter,
		MaxBody: 64 * config.KiB, Port: 8080, Level: slog.LevelDebug,
	}
	if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })); diff != "" {
		t.Error(diff)
	}
}

// TestLayers gives one value by every combination of layers: the highest wins.
func TestLayers(t *testing.T) {
	t.Setenv("BFF_UPSTREAMS_USERS_TIMEOUT", "9s") // the process's own is never looked at
	for layers := range 8 {
		src := config.Source{Data: []byte("upstreams: {users: {url: a}}"), EnvPrefix: "BFF"}
		want := 2 * time.Second
		if layers&1 != 0 {
			src.Data, want = []byte("upstreams: {users: {url: a, timeout: 3s}}"), 3*time.Second
		}
		if layers&2 != 0 {
			src.Environ, want = []string{"BFF_UPSTREAMS_USERS_TIMEOUT=4s"}, 4*time.Second
		}
		if layers&4 != 0 {
			src.Set, want = []string{"upstreams.users.timeout=1h", "upstreams.users.timeout=5s"}, 5*time.Second
		}
		w, _ := mustLoad(t, src)
		if got := w.Upstreams["users"].Timeout; got != want {
			t.Errorf("layers %03b: %v, want %v", layers, got, want)
		}
	}
}

// TestOverlayReaches shows what the environment and --set can set.
func TestOverlayReaches(t *testing.T) {
	w, _ := mustLoad(t, config.Source{
		Data: []byte("upstreams: {user-Events: {url: a}}\nencodings: [gzip]\nlabels: {TeamName: a}"), EnvPrefix: "BFF",
		Environ: []string{
			"BFF_UPSTREAMS_USER_EVENTS_URL=b", "BFF_ENCODINGS=", "BFF_LABELS_TEAMNAME=x=y", "BFF_TLS_CERT=c",
			"BFF_SAMPLING=1", "BFF_UPSTREAMS_NEW_RETRIES=7", "BFF_PORT=1", "BFF_PORT=2", "UNRELATED", "=C:=x",
		},
		Set: []string{`upstreams["New"].url=n`, "tls.key=k", "trusted=10.0.0.0/8, 192.168.0.0/16", `labels["a.b"]=`, `labels.list=[1]`},
	})
	if got := w.Upstreams["user-Events"].URL; got != "b" {
		t.Error("entry of the document:", got)
	}
	if got := w.Upstreams["New"]; got.URL != "n" || got.Retries != 7 || got.Breaker.Failures != 5 {
		t.Error("new entry:", got)
	}
	if w.Encodings == nil || len(w.Encodings) != 0 || w.Port != 2 || w.Sampling == nil || *w.Sampling != 1 {
		t.Error("values:", w.Encodings, w.Port, w.Sampling)
	}
	if diff := cmp.Diff(map[string]string{"TeamName": "x=y", "a.b": "", "list": "[1]"}, w.Labels); diff != "" {
		t.Error(diff)
	}
	if w.TLS == nil || *w.TLS != (files{"c", "k"}) || len(w.Trusted) != 2 {
		t.Error("pointer and list:", w.TLS, w.Trusted)
	}
}

// TestCaseOfNames guards what viper alone would mix up.
func TestCaseOfNames(t *testing.T) {
	w, _ := mustLoad(t, config.Source{Data: []byte("labels: {userId: a, userid: b, USERID: c, Ä: d, ä: e, 'a.b': f, 'İ': g, 'i̇': h}")})
	want := map[string]string{"userId": "a", "userid": "b", "USERID": "c", "Ä": "d", "ä": "e", "a.b": "f", "İ": "g", "i̇": "h"}
	if diff := cmp.Diff(want, w.Labels); diff != "" {
		t.Error(diff)
	}
}

func TestFailedLoadChangesNothing(t *testing.T) {
	w := world{Common: Common{Listen: "before"}, Labels: map[string]string{"a": "b"}}
	doc, err := config.Load(&w, config.Source{Data: []byte("listen: after\nlabels: {a: c}\nno_such_key: 1")})
	if doc != nil || err == nil || w.Listen != "before" || w.Labels["a"] != "b" {
		t.Error(doc, err, w)
	}
}

func TestLoadReplacesConfigurationAndKeepsTheRest(t *testing.T) {
	clock := func() time.Time { return time.Unix(1, 0) }
	old := &files{"old", "old"}
	w := world{Common: Common{Listen: "before"}, TLS: old, Routes: []route{{Path: "/old"}}, Clock: clock}
	if _, err := config.Load(&w, config.Source{Data: []byte("tls: {cert: c, key: k}")}); err != nil {
		t.Fatal(err)
	}
	if w.Listen != "127.0.0.1:8080" || w.Routes != nil || *w.TLS != (files{"c", "k"}) {
		t.Error("not set anew:", w.Listen, w.Routes, w.TLS)
	}
	if w.Clock == nil || old.Cert != "old" {
		t.Error("the untagged field or what the old pointer leads to changed")
	}
}

func TestWarnings(t *testing.T) {
	_, doc := mustLoad(t, config.Source{Name: "bff.yaml", Data: []byte("debug: true")})
	if got := doc.Warnings().Error(); got != "bff.yaml:1:8: debug: shows requests to everybody who reads the log" {
		t.Errorf("%q", got)
	}
}

func TestPlacesOfLaterFaults(t *testing.T) {
	_, doc := mustLoad(t, config.Source{
		Name: "bff.yaml", EnvPrefix: "BFF",
		Data:    []byte("upstreams:\n  users:\n    url: a\n  host.example: {url: b}\nroutes:\n  - path: /a\n    methods: [GET,\n      POST]\n"),
		Environ: []string{"BFF_DRAIN=1s"}, Set: []string{"port=1"},
	})
	for key, want := range map[string]string{
		"":                                "bff.yaml:1:1: x",
		"upstreams":                       "bff.yaml:1:1: upstreams: x",
		"upstreams.users":                 "bff.yaml:2:3: upstreams.users: x",
		"upstreams.users.url":             "bff.yaml:3:10: upstreams.users.url: x",
		"upstreams.users.timeout":         "bff.yaml:2:3: upstreams.users.timeout: x",
		"upstreams.users.breaker.none":    "bff.yaml:2:3: upstreams.users.breaker.none: x",
		`upstreams["host.example"].token`: `bff.yaml:4:3: upstreams["host.example"].token: x`,
		"routes[0].methods[1]":            "bff.yaml:8:7: routes[0].methods[1]: x",
		"routes[0].weight":                "bff.yaml:6:5: routes[0].weight: x",
		"routes[7].weight":                "bff.yaml:5:1: routes[7].weight: x",
		"drain":                           "BFF_DRAIN: drain: x",
		"port":                            "--set: port: x",
		"listen":                          "bff.yaml:1:1: listen: x",
		"..":                              "bff.yaml:1:1: ..: x",
	} {
		if got := doc.Fault(key, "%s", "x").String(); got != want {
			t.Errorf("Fault(%q) = %q, want %q", key, got, want)
		}
	}
}

func TestManyFaultsAreCut(t *testing.T) {
	var b strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&b, "key%d: 1\n", i)
	}
	_, err := config.Load(&world{}, config.Source{Data: []byte(b.String())})
	var faults config.Faults
	if !errors.As(err, &faults) || len(faults) != 201 || faults[200].Message != "and 800 more faults" {
		t.Error(len(faults), faults[len(faults)-1])
	}
}

func TestBounds(t *testing.T) {
	for name, c := range map[string]struct{ data, want string }{
		"size":   {"# " + strings.Repeat("x", 1<<20), "config: the document is larger than 1MiB"},
		"values": {"encodings: [" + strings.Repeat("a,", 20_000) + "]", "config:1:40007: the document has more than 20000 values"},
		"depth":  {strings.Repeat("[", 9000) + strings.Repeat("]", 9000), "config:1:34: more than 32 levels deep"},
	} {
		_, err := config.Load(&world{}, config.Source{Data: []byte(c.data)})
		if err == nil || err.Error() != c.want {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
}

func TestMisuseIsAPanic(t *testing.T) {
	type loop struct {
		Inner []struct {
			Again *loop `config:"again"`
		} `config:"inner"`
	}
	for name, dst := range map[string]any{
		"not a pointer": world{},
		"nil":           (*world)(nil),
		"not a struct":  new(int),
		"kind": &struct {
			A chan int `config:"a"`
		}{},
		"any": &struct {
			A map[string]any `config:"a"`
		}{},
		"key of map": &struct {
			A map[int]string `config:"a"`
		}{},
		"pointer to pointer": &struct {
			A **int `config:"a"`
		}{},
		"unexported": &struct {
			a int `config:"a"`
		}{},
		"name": &struct {
			A int `config:"maxBody"`
		}{},
		"no name": &struct {
			A int `config:""`
		}{},
		"taken": &struct {
			A, B int `config:"a"`
		}{},
		"default": &struct {
			A int `config:"a" default:"x"`
		}{},
		"default and require": &struct {
			A int `config:"a" default:"1" required:"true"`
		}{},
		"default of mapping": &struct {
			A map[string]int `config:"a" default:"{}"`
		}{},
		"default of elements": &struct {
			A []time.Duration `config:"a" default:"1s,2"`
		}{},
		"contains itself": &loop{},
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if r := recover(); r == nil || !strings.HasPrefix(fmt.Sprint(r), "config: ") {
					t.Errorf("recovered %v", r)
				}
			}()
			_, _ = config.Load(dst, config.Source{})
		})
	}
}

func TestSecrets(t *testing.T) {
	dir := t.TempDir()
	absolute := filepath.Join(dir, "large")
	for name, text := range map[string]string{"token": " of the file \r\n", "large": strings.Repeat("x", 64<<10)} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	src := config.Source{
		Dir: dir, EnvPrefix: "BFF", Environ: []string{"BFF_REDIS_PASSWORD=of the variable\n"},
		Data: []byte("redis: {password: {env: BFF_REDIS_PASSWORD}}\nupstreams:\n  a: {url: a, token: {file: token}}\n  b: {url: b, token: {file: " + absolute + "}}"),
	}
	w, _ := mustLoad(t, src)
	if w.Redis.Password.Reveal() != "of the variable" || w.Upstreams["a"].Token.Reveal() != " of the file " || len(w.Upstreams["b"].Token.Reveal()) != 64<<10 {
		t.Errorf("%q %q", w.Redis.Password.Reveal(), w.Upstreams["a"].Token.Reveal())
	}

	src.Set = []string{"redis.password.file=token"} // the other form, in a higher layer
	if w, _ = mustLoad(t, src); w.Redis.Password.Reveal() != " of the file " {
		t.Errorf("%q", w.Redis.Password.Reveal())
	}

	if err := os.WriteFile(absolute, []byte(strings.Repeat("x", 64<<10+1)), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := config.Load(&w, src)
	if want := "config:4:29: upstreams.b.token.file: the secret is larger than 64KiB"; err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
}

func TestSecretIsNeverShown(t *testing.T) {
	const text = "hunter2"
	s := config.NewSecret(text)
	holder := struct {
		Open   config.Secret
		Ref    *config.Secret
		hidden config.Secret
	}{s, &s, s}
	shown := []string{s.String(), s.LogValue().String()}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%t", "%10v", "%p", "%T", "%!"} {
		shown = append(shown, fmt.Sprintf(verb, s), fmt.Sprintf(verb, &s), fmt.Sprintf(verb, holder), fmt.Sprintf(verb, []config.Secret{s}))
	}
	for _, marshal := range []func(any) ([]byte, error){json.Marshal, yaml.Marshal} {
		data, err := marshal(map[string]any{"s": s, "p": &s, "h": holder.Open})
		if err != nil || !strings.Contains(string(data), "[secret]") {
			t.Errorf("%s %v", data, err)
		}
		shown = append(shown, string(data))
	}
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "s", s, "h", holder)
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "s", s, "h", holder)
	for _, out := range append(shown, log.String()) {
		if strings.Contains(out, text) || strings.Contains(out, fmt.Sprintf("%x", text)) || strings.Contains(out, fmt.Sprintf("%X", text)) {
			t.Errorf("shown: %s", out)
		}
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		if got := fmt.Sprintf(verb, s); got != "[secret]" {
			t.Errorf("%s prints %s", verb, got)
		}
	}
	if !s.Equal(config.NewSecret(text)) || s.Equal(config.Secret{}) || s.IsZero() || !(config.Secret{}).IsZero() {
		t.Error("Equal or IsZero")
	}
}
