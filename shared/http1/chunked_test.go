package http1

import (
	"bufio"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// chunkedBodies are whole ones, and what is in them.
var chunkedBodies = map[string]content{
	"0\r\n\r\n":          {},
	"0\r\n\r\n0\r\n\r\n": {rest: "0\r\n\r\n"},
	"1\r\na\r\n00B;x=\"y\"; z\t\xff\r\n\r\n234567\r\n0\r\n00000;\r\n\r\nrest": {text: "a\r\n234567\r\n0", rest: "rest"},
	"00000000000000a\r\n0123456789\r\n000000000000000\r\nA: b\r\na:\r\nC:\td \r\n\r\n": {
		text: "0123456789", trailer: Fields{{"A", "b"}, {"a", ""}, {"C", "d"}},
	},
	"0\r\nA:" + strings.Repeat("a", maxTrailers-2) + "\r\n\r\n":     {trailer: Fields{{"A", strings.Repeat("a", maxTrailers-2)}}},
	"1;" + strings.Repeat("a", maxExtension) + "\r\na\r\n0\r\n\r\n": {text: "a"},
	strings.Repeat("1;"+strings.Repeat("a", maxExtension)+"\r\na\r\n", maxExtensions/maxExtension) + "0\r\n\r\n": {
		text: strings.Repeat("a", maxExtensions/maxExtension),
	},
}

func TestChunkedBodies(t *testing.T) {
	for text, want := range chunkedBodies {
		if got, err := ourChunks(text, len(text)); err != nil || !sameRead(got, want) {
			t.Errorf("%.80q: %+v, %v", text, got, err)
		}
	}
}

func sameRead(a, b content) bool {
	return a.text == b.text && a.rest == b.rest && slices.Equal(a.trailer, b.trailer)
}

// TestChunkedAtEverySplit: good or bad, it is the same in two pieces as whole; and
// a body whose end is missing is not done.
func TestChunkedAtEverySplit(t *testing.T) {
	var all []string
	for text := range chunkedBodies {
		all = append(all, text)
	}
	for _, b := range brokenChunks {
		all = append(all, b.text)
	}
	for _, text := range all {
		if len(text) > 1000 {
			text = text[len(text)-1000:] // a bound does not depend on where pieces end, and there are many splits
		}
		want, wantErr := ourChunks(text, len(text))
		for first := range len(text) + 1 {
			if got, err := ourChunks(text, first); !sameRead(got, want) || !errors.Is(err, wantErr) {
				t.Fatalf("%q after %d: %+v, %v, not %+v, %v", text, first, got, err, want, wantErr)
			}
		}
		used := len(text) - len(want.rest)
		for n := range used {
			if _, err := ourChunks(text[:n], n); wantErr == nil && !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Fatalf("%q: %v", text[:n], err)
			}
		}
	}
}

// TestABrokenBodyStaysBroken: whoever goes on reads nothing behind what is wrong.
func TestABrokenBodyStaysBroken(t *testing.T) {
	for _, b := range brokenChunks {
		var c Chunked
		at := 0
		for range 3 {
			for {
				skip, data, err := c.Next([]byte(b.text[at:]))
				at += skip + data
				if err != nil {
					if err != b.rule || c.Done() {
						t.Errorf("%.80q: %v", b.text, err)
					}
					break
				}
			}
		}
	}
}

// TestSpoiltBodies: wherever a body is spoilt, neither we nor net/http take it for
// whole, and net/http does not wait for more.
func TestSpoiltBodies(t *testing.T) {
	const text = "2;a=b\r\nab\r\n1\r\nc\r\n0;d\r\nA: b\r\nC: d\r\n\r\n"
	for n := range len(text) {
		var c Chunked
		for at := 0; at < n; {
			skip, data, err := c.Next([]byte(text[at:n]))
			if at += skip + data; err != nil {
				t.Fatal(err)
			}
		}
		if c.part == chunkData {
			continue // content cannot be wrong
		}
		spoilt := text[:n] + c.Spoil()
		var broken Rule
		if _, err := ourChunks(spoilt, len(spoilt)); !errors.As(err, &broken) {
			t.Errorf("%q: %v", spoilt, err)
		}
		r, err := http.ReadResponse(bufio.NewReader(strings.NewReader(anAnswer+"Transfer-Encoding: chunked\r\n\r\n"+spoilt)), nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, r.Body); err == nil || errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%q: net/http says %v", spoilt, err)
		}
	}
}

// TestChunksAllocateNothing, but for trailers.
func TestChunksAllocateNothing(t *testing.T) {
	b := []byte("5;a=b\r\nhello\r\n0\r\n\r\n")
	n := testing.AllocsPerRun(100, func() {
		var c Chunked
		for at := 0; !c.Done(); {
			skip, data, err := c.Next(b[at:])
			if at += skip + data; err != nil {
				t.Fatal(err)
			}
		}
	})
	if n != 0 {
		t.Errorf("%v allocations", n)
	}
}
