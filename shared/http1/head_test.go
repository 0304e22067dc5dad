package http1

import (
	"reflect"
	"strings"
	"testing"
)

const (
	usualRequest = "GET /v1/orders?state=active HTTP/1.1\r\nHost: api.example.com\r\nUser-Agent: app/5.12.0 (Android 16)\r\n" +
		"Accept: application/json\r\nAccept-Encoding: gzip, zstd\r\nConnection: keep-alive\r\n\r\n"
	usualAnswer = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1493\r\nDate: Tue, 24 Nov 2026 12:00:00 GMT\r\n" +
		"Server: fasthttp\r\nCache-Control: max-age=60\r\nETag: \"abc\"\r\n\r\n"
)

func TestRequestHeads(t *testing.T) {
	host := Field{"Host", "h"}
	for text, want := range map[string]Head{
		"GET /a%20b?%zz#d HTTP/1.1\r\nHost: h\r\n\r\n":               {Method: "GET", Target: "/a%20b?%zz#d", Minor: 1, Fields: Fields{host}, Length: -1},
		"b!d / HTTP/1.0\r\n\r\n":                                     {Method: "b!d", Target: "/", Length: -1},
		"OPTIONS * HTTP/1.9\r\nHost:\r\n\r\n":                        {Method: "OPTIONS", Target: "*", Minor: 9, Fields: Fields{{"Host", ""}}, Length: -1},
		"CONNECT h:1 HTTP/1.1\r\nHost: h\r\n\r\n":                    {Method: "CONNECT", Target: "h:1", Minor: 1, Fields: Fields{host}, Length: -1},
		"CONNECT [::1]:1 HTTP/1.1\r\nHost: h\r\n\r\n":                {Method: "CONNECT", Target: "[::1]:1", Minor: 1, Fields: Fields{host}, Length: -1},
		"CONNECT /a HTTP/1.1\r\nHost: h\r\n\r\n":                     {Method: "CONNECT", Target: "/a", Minor: 1, Fields: Fields{host}, Length: -1},
		"GET http://h HTTP/1.1\r\nHost: h\r\n\r\n":                   {Method: "GET", Target: "http://h", Minor: 1, Fields: Fields{host}, Length: -1},
		"GET a+1.b-c://u:%41@[1::2]:/? HTTP/1.1\r\nHost: h\r\n\r\n":  {Method: "GET", Target: "a+1.b-c://u:%41@[1::2]:/?", Minor: 1, Fields: Fields{host}, Length: -1},
		"PUT / HTTP/1.1\r\nHost: h\r\nCONTENT-length:\t007 \r\n\r\n": {Method: "PUT", Target: "/", Minor: 1, Fields: Fields{host, {"CONTENT-length", "007"}}, Length: 7},
		"PUT / HTTP/1.1\r\nTransfer-Encoding: CHUNKED\r\nHost:h\r\n\r\n": {
			Method: "PUT", Target: "/", Minor: 1, Fields: Fields{{"Transfer-Encoding", "CHUNKED"}, host}, Length: -1, Chunked: true,
		},
		"GET / HTTP/1.1\r\nHost: h\r\nExpect: 100-Continue\r\n\r\n":   {Method: "GET", Target: "/", Minor: 1, Fields: Fields{host, {"Expect", "100-Continue"}}, Length: -1, Continue: true},
		"GET / HTTP/1.1\r\nHost: h\r\nConnection: a ,\tClose\r\n\r\n": {Method: "GET", Target: "/", Minor: 1, Fields: Fields{host, {"Connection", "a ,\tClose"}}, Length: -1, Close: true, Connection: true},
		"GET / HTTP/1.1\r\nHost: h\r\nConnection: closed\r\n\r\n":     {Method: "GET", Target: "/", Minor: 1, Fields: Fields{host, {"Connection", "closed"}}, Length: -1, Connection: true},
		"GET / HTTP/1.1\r\nHost: h\r\nA: \t\xff\t \r\na:\r\n\r\n":     {Method: "GET", Target: "/", Minor: 1, Fields: Fields{host, {"A", "\xff"}, {"a", ""}}, Length: -1},
	} {
		readsAs(t, (*Head).ParseRequest, text, want)
	}
}

func TestResponseHeads(t *testing.T) {
	for text, want := range map[string]Head{
		"HTTP/1.1 200 OK\r\n\r\n":                                       {Status: 200, Reason: "OK", Minor: 1, Length: -1},
		"HTTP/1.0 599 \r\n\r\n":                                         {Status: 599, Length: -1},
		"HTTP/1.1 100\r\n\r\n":                                          {Status: 100, Minor: 1, Length: -1},
		"HTTP/1.1 404  not\t\xe9 \r\n\r\n":                              {Status: 404, Reason: " not\t\xe9 ", Minor: 1, Length: -1},
		"HTTP/1.1 204 No\r\nContent-Length: 0\r\n\r\n":                  {Status: 204, Reason: "No", Minor: 1, Fields: Fields{{"Content-Length", "0"}}, Length: 0},
		"HTTP/1.1 304 No\r\nContent-Length: 999999999999999999\r\n\r\n": {Status: 304, Reason: "No", Minor: 1, Fields: Fields{{"Content-Length", "999999999999999999"}}, Length: 999999999999999999},
		"HTTP/1.1 200 OK\r\nHost: a/\r\nHost: b\r\nExpect: c\r\n\r\n":   {Status: 200, Reason: "OK", Minor: 1, Fields: Fields{{"Host", "a/"}, {"Host", "b"}, {"Expect", "c"}}, Length: -1},
	} {
		readsAs(t, (*Head).ParseResponse, text, want)
	}
}

// readsAs reads with a Head that has read something else before.
func readsAs(t *testing.T, parse func(*Head, string, Limits) error, text string, want Head) {
	t.Helper()
	var h Head
	_ = h.ParseRequest("PUT /x HTTP/1.1\r\nHost: h\r\nConnection: close\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n", Limits{})
	err := parse(&h, text, Limits{})
	h.hosts, h.lengths, h.codings = 0, 0, 0
	if len(h.Fields) == 0 {
		h.Fields = nil
	}
	if err != nil || !reflect.DeepEqual(h, want) {
		t.Errorf("%q: %+v, %v", text, h, err)
	}
}

func TestKeepAlive(t *testing.T) {
	for head, want := range map[string]bool{
		"HTTP/1.1 200 OK\r\n": true, "HTTP/1.1 200 OK\r\nConnection: a\r\n": true, "HTTP/1.2 200 OK\r\n": true,
		"HTTP/1.1 200 OK\r\nConnection: close\r\n": false, "HTTP/1.1 200 OK\r\nConnection: a\r\nConnection: CLOSE, b\r\n": false,
		"HTTP/1.0 200 OK\r\n": false, "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n": false,
		"HTTP/1.1 200 OK\r\nConnection: clo\u017fe\r\n": true, // which is no close
	} {
		var h Head
		if err := h.ParseResponse(head+"\r\n", Limits{}); err != nil || h.KeepAlive() != want {
			t.Errorf("%q: %v, %v", head, h.KeepAlive(), err)
		}
	}
}

// TestFinderAtEverySplit: however a head comes, it ends where it ends, and what is
// wrong is told when its first byte that cannot be is there, or one too many.
func TestFinderAtEverySplit(t *testing.T) {
	const head = "GET / HTTP/1.1\r\nHost: h\r\nA: b\r\n\r\n"
	for text, limits := range map[string]Limits{
		head: {}, head + head: {}, head + "\n": {}, head + "\x00": {Head: len(head)},
		"\r\n" + head: {}, "\n": {}, "GET / HTTP/1.1\n" + head: {}, "GET / HTTP/1.1\r\nHost: h\nA: b\r\n\r\n": {},
		"GET / HTTP/1.1\r\n\n": {}, "GET / HTTP/1.1\r\nA: b\r\r\n\r\n": {}, "a\r\n\r\n\r\n": {}, "": {},
		usualRequest: {Head: 50}, "GET /" + strings.Repeat("a", 99) + " HTTP/1.1\r\n\r\n": {Head: 50},
	} {
		b := []byte(text)
		end, err := new(Finder).End(b, limits)
		for first := range len(b) + 1 {
			for second := first; second <= len(b); second++ {
				gotEnd, gotErr := findIn(b, limits, first, second, len(b))
				if gotEnd != end || gotErr != err {
					t.Fatalf("%q in pieces to %d, %d: %d, %v, not %d, %v", text, first, second, gotEnd, gotErr, end, err)
				}
			}
		}
	}
}

// findIn looks each time that so much has come.
func findIn(b []byte, limits Limits, come ...int) (end int, err error) {
	var f Finder
	for _, n := range come {
		if end, err = f.End(b[:n:n], limits); end > 0 || err != nil {
			return end, err
		}
	}
	return end, err
}

// TestLimits: what is as long as it may be is taken, and nothing longer.
func TestLimits(t *testing.T) {
	const request, answer = "GET / HTTP/1.1\r\nHost: h\r\nAb: cd\r\n\r\n", "HTTP/1.1 200 OK\r\nX: h\r\nAb: cde\r\n\r\n"
	for _, parse := range []struct {
		text string
		read func(*Head, string, Limits) error
		line int
	}{{request, (*Head).ParseRequest, 14}, {answer, (*Head).ParseResponse, 15}} {
		for _, exact := range []struct {
			limits Limits
			over   Rule
		}{
			{Limits{Head: len(parse.text)}, HeadTooLong},
			{Limits{Line: parse.line}, LineTooLong},
			{Limits{Field: 7}, FieldTooLong},
			{Limits{Fields: 2}, TooManyFields},
		} {
			for less := range 2 {
				limits := exact.limits
				for _, field := range []*int{&limits.Head, &limits.Line, &limits.Field, &limits.Fields} {
					*field = max(*field-less, 0)
				}
				var f Finder
				n, err := f.End([]byte(parse.text), limits)
				if err == nil {
					err = parse.read(new(Head), parse.text[:n], limits)
				}
				if less == 0 && err != nil || less == 1 && err != exact.over {
					t.Errorf("%q within %+v: %v", parse.text, limits, err)
				}
			}
		}
	}
}

// TestParsingAllocatesNothing, as soon as there is room for the fields.
func TestParsingAllocatesNothing(t *testing.T) {
	var h Head
	limits := Limits{Head: 1 << 14, Line: 1 << 10, Field: 1 << 10, Fields: 100}
	for text, parse := range map[string]func(*Head, string, Limits) error{
		usualRequest: (*Head).ParseRequest, usualAnswer: (*Head).ParseResponse,
		strings.Replace(usualRequest, "/v1", "http://u@[::1]:80/v1", 1): (*Head).ParseRequest,
		"GET / HTTP/1.1\r\nHost:\r\nNo colon\r\n\r\n":                   (*Head).ParseRequest,
	} {
		b := []byte(text)
		n := testing.AllocsPerRun(100, func() {
			var f Finder
			end, err := f.End(b, limits)
			if end != len(b) || err != nil {
				t.Fatal(end, err)
			}
			_ = parse(&h, text, limits)
		})
		if n != 0 {
			t.Errorf("%q: %v allocations", text, n)
		}
	}
}

func BenchmarkParseResponse(b *testing.B) {
	var h Head
	for b.Loop() {
		var f Finder
		if _, err := f.End([]byte(usualAnswer), Limits{Head: 1 << 14}); err != nil {
			b.Fatal(err)
		}
		if err := h.ParseResponse(usualAnswer, Limits{Head: 1 << 14}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkParseRequest(b *testing.B) {
	var h Head
	for b.Loop() {
		var f Finder
		if _, err := f.End([]byte(usualRequest), Limits{Head: 1 << 14}); err != nil {
			b.Fatal(err)
		}
		if err := h.ParseRequest(usualRequest, Limits{Head: 1 << 14}); err != nil {
			b.Fatal(err)
		}
	}
}
