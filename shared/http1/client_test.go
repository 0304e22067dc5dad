package http1

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func newTestClient(t testing.TB, url string) *Client {
	c := NewClient(Options{Address: strings.TrimPrefix(url, "http://"), Connect: time.Second, Idle: time.Minute})
	t.Cleanup(c.Close)
	return c
}

func TestSmoke(t *testing.T) {
	big := strings.Repeat("x", 300<<10)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/big":
			w.Header().Set("Content-Length", "307200")
			io.WriteString(w, big)
		case "/chunked":
			io.WriteString(w, big)
		case "/echo":
			io.Copy(w, r.Body)
		default:
			io.WriteString(w, "ok "+r.Host)
		}
	}))
	t.Cleanup(server.Close)
	c := newTestClient(t, server.URL)
	for range 3 {
		for _, path := range []string{"/", "/big", "/chunked"} {
			a, err := c.Start(context.Background(), time.Now().Add(time.Second), &Request{Host: "h", Target: path}).Wait(1 << 20)
			if err != nil {
				t.Fatal(path, err)
			}
			t.Log(path, a.Status, len(a.Body), a.Fields)
			s, err := c.Open(context.Background(), &Request{Host: "h", Target: path}, Patience{time.Second, time.Second}, nil)
			if err != nil {
				t.Fatal(path, err)
			}
			n := 0
			for {
				p, err := s.Next()
				n += len(p)
				if err == io.EOF {
					break
				}
				if err != nil {
					t.Fatal(err)
				}
			}
			t.Log(path, n)
			s.Close()
		}
		for _, length := range []int64{-1, 307200} {
			s, err := c.Open(context.Background(), &Request{Method: "POST", Host: "h", Target: "/echo", Stream: strings.NewReader(big), Length: length}, Patience{time.Second, time.Second}, nil)
			if err != nil {
				t.Fatal(err)
			}
			n := 0
			for {
				p, err := s.Next()
				n += len(p)
				if err == io.EOF {
					break
				}
				if err != nil {
					t.Fatal(err)
				}
			}
			if n != len(big) {
				t.Error(n)
			}
			s.Close()
		}
	}
	t.Logf("%+v", c.Stats())
}

func BenchmarkWait(b *testing.B) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "2")
		io.WriteString(w, "ok")
	}))
	b.Cleanup(server.Close)
	c := newTestClient(b, server.URL)
	b.ReportAllocs()
	for b.Loop() {
		a, err := c.Start(b.Context(), time.Now().Add(time.Second), &Request{Host: "h", Target: "/"}).Wait(1 << 20)
		if err != nil {
			b.Fatal(err)
		}
		a.Release()
	}
}
