package upstream

import (
	"bufio"
	"context"
	"net"
	"net/http"
	"strconv"
	"testing"
	"time"

	"google.golang.org/grpc/metadata"

	"github.com/triptych-bff/triptych/shared/http1"
)

// budgets are the bounds that a call may have, and which of them is the earliest.
var budgets = map[string]struct {
	service, request, context time.Duration
	want                      time.Duration
}{
	"the service's": {time.Minute, 0, 0, time.Minute},
	"the request's": {time.Minute, 40 * time.Second, time.Hour, 40 * time.Second},
	"the context's": {time.Minute, 40 * time.Second, 30 * time.Second, 30 * time.Second},
	"none above":    {time.Minute, time.Hour, time.Hour, time.Minute},
}

// start begins a call with such bounds, and says between which instants it did.
func startWithin(t *testing.T, s *Service, request, above time.Duration, req *Request) (p Pending, from, to time.Time) {
	t.Helper()
	ctx := t.Context()
	from = time.Now()
	if above > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, above)
		t.Cleanup(cancel)
	}
	req.Timeout = request
	return s.Start(ctx, req), from, time.Now()
}

// The deadline that the service reads lies between what the call was given and
// what it could have lost on its way here.
func TestTheRemainingTimeIsSent(t *testing.T) {
	type sent struct {
		values  []string
		arrived time.Time
	}
	got := make(chan sent, 1)
	note := func(_ http.ResponseWriter, r *http.Request) {
		got <- sent{r.Header.Values("X-Deadline-Ms"), time.Now()}
	}
	_, second := serveHTTP2(t, false, note)
	for protocol, c := range map[string]Config{"HTTP/1.1": {URL: serve(t, note).URL}, "HTTP/2": second} {
		for name, b := range budgets {
			t.Run(protocol+" "+name, func(t *testing.T) {
				c.Timeout, c.DeadlineHeader = b.service, "x-deadline-ms"
				req := &Request{Path: "/", Header: http1.Fields{{Name: "X-DEADLINE-MS", Value: "999999"}}}
				p, from, _ := startWithin(t, service(t, newPool(t), c), b.request, b.context, req)
				if _, err := p.Wait(); err != nil {
					t.Fatal(err)
				}
				at := receive(t, got, "request")
				if len(at.values) != 1 {
					t.Fatalf("the service sees %q", at.values)
				}
				ms, err := strconv.Atoi(at.values[0])
				left := time.Duration(ms) * time.Millisecond
				if err != nil || left > b.want || left < b.want-at.arrived.Sub(from)-time.Millisecond {
					t.Errorf("%v, %v, want %v at most", left, err, b.want)
				}
			})
		}
	}
}

func TestTheRemainingTimeIsSentOnAgain(t *testing.T) {
	heads := make(chan *http.Request, 3)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	defer func() { _ = listener.Close(); <-done }()
	go func() {
		defer close(done)
		for end := 1; ; end = 3 { // the first connection ends when it is used again
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			text := bufio.NewReader(conn)
			for n := 0; ; n++ {
				r, err := http.ReadRequest(text)
				if err != nil {
					break
				}
				heads <- r
				if n == end {
					break
				}
				say("HTTP/1.1 204 No Content\r\n\r\n")(conn)
			}
			_ = conn.Close()
		}
	}()
	p := newPool(t)
	s := service(t, p, Config{URL: "http://" + listener.Addr().String(), Timeout: patience, DeadlineHeader: "X-Deadline-Ms"})
	for range 2 {
		if _, err := get(s, "/"); err != nil {
			t.Fatal(err)
		}
	}
	if n := p.stats()["users"].Replayed; n != 1 {
		t.Errorf("%d requests were sent once more", n)
	}
	for range 3 {
		ms, err := strconv.Atoi(receive(t, heads, "request").Header.Get("X-Deadline-Ms"))
		if err != nil || ms <= 0 || ms > int(patience/time.Millisecond) {
			t.Errorf("%d, %v", ms, err)
		}
	}
	p.Close()
}

// What is passed through has no end that is waited for, and what clients say of
// it is not theirs to say.
func TestNoRemainingTimeIsPassedThrough(t *testing.T) {
	got := make(chan http.Header, 1)
	note := func(_ http.ResponseWriter, r *http.Request) { got <- r.Header }
	_, second := serveHTTP2(t, false, note)
	for name, c := range map[string]Config{"HTTP/1.1": {URL: serve(t, note).URL}, "HTTP/2": second} {
		c.DeadlineHeader = "X-Deadline-Ms"
		out := outgoing("GET", "/", nil)
		out.Header = http1.Fields{{Name: "x-deadline-ms", Value: "1"}, {Name: "X-Other", Value: "2"}}
		stream, err := open(t.Context(), service(t, newPool(t), c), out)
		if err != nil {
			t.Fatal(err)
		}
		stream.Close()
		if h := receive(t, got, "request"); h.Values("X-Deadline-Ms") != nil || h.Get("X-Other") != "2" {
			t.Errorf("%s: %v", name, h)
		}
	}
}

func TestGRPCSendsTheRemainingTime(t *testing.T) {
	method := getBook(t)
	type sent struct{ deadline, arrived time.Time }
	got := make(chan sent, 1)
	address := library(t, method, func(ctx context.Context, _ string) (string, error) {
		deadline, _ := ctx.Deadline() // of grpc-timeout, which has no other reader
		if md, _ := metadata.FromIncomingContext(ctx); len(md["x-deadline-ms"]) > 0 {
			t.Error("it says so twice")
		}
		got <- sent{deadline, time.Now()}
		return "ok", nil
	})
	for name, b := range budgets {
		t.Run(name, func(t *testing.T) {
			s := service(t, newPool(t), Config{GRPC: address, Timeout: b.service})
			p, from, to := startWithin(t, s, b.request, b.context, &Request{RPC: method})
			if _, err := p.Wait(); err != nil {
				t.Fatal(err)
			}
			// The service's clock starts again when the request arrives, and what is
			// left is rounded up to a unit of at most eight digits.
			at := receive(t, got, "request")
			latest := to.Add(b.want).Add(at.arrived.Sub(from) + time.Millisecond)
			if at.deadline.After(latest) || at.deadline.Before(from.Add(b.want)) {
				t.Errorf("the service has %v, want %v", at.deadline.Sub(from), b.want)
			}
		})
	}
}

func TestHeadersOutliveTheBody(t *testing.T) {
	server := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		for _, cookie := range []string{"a=1", "b=2"} {
			w.Header().Add("Set-Cookie", cookie)
		}
		w.Header()["Cache-Control"] = []string{"public", "max-age=5"}
		w.Header().Set("Vary", "Accept-Language")
		w.Header().Set("Age", "3")
		_, _ = w.Write([]byte("the first body"))
	})
	s := service(t, newPool(t), Config{URL: server.URL})
	resp, err := get(s, "/")
	if err != nil {
		t.Fatal(err)
	}
	resp.Release()
	if again, err := get(s, "/"); err != nil || again.Status != 200 { // perhaps where the first was
		t.Fatal(err)
	}
	for name, want := range map[string][]string{
		"set-cookie": {"a=1", "b=2"}, "Cache-Control": {"public", "max-age=5"}, "Vary": {"Accept-Language"}, "Age": {"3"},
	} {
		got := resp.Header.Values(name)
		if len(got) != len(want) || got[0] != want[0] || got[len(got)-1] != want[len(want)-1] {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if resp.Body != nil {
		t.Error("the body was not released")
	}
}
