package gateway

import (
	"net/url"
	"strings"
)

// take is the values of a parameter in a query, and the query without them: the
// rest stays as it was sent, byte for byte. A value whose escapes are malformed is
// taken as it stands; a name whose are, is another name.
func take(query, name string) (values []string, rest string) {
	kept := 0 // bytes of query that are in rest, or dropped
	for at := 0; at < len(query); {
		end := at + strings.IndexByte(query[at:], '&') + 1
		if end == at {
			end = len(query)
		}
		key, value, _ := strings.Cut(strings.TrimSuffix(query[at:end], "&"), "=")
		if unescaped(key) == name {
			values = append(values, unescaped(value))
			rest += query[kept:at]
			kept = end
		}
		at = end
	}
	if kept == 0 {
		return values, query
	}
	rest += query[kept:]
	if kept == len(query) {
		rest = strings.TrimSuffix(rest, "&")
	}
	return values, rest
}

func unescaped(s string) string {
	if !strings.ContainsAny(s, "%+") {
		return s
	}
	if plain, err := url.QueryUnescape(s); err == nil {
		return plain
	}
	return s
}
