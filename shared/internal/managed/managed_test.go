package managed

import (
	"net/http"
	"testing"
)

func TestHas(t *testing.T) {
	n := New("x-tenant-*", "x-plan")
	for name, want := range map[string]bool{
		"X-User-Id": true, "x_user_id": true, "X.User.Id": true, "X-User": true, "X-Users": false,
		"X-Forwarded-For": true, "x-forwarded_proto": true, "Forwarded": true, "X-Real-Ip": true, "REMOTE_USER": true,
		"X-Tenant-Id": true, "X_Tenant": false, "X-Plan": true, "X-Plan-B": false,
		"Accept": false, "": false, "X-App-Version": false,
	} {
		if got := n.Has(name); got != want {
			t.Errorf("%q: %v, not %v", name, got, want)
		}
	}
}

func TestDrop(t *testing.T) {
	h := http.Header{"X-User-Id": {"root"}, "X_user_id": {"root"}, "Accept": {"*/*"}}
	New().Drop(h)
	if len(h) != 1 || h.Get("Accept") == "" {
		t.Error(h)
	}
}

func BenchmarkHas(b *testing.B) {
	n := New()
	b.ReportAllocs()
	for b.Loop() {
		n.Has("Accept-Encoding")
		n.Has("X-Forwarded-For")
	}
}
