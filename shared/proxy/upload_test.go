package proxy

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/triptych-bff/triptych/shared/upstream"
)

// A short body comes whole or not at all: the service does not wait for it, and
// knows nothing of one that does not come.
func TestAShortBody(t *testing.T) {
	heads := make(chan *http.Request, 9)
	url := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		heads <- r
		if body, err := io.ReadAll(r.Body); err != nil || string(body) != "abcd" {
			t.Errorf("the service read %q, %v", body, err)
		}
	})
	f := open(t, url, setup{})
	conn, r := f.dial(t, "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n")
	if head, err := readHead(r); err != nil || head != "HTTP/1.1 100 Continue\r\n" {
		t.Fatalf("%s, %v", head, err)
	}
	_, _ = io.WriteString(conn, "ab")
	_, _ = io.WriteString(conn, "cd")
	if resp, err := http.ReadResponse(r, nil); err != nil || resp.StatusCode != 200 || resp.Close {
		t.Errorf("%v, %v", resp, err)
	}
	if r := receive(t, heads, "request"); r.ContentLength != 4 || r.Header["Expect"] != nil {
		t.Errorf("the service saw %v", r)
	}
	receive(t, f.noted, "note")

	conn, r = f.dial(t, "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nab")
	_ = conn.(*net.TCPConn).CloseWrite()
	_, _ = io.ReadAll(r)
	if x := receive(t, f.noted, "note"); x.Code != "client-closed" || x.Err == nil {
		t.Errorf("noted %q, %v", x.Code, x.Err)
	}
	if len(heads) != 0 {
		t.Error("the service saw a request")
	}
}

// A service that breaks off is not waited for, though the client pauses.
func TestAServiceThatBreaksOffAmidAnUpload(t *testing.T) {
	for _, framing := range []string{"Content-Length: 1000000000", "Transfer-Encoding: chunked"} {
		url, _ := wire(t, "", func(net.Conn) {})
		f := open(t, url, setup{})
		_, r := f.dial(t, "POST / HTTP/1.1\r\nHost: a\r\n"+framing+"\r\n\r\n")
		last(t, r, "502")
		receive(t, f.noted, "note")
	}
}

// The body is the server's again when the request is over.
func TestNobodyReadsBehindTheRequest(t *testing.T) {
	client := &interruptible{read: make(chan struct{}), broken: make(chan struct{})}
	begun := func() *upload { return newUpload(&http.Request{Body: client, ContentLength: -1}) }
	end := func(u *upload) { u.end(http.NewResponseController(client)) }

	u := begun()
	got := make(chan error)
	go func() {
		_, err := u.Read(make([]byte, 1))
		got <- err
	}()
	receive(t, client.read, "read of the body")
	end(u) // returns: the read has ended
	if err := receive(t, got, "end of the read"); !errors.Is(err, net.ErrClosed) {
		t.Error(err)
	}
	if client.deadline.Before(time.Now().Add(-time.Hour)) {
		t.Errorf("the server cannot read what the client is still sending: %v", client.deadline)
	}
	client.broken = make(chan struct{})
	untouched := begun()
	end(untouched)
	for name, u := range map[string]*upload{"one that was broken off": u, "one that nobody began to read": untouched} {
		if _, err := u.Read(make([]byte, 1)); err != errAbandoned {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// interruptible is a body whose Read waits until its deadline is over.
type interruptible struct {
	httptest.ResponseRecorder
	read, broken chan struct{}
	deadline     time.Time
}

func (i *interruptible) Read([]byte) (int, error) {
	close(i.read)
	<-i.broken
	return 0, net.ErrClosed
}

func (i *interruptible) Close() error { return nil }

func (i *interruptible) SetReadDeadline(t time.Time) error {
	if i.deadline = t; t.Before(time.Now()) {
		close(i.broken)
	}
	return nil
}

// Over HTTP/2 the last of a body does not say that it is that, and whoever sends it
// on asks for more.
func TestUploadsBetweenHTTP2(t *testing.T) {
	service := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n, err := io.Copy(io.Discard, r.Body)
		fmt.Fprint(w, n, err)
	}))
	service.Config.Protocols = new(http.Protocols)
	service.Config.Protocols.SetUnencryptedHTTP2(true)
	service.Start()
	t.Cleanup(service.Close)
	f := open(t, service.URL, setup{http2: true, upstream: upstream.Config{HTTP2: true}})
	for _, body := range []io.Reader{
		bytes.NewReader(make([]byte, 40_000)), // announced
		random(40_000),                        // not
	} {
		if resp, answer := f.get(t, "POST", "/", body); string(answer) != "40000 <nil>" {
			t.Errorf("%d %s", resp.StatusCode, answer)
		}
	}
}

// The client is told to go on before anything else is, and once.
func TestAClientThatWaitsToGoOn(t *testing.T) {
	url, _ := wire(t, "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", hang)
	f := open(t, url, setup{})
	for _, request := range []struct{ framing, body string }{
		{"Content-Length: 100000", "x"}, {"Transfer-Encoding: chunked", "1\r\nx\r\n"},
	} {
		for range 20 {
			conn, r := f.dial(t, "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n"+request.framing+"\r\n\r\n")
			if head, err := readHead(r); head != "HTTP/1.1 100 Continue\r\n" {
				t.Fatalf("%q, %v", head, err)
			}
			_, _ = io.WriteString(conn, request.body)
			if head, err := readHead(r); !strings.HasPrefix(head, "HTTP/1.1 103 ") {
				t.Fatalf("%q, %v", head, err)
			}
			resp, err := http.ReadResponse(r, nil)
			if err != nil {
				t.Fatal(err)
			}
			if body, err := io.ReadAll(resp.Body); string(body) != "ok" || !resp.Close {
				t.Fatalf("%q, %v, last: %v", body, err, resp.Close)
			}
			_ = conn.Close()
		}
	}
}

// What was read ahead is sent on, whether or not it is all.
func TestBodiesOfClientsThatWait(t *testing.T) {
	f := open(t, serve(t, func(w http.ResponseWriter, r *http.Request) {
		n, err := io.Copy(io.Discard, r.Body)
		fmt.Fprint(w, n, err)
	}), setup{})
	for _, length := range []int{0, 1, 5_000, 100_000} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, f.URL, random(int64(length)))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Expect", "100-continue")
		resp, err := f.transport().RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if want := fmt.Sprint(length, " <nil>"); string(answer) != want {
			t.Errorf("%q, %v, want %q", answer, err, want)
		}
	}
}
