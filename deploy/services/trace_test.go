package main

import (
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"

	catalogpb "github.com/triptych-bff/triptych/deploy/proto/filmstore/catalog/v1"
	"github.com/triptych-bff/triptych/deploy/services/meter"
)

// traced reads what the service has noted of a trace.
func (s *serving) traced(t testing.TB, id string) meter.Trace {
	t.Helper()
	return decode[struct {
		Service string
		meter.Trace
	}](t, s.get(t, ops, "/stats?trace="+id)).Trace
}

// parent is the traceparent of a request in the trace of that id.
func parent(id string) string { return "00-" + id + "-00f067aa0ba902b7-01" }

const (
	oneTrace   = "4bf92f3577b34da6a3ce929d0e0e4736"
	otherTrace = "0af7651916cd43dd8448eb211c80319c"
)

func TestTrace(t *testing.T) {
	s := serve(t, "users")
	var want meter.Trace
	for _, call := range []struct {
		method, path, traceparent string
		status                    int
	}{
		{"GET", "/users/ada", parent(oneTrace), 200},
		{"GET", "/users/ben", parent(otherTrace), 200},
		{"GET", "/users/zoltan?x=y", parent(oneTrace), 404},
		{"HEAD", "/users/ada", parent(oneTrace), 200},
		{"GET", "/users/ada", "00-" + oneTrace, 200},
		{"GET", "/users/ada", "", 200},
	} {
		req, err := http.NewRequestWithContext(t.Context(), call.method, "http://"+s.addr(api)+call.path, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Traceparent", call.traceparent)
		a := do(t, req)
		if a.status != call.status {
			t.Errorf("%s: %d", call.path, a.status)
		}
		if call.traceparent == parent(oneTrace) {
			want.Requests++
			want.Bytes += int64(len(a.body))
			want.Calls = append(want.Calls, meter.Call{Call: call.method + " " + req.URL.Path, Status: call.status, Bytes: int64(len(a.body))})
		}
		// Whoever has the answer finds it noted.
		if diff := cmp.Diff(want, s.traced(t, oneTrace), cmpopts.IgnoreFields(meter.Call{}, "MS")); diff != "" {
			t.Errorf("after %s (-want +got):\n%s", call.path, diff)
		}
	}
	unknown := s.get(t, ops, "/stats?trace=00000000000000000000000000000001")
	if want := `{"service":"users","requests":0,"bytes":0,"calls":[]}` + "\n"; string(unknown.body) != want {
		t.Errorf("an unknown trace: %s", unknown.body)
	}
	for _, id := range []string{"", "x", oneTrace + "0", "4BF92F3577B34DA6A3CE929D0E0E4736"} {
		code(t, s.get(t, ops, "/stats?trace="+id), http.StatusBadRequest)
	}
}

func TestTraceOfRPC(t *testing.T) {
	s := serve(t, "catalog")
	c := catalogpb.NewCatalogClient(dial(t, s))
	ctx := metadata.AppendToOutgoingContext(t.Context(), "traceparent", parent(oneTrace))
	film, err := c.GetFilm(ctx, &catalogpb.GetFilmRequest{Id: "pulp-fiction-1994"})
	if err != nil {
		t.Fatal(err)
	}
	size := int64(proto.Size(film))
	want := meter.Trace{
		Counts: meter.Counts{Requests: 1, Bytes: size},
		Calls:  []meter.Call{{Call: "Catalog/GetFilm", Status: 0, Bytes: size}},
	}
	ignore := cmpopts.IgnoreFields(meter.Call{}, "MS")
	if diff := cmp.Diff(want, s.traced(t, oneTrace), ignore); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if _, err := c.GetFilm(ctx, &catalogpb.GetFilmRequest{Id: "nothing-1900"}); err == nil {
		t.Error("there is such a film")
	}
	want.Requests++
	want.Calls = append(want.Calls, meter.Call{Call: "Catalog/GetFilm", Status: 5})
	if diff := cmp.Diff(want, s.traced(t, oneTrace), ignore); diff != "" {
		t.Errorf("after a refusal (-want +got):\n%s", diff)
	}
}
