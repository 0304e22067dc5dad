package compression

import (
	"strings"
	"testing"
)

func newTest(t testing.TB, c Config) *Compressor {
	t.Helper()
	k, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func both() Config { return Config{Encodings: []string{"zstd", "gzip"}, MinSize: 1024} }

func TestNegotiate(t *testing.T) {
	for accept, want := range map[string]Encoding{
		"":                                Identity,
		" ":                               Identity,
		"gzip":                            Gzip,
		"GZip":                            Gzip,
		"x-gzip":                          Gzip,
		"zstd":                            Zstd,
		"gzip, deflate, br, zstd":         Zstd,
		"zstd;q=0.5, gzip":                Gzip,
		"zstd;q=0.5,gzip;q=0.500":         Zstd,
		"gzip;q=0":                        Identity,
		"gzip;q=0.000, zstd;q=0":          Identity,
		"gzip;q=0.001":                    Gzip,
		"*":                               Zstd,
		"*;q=0.1, zstd;q=0":               Gzip,
		"*;q=0":                           Identity,
		"*;q=0, gzip":                     Gzip,
		"identity":                        Identity,
		"identity, gzip":                  Gzip,
		"identity;q=0.5, gzip;q=0.4":      Identity,
		"identity;q=0":                    Identity,
		"identity;q=0, gzip;q=0.1":        Gzip,
		"identity;q=0, *;q=0.2":           Zstd,
		"br;q=1, gzip;q=0.8, *;q=0.1":     Gzip,
		"gzip ; q=0.3 , zstd ; Q = 0.2 ":  Gzip,
		"gzip;q=0, gzip;q=1":              Gzip,
		"gzip;q=2":                        Identity,
		"gzip;q=1.001":                    Identity,
		"gzip;q=0.1234":                   Identity,
		"gzip;q=-1":                       Identity,
		"gzip;q=":                         Identity,
		"gzip;q=.5":                       Identity,
		"gzip;level=9":                    Identity,
		"gzip;q=abc, zstd;q=0.1":          Zstd,
		"gzipped, not-zstd":               Identity,
		",,, gzip,":                       Gzip,
		strings.Repeat("a,", 40) + "gzip": Identity, // beyond what is read
	} {
		if got := newTest(t, both()).Negotiate(accept); got != want {
			t.Errorf("%q: got %s, want %s", accept, got, want)
		}
	}
}

func TestNegotiateOffers(t *testing.T) {
	for offered, want := range map[string]Encoding{"zstd,gzip": Zstd, "gzip,zstd": Gzip, "gzip": Gzip, "": Identity} {
		c := Config{}
		if offered != "" {
			c.Encodings = strings.Split(offered, ",")
		}
		if got := newTest(t, c).Negotiate("gzip, zstd"); got != want {
			t.Errorf("%s: got %s, want %s", offered, got, want)
		}
	}
}

// The result is always offered and acceptable.
func FuzzNegotiate(f *testing.F) {
	for _, seed := range []string{"gzip;q=0.5,zstd", "*;q=0,identity;q=0", "gzip;;q=1", "gzip;q=0.0001", "\xff,gzip", strings.Repeat(",", 1000)} {
		f.Add(seed)
	}
	only := newTest(f, Config{Encodings: []string{"gzip"}})
	all := newTest(f, both())
	f.Fuzz(func(t *testing.T, accept string) {
		e := all.Negotiate(accept)
		if e != Identity && parseAccept(accept)[e] <= 0 {
			t.Fatalf("%q yields %s", accept, e)
		}
		if e := only.Negotiate(accept); e == Zstd {
			t.Fatalf("%q yields what is not offered", accept)
		}
		if e != Identity && !strings.Contains(strings.ToLower(accept), e.String()) && !strings.Contains(accept, "*") {
			t.Fatalf("%q yields %s", accept, e)
		}
	})
}
