package e2e

import (
	"bytes"
	be "encoding/binary"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
)

// Frames of HTTP/2 (RFC 9113 §6).
const (
	frameData     = 0x0
	frameHeaders  = 0x1
	frameReset    = 0x3
	frameSettings = 0x4
	framePing     = 0x6
	frameGoAway   = 0x7

	endStream  = 0x1
	endHeaders = 0x4
)

func frame(kind, flags byte, stream uint32, payload string) string {
	head := be.BigEndian.AppendUint32(nil, uint32(len(payload))<<8|uint32(kind))
	head = be.BigEndian.AppendUint32(append(head, flags), stream)
	return string(head) + payload
}

// fields are header fields as they are, never compressed (RFC 7541 §6.2.2).
func fields(pairs ...string) string {
	var b strings.Builder
	for i := 0; i+1 < len(pairs); i += 2 {
		b.WriteByte(0)
		for _, text := range pairs[i : i+2] {
			b.WriteByte(byte(len(text))) // up to 126
			b.WriteString(text)
		}
	}
	return b.String()
}

// stream sends one request over a new connection and says what came of it: "200"
// or "400", which stand in the first byte of an answer's fields, "another status",
// "reset" or "closed".
func (w *world) stream(headers, body string) string {
	w.t.Helper()
	conn := w.dial()
	defer conn.Close()
	flags := byte(endHeaders | endStream)
	if body != "" {
		flags = endHeaders
	}
	out := "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(frameSettings, 0, 0, "") + frame(frameHeaders, flags, 1, headers)
	if body != "" {
		out += frame(frameData, endStream, 1, body)
	}
	if _, err := io.WriteString(conn, out); err != nil {
		w.t.Fatal(err)
	}
	for {
		var head [9]byte
		if _, err := io.ReadFull(conn, head[:]); err != nil {
			return "closed"
		}
		payload := make([]byte, int(head[0])<<16|int(head[1])<<8|int(head[2]))
		if _, err := io.ReadFull(conn, payload); err != nil {
			return "closed"
		}
		switch stream := be.BigEndian.Uint32(head[5:]); {
		case head[3] == frameHeaders && stream == 1:
			for len(payload) > 0 && payload[0]&0xe0 == 0x20 { // a change of the table's size
				payload = payload[1:]
			}
			switch payload[0] {
			case 0x80 | 8:
				return "200"
			case 0x80 | 12:
				return "400"
			}
			return "another status"
		case head[3] == frameReset && stream == 1:
			return "reset"
		case head[3] == frameGoAway:
			return "closed"
		}
	}
}

// TestHTTP2: what a request over HTTP/2 may hold is translated into HTTP/1 for the
// service, where it must not become something else.
func TestHTTP2(t *testing.T) {
	s := record(t, nil)
	w := behind(t, s, "h2c: true", "")
	get := func(more ...string) string {
		return fields(append([]string{":method", "GET", ":scheme", "http", ":authority", "h", ":path", "/echo/a"}, more...)...)
	}
	pseudo := func(method, scheme, authority, path string) string {
		return fields(":method", method, ":scheme", scheme, ":authority", authority, ":path", path)
	}

	if got := w.stream(get("x-fine", "yes", "te", "trailers", "cookie", "a=forged", "cookie", "b=forged", "x-user-id", "forged", "x_user_id", "forged", "x-forwarded-for", "forged",
		"expect", "forged", "trailer", "forged"), ""); got != "200" {
		t.Errorf("a good request: %s", got)
	}
	if seen := s.take(); len(seen) != 1 || !strings.HasPrefix(seen[0], "GET /echo/a HTTP/1.1\r\n") || header(seen[0], "X-Fine") != "yes" ||
		header(seen[0], "Via") != "2.0 triptych" || strings.Contains(seen[0], "forged") {
		t.Errorf("the service got %q", seen)
	}
	if got := w.stream(fields(":method", "POST", ":scheme", "http", ":authority", "h", ":path", "/echo/a", "content-length", "3"), "abc"); got != "200" {
		t.Errorf("a good body: %s", got)
	}
	if seen := s.take(); len(seen) != 1 || header(seen[0], "Content-Length") != "3" || !strings.HasSuffix(seen[0], "\r\n\r\nabc") {
		t.Errorf("the service got %q", seen)
	}

	for name, test := range map[string]struct{ headers, body string }{
		"a split value":            {get("x-a", "b\r\nx-user-id: root"), ""},
		"a bare LF in a value":     {get("x-a", "b\nc: d"), ""},
		"NUL in a value":           {get("x-a", "b\x00c"), ""},
		"a split name":             {get("x-a: b\r\nx-user-id", "root"), ""},
		"an empty name":            {get("", "b"), ""},
		"a space in a name":        {get("x a", "b"), ""},
		"a name in capitals":       {get("X-A", "b"), ""},
		"connection":               {get("connection", "close"), ""},
		"keep-alive":               {get("keep-alive", "1"), ""},
		"transfer-encoding":        {get("transfer-encoding", "chunked"), ""},
		"upgrade":                  {get("upgrade", "h2c"), ""},
		"te":                       {get("te", "gzip"), ""},
		"an unknown pseudo field":  {get(":user", "root"), ""},
		"a pseudo field twice":     {get(":path", "/echo/b"), ""},
		"a late pseudo field":      {fields(":method", "GET", ":scheme", "http", "x-a", "b", ":path", "/echo/a"), ""},
		"no path":                  {fields(":method", "GET", ":scheme", "http", ":authority", "h"), ""},
		"an empty path":            {pseudo("GET", "http", "h", ""), ""},
		"no slash":                 {pseudo("GET", "http", "h", "echo/a"), ""},
		"a whole URL":              {pseudo("GET", "http", "h", "http://other/echo/a"), ""},
		"a split path":             {pseudo("GET", "http", "h", "/echo/a HTTP/1.1\r\nX-A: b"), ""},
		"an encoded slash":         {pseudo("GET", "http", "h", "/echo/%2fa"), ""},
		"dots":                     {pseudo("GET", "http", "h", "/echo/../member/a"), ""},
		"a split method":           {pseudo("GET /member/a HTTP/1.1\r\n", "http", "h", "/echo/a"), ""},
		"an empty method":          {pseudo("", "http", "h", "/echo/a"), ""},
		"CONNECT":                  {fields(":method", "CONNECT", ":authority", "h:1"), ""},
		"a websocket":              {fields(":method", "CONNECT", ":protocol", "websocket", ":scheme", "http", ":authority", "h", ":path", "/echo/a"), ""},
		"TRACE":                    {pseudo("TRACE", "http", "h", "/echo/a"), ""},
		"a split authority":        {pseudo("GET", "http", "h\r\nx-a: b", "/echo/a"), ""},
		"an authority with a user": {pseudo("GET", "http", "u@h", "/echo/a"), ""},
		"an authority with a path": {pseudo("GET", "http", "h/x", "/echo/a"), ""},
		"less than announced":      {get("content-length", "5"), "abc"},
		"more than announced":      {get("content-length", "2"), "abc"},
		"two lengths":              {get("content-length", "3", "content-length", "4"), "abc"},
	} {
		if got := w.stream(test.headers, test.body); got == "200" {
			t.Errorf("%s: %s", name, got)
		}
		if seen := s.take(); len(seen) > 0 {
			t.Errorf("%s: the service got %q", name, seen)
		}
	}
	w.alive("bff-mobile")
}

// TestHTTP2Floods: a connection that is all resets or control frames ends or not;
// others are served meanwhile, and nothing is left behind.
func TestHTTP2Floods(t *testing.T) {
	s := record(t, nil)
	w := behind(t, s, "h2c: true", "")
	get := fields(":method", "GET", ":scheme", "http", ":authority", "h", ":path", "/echo/a")
	var resets, pings, settings, streams bytes.Buffer
	for i := range uint32(2000) {
		resets.WriteString(frame(frameHeaders, endHeaders|endStream, 2*i+1, get) + frame(frameReset, 0, 2*i+1, "\x00\x00\x00\x08"))
		streams.WriteString(frame(frameHeaders, endHeaders, 2*i+1, get))
		pings.WriteString(frame(framePing, 0, 0, "12345678"))
		settings.WriteString(frame(frameSettings, 0, 0, ""))
	}
	continued := frame(frameHeaders, 0, 1, get) + strings.Repeat(frame(0x9, 0, 1, strings.Repeat(fields("x-a", strings.Repeat("a", 100)), 100)), 100)
	for name, flood := range map[string]string{
		"resets": resets.String(), "streams": streams.String(), "pings": pings.String(), "settings": settings.String(), "continuations": continued,
	} {
		conn := w.dial()
		go func() { _, _ = io.Copy(io.Discard, conn) }()
		_, _ = io.WriteString(conn, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"+frame(frameSettings, 0, 0, "")+flood)
		for i := range 20 {
			if a := w.get("bff-mobile", fmt.Sprintf("/echo/%d", i), ""); a.status != http.StatusOK {
				t.Errorf("beside %s: status %d: %s", name, a.status, a.body)
			}
		}
		_ = conn.Close()
	}
	w.eventually("nothing is left", func() bool {
		metrics := string(w.admin("bff-mobile", "/metrics").body)
		return strings.Contains(metrics, "\nhttp_requests_in_flight 0\n") && strings.Contains(metrics, "\nupstream_unfinished_calls 0\n")
	})
}
