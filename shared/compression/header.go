package compression

import (
	"net/http"
	"strconv"
	"strings"
)

// vary says that the answer depends on Accept-Encoding (RFC 9110 §12.5.5).
func vary(h http.Header) {
	for _, line := range h["Vary"] {
		for name := range strings.SplitSeq(line, ",") {
			name = strings.TrimSpace(name)
			if name == "*" || strings.EqualFold(name, "Accept-Encoding") {
				return
			}
		}
	}
	h.Add("Vary", "Accept-Encoding")
}

// transformable reports whether an answer may be encoded at all, as far as its
// status and header tell.
func transformable(r *http.Request, status int, h http.Header) bool {
	switch status {
	case http.StatusNoContent, http.StatusResetContent, http.StatusPartialContent:
		return false
	}
	for _, name := range [...]string{"Content-Range", "Content-Digest", "Repr-Digest", "Digest", "Content-Md5"} {
		if len(h[name]) > 0 {
			return false
		}
	}
	coding := h.Get("Content-Encoding")
	return (coding == "" || strings.EqualFold(coding, "identity")) && !noTransform(h) && !noTransform(r.Header)
}

// noTransform reports whether Cache-Control forbids changes (RFC 9111 §5.2.1.6,
// §5.2.2.6).
func noTransform(h http.Header) bool {
	for _, line := range h["Cache-Control"] {
		for directive := range strings.SplitSeq(line, ",") {
			if strings.EqualFold(strings.TrimSpace(directive), "no-transform") {
				return true
			}
		}
	}
	return false
}

// textual reports whether a type promises text, which is what shrinks.
func textual(contentType string) bool {
	typ, _, _ := strings.Cut(contentType, ";")
	typ = strings.ToLower(strings.TrimSpace(typ))
	switch typ {
	case "application/json", "application/x-ndjson", "application/xml", "application/javascript", "application/x-javascript",
		"application/x-www-form-urlencoded", "application/yaml":
		return true
	}
	return strings.HasPrefix(typ, "text/") || strings.HasSuffix(typ, "+json") || strings.HasSuffix(typ, "+xml") || strings.HasSuffix(typ, "+yaml")
}

func contentLength(h http.Header) (int, bool) {
	n, err := strconv.Atoi(h.Get("Content-Length"))
	return n, err == nil
}

func first(values []string) string {
	if len(values) == 0 {
		return ""
	}
	return values[0]
}
