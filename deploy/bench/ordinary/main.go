// Command ordinary is the gateway that one writes in Go in an afternoon: screens
// are decoded into maps, filtered and encoded, and the rest goes through
// net/http/httputil. Connections are kept, and no more duties are done than that.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strconv"
	"sync"
	"time"

	"github.com/triptych-bff/triptych/deploy/bench/documents"
)

func main() {
	log.SetFlags(0)
	listen := flag.String("listen", "127.0.0.1:0", "address to serve on")
	cert := flag.String("cert", "", "file with the certificate and its key, for TLS")
	services := flag.String("services", "{}", "where the services are, as a JSON object")
	flag.Parse()
	where := map[string]string{}
	if err := json.Unmarshal([]byte(*services), &where); err != nil {
		log.Fatal(err)
	}
	server := &http.Server{Addr: *listen, Handler: handler(where), ReadHeaderTimeout: 5 * time.Second}
	if *cert != "" {
		log.Fatal(server.ListenAndServeTLS(*cert, *cert))
	}
	log.Fatal(server.ListenAndServe())
}

func handler(where map[string]string) http.Handler {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConns, transport.MaxIdleConnsPerHost = 2048, 256 // else most calls would connect anew
	transport.DisableCompression = true
	client := &http.Client{Transport: transport}
	mux := http.NewServeMux()
	mux.Handle("GET /rich", newScreen(client, where, documents.Rich()))
	mux.Handle("GET /small", newScreen(client, where, documents.Small()))
	mux.Handle("/users/", &httputil.ReverseProxy{
		Transport:  transport,
		BufferPool: new(buffers),
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(&url.URL{Scheme: "http", Host: where["users"]})
			r.SetXForwarded()
		},
	})
	return mux
}

// buffers spare the proxy 32 KB of garbage for each request.
type buffers struct{ pool sync.Pool }

func (b *buffers) Get() []byte {
	if p, ok := b.pool.Get().(*[]byte); ok {
		return *p
	}
	return make([]byte, 32<<10)
}

func (b *buffers) Put(p []byte) { b.pool.Put(&p) }

// A screen is made of one answer of each of several services.
type screen struct {
	client *http.Client
	parts  []part
}

type part struct {
	name, url string
	filter    documents.Filter
}

func newScreen(client *http.Client, where map[string]string, parts []documents.Part) *screen {
	s := &screen{client: client}
	paths := map[string]string{}
	for _, service := range documents.Services() {
		paths[service.Name] = service.Path
	}
	for _, p := range parts {
		s.parts = append(s.parts, part{p.Name, "http://" + where[p.Service] + paths[p.Service], documents.NewFilter(p.Fields)})
	}
	return s
}

func (s *screen) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), 3*time.Second)
	defer cancel()
	values, errs := make([]any, len(s.parts)), make([]error, len(s.parts))
	var calls sync.WaitGroup
	for i, p := range s.parts {
		calls.Go(func() { values[i], errs[i] = s.fetch(ctx, p) })
	}
	calls.Wait()
	answer := make(map[string]any, len(s.parts))
	for i, p := range s.parts {
		if errs[i] != nil {
			http.Error(w, errs[i].Error(), http.StatusBadGateway)
			return
		}
		answer[p.name] = values[i]
	}
	body, err := json.Marshal(answer)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	_, _ = w.Write(body)
}

func (s *screen) fetch(ctx context.Context, p part) (any, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, p.url, http.NoBody)
	if err != nil {
		return nil, err
	}
	response, err := s.client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: status %d", p.name, response.StatusCode)
	}
	var v any
	if err := json.NewDecoder(response.Body).Decode(&v); err != nil {
		return nil, err
	}
	return p.filter.Keep(v), nil
}
