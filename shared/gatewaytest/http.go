package gatewaytest

import (
	"bytes"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"sync"
)

// recorded are the response headers that a recording keeps.
var recorded = []string{"Content-Type", "Cache-Control", "Vary"}

// serveHTTP answers from the record, or from the service itself when recording.
func (s *Services) serveHTTP(one *service, l net.Listener) (stop func()) {
	h := s.replayHTTP(one)
	if s.record {
		h = s.recordHTTP(one)
	}
	server := &http.Server{Handler: h}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(l)
	}()
	return sync.OnceFunc(func() {
		_ = server.Close()
		<-done
	})
}

// httpRequest is the request as the record knows it. The body can be read again.
func httpRequest(r *http.Request) (string, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return "", err
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	text := r.Method + " " + r.URL.RequestURI()
	if len(body) > 0 {
		text += " " + string(body)
	}
	return text, nil
}

func (s *Services) replayHTTP(one *service) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		request, err := httpRequest(r)
		if err != nil {
			s.fault("%s: %v", one.name, err)
			return
		}
		e, ok := s.answer(one, request, r.Context().Done())
		if !ok {
			http.Error(w, "not recorded", http.StatusNotImplemented)
			return
		}
		for name, value := range e.Header {
			w.Header().Set(name, value)
		}
		w.WriteHeader(e.Status)
		body := []byte(e.Text)
		if e.Body != nil {
			body = e.Body
		}
		_, _ = w.Write(body)
	})
}

// recordHTTP passes requests on to the service itself, and keeps what it answers.
func (s *Services) recordHTTP(one *service) http.Handler {
	target, err := url.Parse(one.config.URL)
	if err != nil {
		s.t.Fatal(err)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		request, err := httpRequest(r)
		if err != nil {
			s.fault("%s: %v", one.name, err)
			return
		}
		proxy := &httputil.ReverseProxy{
			Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) },
			ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) {
				if r.Context().Err() == nil {
					s.fault("%s: nothing to record for %s: %v", one.name, request, err)
				}
				w.WriteHeader(http.StatusBadGateway)
			},
			ModifyResponse: func(resp *http.Response) error { return one.keep(request, resp) },
		}
		proxy.ServeHTTP(w, r)
	})
}

// keep notes an answer that passes.
func (one *service) keep(request string, resp *http.Response) error {
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	e := exchange{Request: request, Status: resp.StatusCode, Header: map[string]string{}}
	for _, name := range recorded {
		if value := resp.Header.Get(name); value != "" {
			e.Header[name] = value
		}
	}
	if json.Valid(body) {
		e.Body = body
	} else {
		e.Text = string(body)
	}
	one.note(e)
	return nil
}
