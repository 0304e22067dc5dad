package tlsconf

import (
	"slices"
	"testing"
)

func TestFiles(t *testing.T) {
	c := Config{[]Certificate{{Cert: "a.crt", Key: "/etc/a.key"}}}
	if got := c.In("/srv").Files(); !slices.Equal(got, []string{"/srv/a.crt", "/etc/a.key"}) {
		t.Error(got)
	}
	if !c.Enabled() || (Config{}).Enabled() {
		t.Error("TLS is there exactly when there are certificates")
	}
}
