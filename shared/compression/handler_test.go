package compression

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/textproto"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	stdgzip "compress/gzip"

	"github.com/klauspost/compress/gzhttp"
	"github.com/klauspost/compress/zstd"
	"github.com/triptych-bff/triptych/shared/telemetry"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// serve runs the handler behind the middleware on a real server.
func serve(t testing.TB, k *Compressor, h http.HandlerFunc) *httptest.Server {
	server := httptest.NewServer(k.Handler(h))
	t.Cleanup(server.Close)
	return server
}

// fetch sends the request's headers as they are, and reads the raw body.
func fetch(t testing.TB, method, url string, header map[string]string) (*http.Response, []byte) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range header {
		req.Header.Set(name, value)
	}
	transport := &http.Transport{DisableCompression: true}
	defer transport.CloseIdleConnections()
	res, err := transport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res, body
}

func answer(header map[string]string, status int, body []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for name, value := range header {
			w.Header().Set(name, value)
		}
		w.WriteHeader(status)
		_, _ = w.Write(body)
	}
}

func TestHandler(t *testing.T) {
	large, small := orders(20_000), []byte(`{"ok":true}`)
	json := map[string]string{"Content-Type": "application/json; charset=utf-8"}
	with := func(extra ...string) map[string]string {
		h := maps.Clone(json)
		for i := 0; i < len(extra); i += 2 {
			h[extra[i]] = extra[i+1]
		}
		return h
	}
	const accept = "gzip, zstd"
	for name, c := range map[string]struct {
		accept  string
		handler http.HandlerFunc
		want    string // Content-Encoding
	}{
		"zstd":                   {accept, answer(json, 200, large), "zstd"},
		"gzip":                   {"gzip", answer(json, 200, large), "gzip"},
		"with its length":        {"gzip", answer(with("Content-Length", strconv.Itoa(len(large))), 200, large), "gzip"},
		"error answers too":      {"gzip", answer(map[string]string{"Content-Type": "application/problem+json"}, 404, large), "gzip"},
		"other text":             {"gzip", answer(map[string]string{"Content-Type": "Text/HTML"}, 200, large), "gzip"},
		"drawing":                {"gzip", answer(map[string]string{"Content-Type": "image/svg+xml"}, 200, large), "gzip"},
		"type told by its bytes": {"gzip", answer(nil, 200, large), "gzip"},
		"coding said to be none": {"gzip", answer(with("Content-Encoding", "identity"), 200, large), "gzip"},
		"not accepted":           {"br", answer(json, 200, large), ""},
		"refused":                {"gzip;q=0, zstd;q=0", answer(json, 200, large), ""},
		"small":                  {accept, answer(json, 200, small), ""},
		"small, with its length": {accept, answer(with("Content-Length", "11"), 200, small), ""},
		"empty":                  {accept, answer(json, 200, nil), ""},
		"image":                  {accept, answer(map[string]string{"Content-Type": "image/png"}, 200, large), ""},
		"bytes without a type":   {accept, answer(nil, 200, noise(5000)), ""},
		"no-transform":           {accept, answer(with("Cache-Control", "public, No-Transform"), 200, large), ""},
		"already encoded":        {accept, answer(with("Content-Encoding", "br"), 200, large), "br"},
		"digest of its bytes":    {accept, answer(with("Content-Digest", "sha-256=:AA==:"), 200, large), ""},
		"partial":                {accept, answer(with("Content-Range", "bytes 0-19999/50000"), 206, large), ""},
		"in many small writes":   {accept, chunks(json, large, 10), "zstd"},
		"in writes around 1 KiB": {accept, chunks(json, large, 1023), "zstd"},
		"without WriteHeader":    {accept, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(large) }, "zstd"},
		"nothing at all":         {accept, func(http.ResponseWriter, *http.Request) {}, ""},
		"type set to be no type": {accept, func(w http.ResponseWriter, _ *http.Request) { w.Header()["Content-Type"] = nil; _, _ = w.Write(large) }, ""},
		"client's no-transform":  {"gzip", nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			header := map[string]string{"Accept-Encoding": c.accept}
			if c.handler == nil {
				c.handler = answer(json, 200, large)
				header["Cache-Control"] = "no-transform"
			}
			plain := httptest.NewServer(c.handler)
			defer plain.Close()
			want, wantBody := fetch(t, "GET", plain.URL, nil)
			res, body := fetch(t, "GET", serve(t, newTest(t, both()), c.handler).URL, header)

			if got := res.Header.Get("Content-Encoding"); got != c.want {
				t.Errorf("coding is %q, want %q", got, c.want)
			}
			if c.want != "br" && !bytes.Equal(decode(t, body, c.want), wantBody) {
				t.Error("the body is another one")
			}
			if res.Header.Get("Vary") != "Accept-Encoding" {
				t.Errorf("Vary is %q", res.Header["Vary"])
			}
			if res.StatusCode != want.StatusCode || res.Header.Get("Content-Type") != want.Header.Get("Content-Type") {
				t.Errorf("%d %q, want %d %q", res.StatusCode, res.Header.Get("Content-Type"), want.StatusCode, want.Header.Get("Content-Type"))
			}
			encoded := c.want == "gzip" || c.want == "zstd"
			if encoded && res.ContentLength >= int64(len(wantBody)) {
				t.Errorf("Content-Length is %d", res.ContentLength)
			}
		})
	}
}

func chunks(header map[string]string, body []byte, size int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for name, value := range header {
			w.Header().Set(name, value)
		}
		for chunk := range slices.Chunk(body, size) {
			if n, err := w.Write(chunk); n != len(chunk) || err != nil {
				panic(fmt.Sprint(n, err))
			}
		}
	}
}

func TestHandlerLeavesNoBodyAnswersAlone(t *testing.T) {
	for _, status := range []int{204, 205, 304} {
		server := serve(t, newTest(t, both()), answer(map[string]string{"Content-Type": "application/json"}, status, nil))
		res, body := fetch(t, "GET", server.URL, map[string]string{"Accept-Encoding": "gzip"})
		if res.StatusCode != status || len(body) > 0 || res.Header.Get("Content-Encoding") != "" || res.Header.Get("Vary") != "Accept-Encoding" {
			t.Errorf("%d: %v with %d bytes", status, res.Header, len(body))
		}
	}
}

// HEAD has the header that GET has, where that can be known.
func TestHandlerHead(t *testing.T) {
	body := orders(20_000)
	h := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		w.Header().Set("ETag", `"v1"`)
		_, _ = w.Write(body)
	}
	server := serve(t, newTest(t, both()), h)
	header := map[string]string{"Accept-Encoding": "gzip"}
	get, _ := fetch(t, "GET", server.URL, header)
	head, none := fetch(t, "HEAD", server.URL, header)
	for _, name := range []string{"Content-Encoding", "ETag", "Vary", "Content-Type"} {
		if get.Header.Get(name) != head.Header.Get(name) || head.Header.Get(name) == "" {
			t.Errorf("%s is %q for GET and %q for HEAD", name, get.Header.Get(name), head.Header.Get(name))
		}
	}
	if len(none) > 0 || head.Header.Get("Content-Length") != "" {
		t.Errorf("HEAD: %v with %d bytes", head.Header, len(none))
	}
	unknown := serve(t, newTest(t, both()), func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Content-Type", "application/json") })
	if res, _ := fetch(t, "HEAD", unknown.URL, header); res.Header.Get("Content-Encoding") != "" || res.Header.Get("Vary") == "" {
		t.Errorf("HEAD of unknown length: %v", res.Header)
	}
}

func TestHandlerVary(t *testing.T) {
	for _, c := range []struct{ set, want string }{
		{"Origin", "Origin|Accept-Encoding"}, {"origin, accept-encoding", "origin, accept-encoding"}, {"*", "*"},
	} {
		server := serve(t, newTest(t, both()), answer(map[string]string{"Vary": c.set}, 200, nil))
		res, _ := fetch(t, "GET", server.URL, nil)
		if got := strings.Join(res.Header["Vary"], "|"); got != c.want {
			t.Errorf("got %s, want %s", got, c.want)
		}
	}
}

func TestHandlerETags(t *testing.T) {
	body := orders(20_000)
	var tag string
	seen := make(chan http.Header, 1)
	server := serve(t, newTest(t, both()), func(w http.ResponseWriter, r *http.Request) {
		seen <- r.Header.Clone()
		w.Header().Set("ETag", tag)
		w.Header().Set("Content-Type", "application/json")
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(body))
	})
	for name, c := range map[string]struct {
		accept, tag, condition string
		status                 int
		want                   string
	}{
		"suffix":                        {"gzip", `"v1"`, ``, 200, `"v1-gzip"`},
		"other coding, other tag":       {"zstd", `"v1"`, ``, 200, `"v1-zstd"`},
		"no coding, no suffix":          {"", `"v1"`, ``, 200, `"v1"`},
		"weak":                          {"gzip", `W/"v1"`, ``, 200, `W/"v1"`},
		"unchanged":                     {"gzip", `"v1"`, `"v1-gzip"`, 304, `"v1-gzip"`},
		"unchanged, one of many":        {"gzip", `"v1"`, `"a,b", W/"c", "v1-gzip"`, 304, `"v1-gzip"`},
		"unchanged, had the other":      {"gzip", `"v1"`, `"v1-zstd"`, 304, `"v1-zstd"`},
		"unchanged, had both":           {"gzip", `"v1"`, `"v1-zstd", "v1-gzip"`, 304, `"v1-gzip"`},
		"unchanged, had it plain":       {"gzip", `"v1"`, `"v1"`, 304, `"v1"`},
		"unchanged, accepts nothing":    {"", `"v1"`, `"v1-gzip"`, 304, `"v1-gzip"`},
		"unchanged, weak":               {"gzip", `W/"v1"`, `W/"v1"`, 304, `W/"v1"`},
		"any":                           {"gzip", `"v1"`, `*`, 304, `"v1"`},
		"changed":                       {"gzip", `"v2"`, `"v1-gzip"`, 200, `"v2-gzip"`},
		"the handler's own ends so":     {"gzip", `"v1-gzip"`, `"v1-gzip"`, 304, `"v1-gzip"`},
		"the handler's own, with ours":  {"gzip", `"v1-gzip"`, `"v1-gzip-gzip"`, 304, `"v1-gzip-gzip"`},
		"condition that cannot be read": {"gzip", `"v1"`, `v1-gzip`, 200, `"v1-gzip"`},
	} {
		t.Run(name, func(t *testing.T) {
			tag = c.tag
			header := map[string]string{"Accept-Encoding": c.accept}
			if c.condition != "" {
				header["If-None-Match"] = c.condition
			}
			res, _ := fetch(t, "GET", server.URL, header)
			<-seen
			if res.StatusCode != c.status || res.Header.Get("ETag") != c.want || res.Header.Get("Vary") == "" {
				t.Errorf("got %d %v, want %d %s", res.StatusCode, res.Header, c.status, c.want)
			}
			if encoded := strings.HasPrefix(res.Header.Get("Content-Encoding"), "gz"); encoded && res.Header.Get("Accept-Ranges") != "" {
				t.Error("ranges of the coded answer are offered")
			}
		})
	}

	// A write on the condition of what was read.
	tag = `"v1"`
	res, _ := fetch(t, "GET", server.URL, map[string]string{"Accept-Encoding": "gzip", "If-Match": `"v1-gzip"`})
	if h := <-seen; res.StatusCode != 200 || h.Get("If-Match") != `"v1-gzip", "v1"` {
		t.Errorf("If-Match: %d, the handler saw %s", res.StatusCode, h.Get("If-Match"))
	}
}

// What is flushed arrives, although the answer goes on.
func TestHandlerFlush(t *testing.T) {
	for _, encoding := range []string{"gzip", "zstd", ""} {
		t.Run(encoding, func(t *testing.T) {
			proceed := make(chan struct{})
			server := serve(t, newTest(t, both()), func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "text/event-stream")
				control := http.NewResponseController(w)
				_ = control.Flush() // the header alone
				<-proceed
				for i := range 3 {
					fmt.Fprintf(w, "data: %d\n\n", i)
					if err := control.Flush(); err != nil {
						t.Error(err)
					}
					<-proceed
				}
			})
			req, _ := http.NewRequestWithContext(t.Context(), "GET", server.URL, nil)
			req.Header.Set("Accept-Encoding", encoding)
			transport := &http.Transport{DisableCompression: true}
			defer transport.CloseIdleConnections()
			res, err := transport.RoundTrip(req)
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			if res.Header.Get("Content-Encoding") != encoding {
				t.Fatalf("coding is %q", res.Header.Get("Content-Encoding"))
			}
			proceed <- struct{}{}
			r := streamReader(t, res.Body, encoding)
			for i := range 3 {
				event := make([]byte, len("data: 0\n\n"))
				if _, err := io.ReadFull(r, event); err != nil || string(event) != fmt.Sprintf("data: %d\n\n", i) {
					t.Fatalf("event %d: %q, %v", i, event, err)
				}
				proceed <- struct{}{}
			}
			if rest, err := io.ReadAll(r); len(rest) > 0 || err != nil {
				t.Errorf("the end: %q, %v", rest, err)
			}
		})
	}
}

func streamReader(t *testing.T, r io.Reader, encoding string) io.Reader {
	switch encoding {
	case "gzip":
		z, err := stdgzip.NewReader(r)
		if err != nil {
			t.Fatal(err)
		}
		return z
	case "zstd":
		z, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(z.Close)
		return z
	}
	return r
}

func TestHandlerInformational(t *testing.T) {
	server := serve(t, newTest(t, both()), func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Link", "</style.css>; rel=preload")
		w.WriteHeader(http.StatusEarlyHints)
		answer(map[string]string{"Content-Type": "application/json"}, 404, orders(5000))(w, r)
	})
	var hints []int
	ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{Got1xxResponse: func(code int, h textproto.MIMEHeader) error {
		hints = append(hints, code)
		if h.Get("Content-Encoding") != "" {
			t.Error("the hint says it is encoded")
		}
		return nil
	}})
	req, _ := http.NewRequestWithContext(ctx, "GET", server.URL, nil)
	res, err := server.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, _ := io.ReadAll(res.Body)
	if !slices.Equal(hints, []int{103}) || res.StatusCode != 404 || !res.Uncompressed || !bytes.Equal(body, orders(5000)) {
		t.Errorf("%v, then %d", hints, res.StatusCode)
	}
}

// An aborted answer is seen to be one.
func TestHandlerAbort(t *testing.T) {
	k := newTest(t, both())
	for _, accept := range []string{"gzip", "zstd"} {
		server := serve(t, k, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write(orders(300_000))
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		})
		req, _ := http.NewRequestWithContext(t.Context(), "GET", server.URL, nil)
		req.Header.Set("Accept-Encoding", accept)
		res, err := server.Client().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_, err = io.ReadAll(res.Body)
		_ = res.Body.Close()
		if !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%s: the body ends with %v", accept, err)
		}
	}
	// The encoders are as good as new.
	for _, e := range []Encoding{Gzip, Zstd} {
		out, ok := k.Encode(nil, orders(5000), e)
		if !ok || !bytes.Equal(decode(t, out, e.String()), orders(5000)) {
			t.Errorf("%s is broken after the abort", e)
		}
	}
}

// A panic before anything was sent leaves the answer to whoever recovers.
func TestHandlerPanicBeforeTheHeader(t *testing.T) {
	inner := newTest(t, both()).Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`{"half":`))
		panic("bug")
	}))
	rec := httptest.NewRecorder()
	func() {
		defer func() {
			if recover() != nil {
				rec.WriteHeader(http.StatusInternalServerError)
			}
		}()
		req := httptest.NewRequest("GET", "/", nil)
		req.Header.Set("Accept-Encoding", "gzip")
		inner.ServeHTTP(rec, req)
	}()
	if rec.Code != 500 || rec.Body.Len() > 0 || rec.Header().Get("Content-Encoding") != "" {
		t.Errorf("%d %v %q", rec.Code, rec.Header(), rec.Body)
	}
}

func TestHandlerHijack(t *testing.T) {
	server := serve(t, newTest(t, both()), func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi")
		_ = conn.Close()
	})
	if _, body := fetch(t, "GET", server.URL, map[string]string{"Accept-Encoding": "gzip"}); string(body) != "hi" {
		t.Errorf("got %q", body)
	}
}

func TestHandlerNotesTheCoding(t *testing.T) {
	x := &telemetry.Exchange{}
	req := httptest.NewRequestWithContext(telemetry.NewContext(t.Context(), x), "GET", "/", nil)
	req.Header.Set("Accept-Encoding", "gzip")
	newTest(t, both()).Handler(answer(nil, 200, orders(5000))).ServeHTTP(httptest.NewRecorder(), req)
	if x.Encoding != "gzip" {
		t.Errorf("noted %q", x.Encoding)
	}
}

// klauspost's own middleware decides likewise, where it knows the question.
func TestHandlerAgreesWithGzhttp(t *testing.T) {
	wrap, err := gzhttp.NewWrapper(gzhttp.MinSize(1024), gzhttp.EnableZstd(true), gzhttp.PreferZstd(true), gzhttp.SetContentType(true))
	if err != nil {
		t.Fatal(err)
	}
	k := newTest(t, both())
	for _, accept := range []string{"", "gzip", "zstd", "gzip, zstd", "gzip;q=0.5, zstd;q=0.4", "gzip;q=0", "gzip;q=0, zstd", "br", "identity"} {
		for _, typ := range []string{"application/json", "text/html; charset=utf-8", "application/zip", "application/problem+json", ""} {
			for _, body := range [][]byte{nil, orders(500), orders(1024), orders(50_000)} {
				h := answer(nil, 200, body)
				if typ != "" {
					h = answer(map[string]string{"Content-Type": typ}, 200, body)
				}
				req := httptest.NewRequest("GET", "/", nil)
				if accept != "" {
					req.Header.Set("Accept-Encoding", accept)
				}
				ours, theirs := httptest.NewRecorder(), httptest.NewRecorder()
				k.Handler(h).ServeHTTP(ours, req)
				wrap(h).ServeHTTP(theirs, req)
				got, want := ours.Header().Get("Content-Encoding"), theirs.Header().Get("Content-Encoding")
				if got != want {
					t.Errorf("%q, %q, %d bytes: %q, gzhttp says %q", accept, typ, len(body), got, want)
				}
				if !bytes.Equal(decode(t, ours.Body.Bytes(), got), body) {
					t.Errorf("%q, %q, %d bytes: another body", accept, typ, len(body))
				}
			}
		}
	}
}

func FuzzListETags(f *testing.F) {
	for _, seed := range []string{`"a", W/"b"`, `*`, `"a`, `W/`, `,,"a,b",`, `"a""b"`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, line string) {
		for _, tag := range listETags([]string{line}) {
			if !strings.Contains(line, tag) || !strings.HasSuffix(tag, `"`) || strings.Count(tag, `"`) != 2 {
				t.Fatalf("%q holds %q", line, tag)
			}
		}
	})
}

func BenchmarkHandler(b *testing.B) {
	body := orders(5874)
	ours := newTest(b, both()).Handler(answer(map[string]string{"Content-Type": "application/json"}, 200, body))
	wrap, _ := gzhttp.NewWrapper(gzhttp.MinSize(1024), gzhttp.EnableZstd(true))
	theirs := wrap(answer(map[string]string{"Content-Type": "application/json"}, 200, body))
	for _, accept := range []string{"", "gzip", "zstd"} {
		for name, h := range map[string]http.Handler{"ours": ours, "gzhttp": theirs} {
			b.Run(fmt.Sprintf("%s/%s", cmp.Or(accept, "identity"), name), func(b *testing.B) {
				req := httptest.NewRequest("GET", "/", nil)
				req.Header.Set("Accept-Encoding", accept)
				b.ReportAllocs()
				for b.Loop() {
					h.ServeHTTP(&discard{header: http.Header{}}, req)
				}
			})
		}
	}
}

type discard struct{ header http.Header }

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) Write(p []byte) (int, error) { return len(p), nil }
func (d *discard) WriteHeader(int)             {}
