package httpcache

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/triptych-bff/triptych/shared/http1"
)

// A Mix is what the answers that one response is made of allow together: the
// response may do what all of them may. Its zero value has seen no answer. A part
// that never changes, such as a default, is not added: it forbids nothing.
//
// The response is for the client that asked, so everything that RFC 9111 says to
// caches which many share is left aside: it is always private, and s-maxage, public
// and proxy-revalidate do not count.
type Mix struct {
	some                        bool // an answer was added
	noStore, noCache            bool
	mustRevalidate, noTransform bool

	fresh                    time.Duration // from now on; counts as soon as there is some
	whileRevalidate, ifError time.Duration // from the end of fresh on; 0: not at all

	anyHeader bool     // Vary is "*"
	vary      []string // canonical and sorted
}

// Add adds an answer by its headers, as they are now: its age is time that has
// passed already. An answer without Cache-Control, with one that says nothing of
// its freshness, or with one that is malformed allows only what is validated each
// time; so does one whose age cannot be read, and one that varies with everything
// (RFC 9111 §4.1). A malformed one that speaks of no-store is believed.
// Expires and Pragma are not heeded.
func (m *Mix) Add(h http1.Fields) {
	c, passed, readable := silent, time.Duration(-1), true
	for i := range h {
		switch f := &h[i]; {
		case f.Is("Cache-Control"):
			if !c.read(f.Value) {
				readable = false
				m.noStore = m.noStore || mentionsNoStore(f.Value)
			}
		case f.Is("Age"):
			readable = age(&passed, f.Value) && readable
		case f.Is("Vary"):
			m.addVary(f.Value)
		}
	}
	m.noStore = m.noStore || c.noStore
	m.noCache = m.noCache || c.noCache || c.maxAge < 0 || !readable
	m.noTransform = m.noTransform || c.noTransform
	m.mustRevalidate = m.mustRevalidate || c.mustRevalidate
	m.limit(c, max(passed, 0))
}

// limit lowers the times to what one answer, passed old, still allows. One that
// is stale already has used up some of the time in which it may be served stale.
func (m *Mix) limit(c control, passed time.Duration) {
	late := max(passed-c.maxAge, 0)
	fresh := max(c.maxAge-passed, 0)
	whileRevalidate, ifError := max(c.whileRevalidate-late, 0), max(c.ifError-late, 0)
	if m.some {
		fresh = min(fresh, m.fresh)
		whileRevalidate, ifError = min(whileRevalidate, m.whileRevalidate), min(ifError, m.ifError)
	}
	m.some, m.fresh, m.whileRevalidate, m.ifError = true, fresh, whileRevalidate, ifError
}

// mentionsNoStore tells whether no-store stands anywhere in a line that cannot be
// read: what is torn may have been meant.
func mentionsNoStore(line string) bool {
	return strings.Contains(strings.ToLower(line), "no-store")
}

// addVary takes a line of Vary. The coding is left out: who encodes the response
// says what that depends on. What is no header's name could be any.
func (m *Mix) addVary(line string) {
	for name := range strings.SplitSeq(line, ",") {
		name = strings.Trim(name, " \t")
		if name == "" || strings.EqualFold(name, "Accept-Encoding") {
			continue
		}
		if name == "*" || tokenLength(name) < len(name) {
			m.anyHeader, m.noCache = true, true
			continue
		}
		name = http.CanonicalHeaderKey(name)
		if at, known := slices.BinarySearch(m.vary, name); !known {
			m.vary = slices.Insert(m.vary, at, name)
		}
	}
}

// CacheControl is the Cache-Control of the response: "no-store"; "private,
// no-cache" where it must be validated each time, or where no answer was added;
// or for how long it may be kept, such as "private, max-age=30, must-revalidate".
// It may be served stale for as long as all answers say that they may (RFC 5861),
// and not at all if one of them says must-revalidate.
func (m *Mix) CacheControl() string {
	switch {
	case m.noStore && m.noTransform:
		return "no-store, no-transform"
	case m.noStore:
		return "no-store"
	case (m.noCache || !m.some) && m.noTransform:
		return "private, no-cache, no-transform"
	case m.noCache || !m.some:
		return "private, no-cache"
	}
	b := appendSeconds(make([]byte, 0, 128), "private, max-age=", m.fresh)
	if m.mustRevalidate {
		b = append(b, ", must-revalidate"...)
	}
	if m.whileRevalidate > 0 && !m.mustRevalidate {
		b = appendSeconds(b, ", stale-while-revalidate=", m.whileRevalidate)
	}
	if m.ifError > 0 && !m.mustRevalidate {
		b = appendSeconds(b, ", stale-if-error=", m.ifError)
	}
	if m.noTransform {
		b = append(b, ", no-transform"...)
	}
	return string(b)
}

func appendSeconds(dst []byte, text string, d time.Duration) []byte {
	return strconv.AppendInt(append(dst, text...), int64(d/time.Second), 10)
}

// Vary is what the response varies with: the headers that any answer names, in
// canonical form and sorted, without Accept-Encoding; "*" alone if one of them
// says so; nil if there are none. The names are those of the calls' headers: who
// sends the calls knows which of them come from the client.
func (m *Mix) Vary() []string {
	if m.anyHeader {
		return []string{"*"}
	}
	return slices.Clone(m.vary)
}
