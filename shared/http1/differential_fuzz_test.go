package http1

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// Whatever comes, we accept exactly what the reference accepts and read it as it
// does; what net/http accepts as well it reads in the same way; and what only one
// of us accepts is among the differences.

func FuzzRequestHead(f *testing.F) {
	for _, text := range []string{
		"GET /a%20b?c=%zz&d HTTP/1.1\r\nHost: example.com:8080\r\nUser-Agent: a/1 (b)\r\nAccept:\t*/* \r\nX:\r\nx: \xff\r\n\r\nrest",
		"POST http://u:%41@example.com:/a?b HTTP/1.1\r\nhost: h\r\nContent-Length: 5\r\nExpect: 100-Continue\r\n\r\n",
		"GET ftp://[::ffff:1.2.3.4]:21?a HTTP/1.1\r\nHost: [1::8]:80\r\nConnection: a , CLOSE\r\n\r\n",
		"CONNECT [1:2:3::7.8.9.1]:443 HTTP/1.0\r\nProxy-Connection: keep-alive\r\nConnection: keep-alive\r\n\r\n",
		"OPTIONS * HTTP/1.9\r\nHost:\r\nPragma: no-cache\r\nTrailer: A, b\r\nTransfer-Encoding: Chunked\r\n\r\n",
		"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chun\u212aed\r\n\r\n",
		"POST / HTTP/1.1\r\nHost: h\r\nConnection: clo\u017fe\r\n\r\n",
		"GET //a:b/../c#d HTTP/1.1\r\nHost: h\r\nA: 12345678\x7f\r\n\r\n",
	} {
		f.Add(text)
	}
	for _, text := range seeds(inRequest, brokenRequests) {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) { checkHead(t, inRequest, text) })
}

func FuzzResponseHead(f *testing.F) {
	for _, text := range []string{
		"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\nSet-Cookie: a\r\nset-cookie: b\r\nPragma: no-cache\r\n\r\nabcde",
		"HTTP/1.1 204\r\nContent-Length: 0\r\n\r\n", "HTTP/1.0 404 \r\nConnection: close, keep-alive\r\n\r\n",
		"HTTP/1.1 304  Not Modified \xe9\r\nTransfer-Encoding: chunked\r\nTrailer: A\r\nTrailer:\tB, C\r\n\r\n",
		"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n\x81\x00",
	} {
		f.Add(text)
	}
	for _, text := range seeds(inResponse, brokenAnswers) {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) { checkHead(t, inResponse, text) })
}

func FuzzChunked(f *testing.F) {
	for _, text := range []string{
		"5\r\nhello\r\n00A;x=\"y\"; z\r\n0123456789\r\n0\r\n\r\nGET /", "0;a\r\nA: b\r\nC:d \r\na:\te\r\n\r\n",
		"ffffffffffffffF\r\nabc", "1\r\na\r\r", "0\r\nA: b\r\n\rX", "1;" + strings.Repeat("a", maxExtension+1) + "\r\na\r\n0\r\n\r\n",
	} {
		f.Add(text, 3)
	}
	for _, text := range seeds(inChunks, brokenChunks) {
		f.Add(text, len(text)-1)
	}
	f.Fuzz(func(t *testing.T, text string, first int) {
		if first < 0 || first > len(text) {
			first = len(text) / 2
		}
		checkChunks(t, text, first)
	})
}

func FuzzExchangeBody(f *testing.F) {
	const continued, early = "HTTP/1.1 100 Continue\r\n\r\n", "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
	for _, text := range []string{
		continued + early + "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", early + "HTTP/1.1 200 OK\r\n\r\nuntil the end",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n3;x\r\ncde\r\n0\r\nA: b\r\na: c\r\n\r\n",
		"HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n", "HTTP/1.1 204 No Content\r\n\r\n", "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n\r\nx",
		"HTTP/1.1 205 Reset\r\nContent-Length: 2\r\n\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 1048577\r\n\r\n",
	} {
		f.Add(text, false, uint16(7))
		f.Add(text, true, uint16(1000))
	}
	for _, text := range seeds(inExchange, brokenAnswers) {
		f.Add(text, false, uint16(99))
	}
	for _, text := range seeds(inChunks, brokenChunks) {
		f.Add(anAnswer+"Transfer-Encoding: chunked\r\n\r\n"+text, false, uint16(5))
	}
	f.Fuzz(func(t *testing.T, text string, head bool, size uint16) {
		method := "GET"
		if head {
			method = "HEAD"
		}
		checkExchange(t, method, text, int(size)+1)
	})
}

// seeds are the differences in a place, and what breaks rules there; short ones,
// for bounds are tested elsewhere.
func seeds(in place, broken []breach) (texts []string) {
	for _, d := range differences {
		if d.place == in {
			texts = append(texts, d.example)
		}
	}
	for _, b := range broken {
		texts = append(texts, b.text)
	}
	return slices.DeleteFunc(texts, func(s string) bool { return len(s) > 512 })
}

// agree fails where only one of us accepts, for no reason that is known in one of
// the places.
func agree(t *testing.T, ours, theirs error, in ...place) (both bool) {
	t.Helper()
	known := slices.ContainsFunc(in, func(p place) bool { return find(p, ours) })
	if (ours == nil) != (theirs == nil) && !known {
		t.Fatalf("a difference: we say %v, net/http says %v", ours, theirs)
	}
	return ours == nil && theirs == nil
}

func checkHead(t *testing.T, in place, text string) {
	h, ours := parse[in](text)
	if err := sameAsReference(in, text, h, ours); err != nil {
		t.Fatal(err)
	}
	theirs, err := parseTheirs[in](text)
	if !agree(t, ours, err, in) {
		return
	}
	if err := sameAsTheirs(in, text, h, theirs); err != nil {
		t.Fatal(err)
	}
}

// sameAsReference is whether the reference, which wants a head alone, has read it
// as we have.
func sameAsReference(in place, text string, h *Head, ours error) error {
	read := map[place]func(string) (refHead, bool){inRequest: refRequest, inResponse: refResponse}[in]
	want, ok := read(wholeHead(text))
	if ok != (ours == nil) {
		return fmt.Errorf("we say %v, and the reference: %v", ours, ok)
	}
	if !ok {
		return nil
	}
	got := refHead{
		method: h.Method, target: h.Target, authority: want.authority, status: h.Status, reason: h.Reason, minor: h.Minor,
		length: h.Length, chunked: h.Chunked, close: h.Close, expects: h.Continue,
	}
	fields := want.fields
	want.fields = nil
	if fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", want) {
		return fmt.Errorf("we read %+v, and the reference %+v", got, want)
	}
	if !slices.Equal(h.Fields, fields) {
		return fmt.Errorf("we read %q, and the reference %q", h.Fields, fields)
	}
	if h.Connection != (len((&refHead{fields: fields}).values("connection")) > 0) {
		return errors.New("there is a Connection header, or there is none")
	}
	return nil
}

// wholeHead is the head at the beginning of a text, or none.
func wholeHead(text string) string {
	head, _, found := strings.Cut(text, "\r\n\r\n")
	if !found {
		return ""
	}
	return head + "\r\n\r\n"
}

// sameAsTheirs is whether net/http has read a head as we have.
func sameAsTheirs(in place, text string, h *Head, theirs theirHead) error {
	if first, _, _ := strings.Cut(text, "\r\n"); theirs.first != first {
		return fmt.Errorf("net/http reads the first line as %q", theirs.first)
	}
	if err := sameFields(h.Fields, theirs.fields); err != nil {
		return err
	}
	length := h.Length
	if in == inRequest {
		if want, _ := refRequest(wholeHead(text)); theirs.host != want.authority {
			return fmt.Errorf("it is for %q, and net/http has it for %q", want.authority, theirs.host)
		}
		if length < 0 && !h.Chunked {
			length = 0 // a request says so if it has a body
		}
	}
	if theirs.length != length || theirs.chunk != h.Chunked {
		return fmt.Errorf("length %d, chunked %v, and net/http's %d, %v", length, h.Chunked, theirs.length, theirs.chunk)
	}
	return sameEnd(in, h, theirs.close)
}

// sameEnd is whether we agree on what becomes of the connection.
func sameEnd(in place, h *Head, theirs bool) error {
	if h.KeepAlive() != theirs || h.Minor == 0 && !theirs && find(in, errKept) {
		return nil
	}
	return fmt.Errorf("we keep the connection: %v, and net/http ends it: %v", h.KeepAlive(), theirs)
}

func checkChunks(t *testing.T, text string, first int) {
	got, ours := ourChunks(text, len(text))
	if split, err := ourChunks(text, first); !errors.Is(err, ours) || fmt.Sprintf("%q", split) != fmt.Sprintf("%q", got) {
		t.Fatalf("whole %+v, %v; in two %+v, %v", got, ours, split, err)
	}
	want := refChunked(text)
	var broken Rule
	if want.done != (ours == nil) || want.bad != errors.As(ours, &broken) || want.content != got.text {
		t.Fatalf("we read %+v, %v, and the reference %+v", got, ours, want)
	}
	if want.done && (got.rest != text[want.used:] || !slices.Equal(got.trailer, want.trailer)) {
		t.Fatalf("we read %+v, and the reference %+v", got, want)
	}
	theirs, err := theirChunks(text)
	if agree(t, ours, err, inChunks) {
		sameContent(t, got, theirs)
	}
}

func sameContent(t *testing.T, ours, theirs content) {
	t.Helper()
	ours.trailer = slices.Clone(ours.trailer)
	sortByName(ours.trailer)
	if ours.text != theirs.text || ours.rest != theirs.rest || !slices.Equal(ours.trailer, theirs.trailer) {
		t.Fatalf("we read %+v, and net/http %+v", ours, theirs)
	}
}

func checkExchange(t *testing.T, method, text string, size int) {
	a, got, ours := ourExchange(method, text, size)
	head, want := refExchange(method, text)
	switch {
	case errors.Is(ours, ErrSurplus):
		if !want.done || want.used == len(text) {
			t.Fatalf("nothing stands behind the answer: %+v", want)
		}
	case want.done != (ours == nil):
		t.Fatalf("we say %v, and the reference %+v", ours, want)
	case want.done && (got.text != want.content || got.rest != text[want.used:] || !slices.Equal(got.trailer, want.trailer) || a.Status != head.status):
		t.Fatalf("we read %+v, and the reference %+v", got, want)
	}
	closes, theirs, err := theirExchange(method, text)
	if !agree(t, ours, err, inExchange, inChunks, inResponse) {
		return
	}
	sameContent(t, got, theirs)
	if err := sameEnd(inResponse, &a.Head, closes); err != nil {
		t.Fatal(err)
	}
}
