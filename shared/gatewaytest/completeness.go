package gatewaytest

import (
	"fmt"
	"slices"
	"strings"

	"github.com/dunglas/httpsfv"

	"github.com/triptych-bff/triptych/shared/aggregation"
)

// Completeness is what an answer says of its parts. The zero value lacks nothing.
type Completeness struct {
	Missing    []string // parts that could not be had
	Default    []string // parts that are their default instead
	Incomplete []string // parts that lack something within
	Stale      []string // parts that are older than they should be
}

// Completeness reads the header [aggregation.CompletenessHeader], a dictionary
// (RFC 9651 §3.2), and passes over members that it does not know. It is an error
// if the header is absent or contradicts itself.
func (a Answer) Completeness() (Completeness, error) {
	said, err := httpsfv.UnmarshalDictionary(a.Header.Values(aggregation.CompletenessHeader))
	if err != nil {
		return Completeness{}, fmt.Errorf("%s: %w", aggregation.CompletenessHeader, err)
	}
	c := Completeness{names(said, "missing"), names(said, "default"), names(said, "incomplete"), names(said, "stale")}
	for _, word := range []string{"full", "partial"} {
		if _, ok := said.Get(word); ok != (c.word() == word) {
			return c, fmt.Errorf("%s: it says %q, and names %v", aggregation.CompletenessHeader, said.Names(), c)
		}
	}
	return c, nil
}

// names are the strings of an inner list (RFC 9651 §3.1.1).
func names(said *httpsfv.Dictionary, key string) []string {
	member, _ := said.Get(key)
	list, _ := member.(httpsfv.InnerList)
	var all []string
	for _, item := range list.Items {
		all = append(all, fmt.Sprint(item.Value))
	}
	return all
}

// word is the one word that says it.
func (c Completeness) word() string {
	switch {
	case c.partial():
		return "partial"
	case len(c.Stale) > 0:
		return "stale"
	default:
		return "full"
	}
}

// partial is whether something is not there.
func (c Completeness) partial() bool { return len(c.Missing)+len(c.Default)+len(c.Incomplete) > 0 }

// all are the parts that are not what they should be.
func (c Completeness) all() []string {
	return slices.Concat(c.Missing, c.Default, c.Incomplete, c.Stale)
}

// String is like the header.
func (c Completeness) String() string {
	return c.word() + list("missing", c.Missing) + list("default", c.Default) + list("incomplete", c.Incomplete) + list("stale", c.Stale)
}

func list(key string, parts []string) string {
	if len(parts) == 0 {
		return ""
	}
	return ", " + key + `=("` + strings.Join(parts, `" "`) + `")`
}

func (c Completeness) equal(o Completeness) bool {
	return slices.Equal(c.Missing, o.Missing) && slices.Equal(c.Default, o.Default) &&
		slices.Equal(c.Incomplete, o.Incomplete) && slices.Equal(c.Stale, o.Stale)
}
