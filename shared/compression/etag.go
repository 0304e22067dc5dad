package compression

import (
	"net/http"
	"strings"
)

// A strong ETag names one sequence of bytes, so each coding has its own: "x"
// becomes "x-gzip" (RFC 9110 §8.8.3.3). Handlers know "x" only. Weak ones stay
// as they are.

func strongETag(tag string) bool {
	return len(tag) >= 2 && tag[0] == '"' && tag[len(tag)-1] == '"'
}

func withSuffix(tag string, e Encoding) string {
	return tag[:len(tag)-1] + "-" + e.String() + `"`
}

// withoutSuffix is the tag before a coding was added to it, if one was.
func withoutSuffix(tag string) (string, bool) {
	if !strongETag(tag) {
		return tag, false
	}
	for e := Identity + 1; e < encodings; e++ {
		if base, found := strings.CutSuffix(tag, "-"+e.String()+`"`); found && base != "" {
			return base + `"`, true
		}
	}
	return tag, false
}

// plainConditions is the request as the handler is to see it: whoever has our
// "x-gzip" has the handler's "x". What the client sent stays beside it, since a
// handler's own tags may end alike. The request itself is not changed.
func plainConditions(r *http.Request) *http.Request {
	changed := r
	for _, name := range [...]string{"If-None-Match", "If-Match"} {
		tags := listETags(r.Header[name])
		added := false
		for _, tag := range tags {
			if base, had := withoutSuffix(tag); had {
				tags = append(tags, base)
				added = true
			}
		}
		if !added {
			continue
		}
		if changed == r {
			changed = new(http.Request)
			*changed = *r
			changed.Header = r.Header.Clone()
		}
		changed.Header[name] = []string{strings.Join(tags, ", ")}
	}
	return changed
}

// restoreETag makes the tag of a 304 the one that the client has: its store is
// searched for it (RFC 9111 §4.3.4).
func (w *writer) restoreETag() {
	tag := w.Header().Get("ETag")
	if !strongETag(tag) {
		return
	}
	has := make(map[string]bool)
	for _, t := range listETags(w.request.Header["If-None-Match"]) {
		has[t] = true
	}
	if w.accepted != Identity && has[withSuffix(tag, w.accepted)] {
		w.Header().Set("ETag", withSuffix(tag, w.accepted))
		return
	}
	for e := Identity + 1; e < encodings && !has[tag]; e++ {
		if has[withSuffix(tag, e)] {
			w.Header().Set("ETag", withSuffix(tag, e))
			return
		}
	}
}

// maxETags of a condition are read.
const maxETags = 64

// listETags reads a list of entity tags (RFC 9110 §13.1.2). Commas may stand
// inside of them. What is not a tag ends the list, and so does a list that is
// too long: the handler then sees what was sent.
func listETags(lines []string) []string {
	var tags []string
	for _, line := range lines {
		for line = strings.Trim(line, " \t,"); line != ""; line = strings.TrimLeft(line, " \t,") {
			n := etagEnd(line)
			if n == 0 || len(tags) == maxETags {
				return nil
			}
			tags, line = append(tags, line[:n]), line[n:]
		}
	}
	return tags
}

// etagEnd is the length of the entity tag that s begins with, or 0.
func etagEnd(s string) int {
	start := 0
	if strings.HasPrefix(s, "W/") {
		start = 2
	}
	if len(s) <= start || s[start] != '"' {
		return 0
	}
	end := strings.IndexByte(s[start+1:], '"')
	if end < 0 {
		return 0
	}
	return start + 1 + end + 1
}
