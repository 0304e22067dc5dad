package documents

import (
	"encoding/json"
	"strings"
)

// A Part is what a screen shows of one service: the fields that may pass, by
// their dotted paths. A path that leads to an array is meant for each element.
type Part struct {
	Name    string // of the member in the answer
	Service string
	Fields  []string
}

// Rich is a large screen: nearly everything, whole arrays kept; 66 KB.
func Rich() []Part {
	return []Part{
		{"user", "users", []string{"id", "first_name", "last_name", "tier", "avatar_url", "preferences.currency", "statistics.points"}},
		{"orders", "orders", []string{"page", "total", "orders"}},
		{"products", "products", []string{"items", "total"}},
		{"picks", "recommendations", []string{"strategy", "recommendations"}},
		{"social", "reviews", []string{"reviews", "unread"}},
	}
}

// Small is a small screen: a few fields of each element; 9 KB.
func Small() []Part {
	return []Part{
		{"user", "users", []string{"id", "first_name", "tier", "avatar_url", "preferences.currency", "statistics.points"}},
		{"orders", "orders", []string{"total", "orders.id", "orders.status", "orders.placed_at", "orders.total.amount"}},
		{"products", "products", []string{"total", "items.id", "items.title", "items.price", "items.rating.average", "items.in_stock"}},
		{"picks", "recommendations", []string{"recommendations.product_id", "recommendations.title", "recommendations.image_url"}},
		{"social", "reviews", []string{"unread", "reviews.id", "reviews.rating", "reviews.title"}},
	}
}

// A Filter is a set of paths as a tree. An empty one lets everything pass.
type Filter map[string]Filter

// NewFilter is the filter of dotted paths.
func NewFilter(paths []string) Filter {
	root := Filter{}
	for _, path := range paths {
		at := root
		for name := range strings.SplitSeq(path, ".") {
			if at[name] == nil {
				at[name] = Filter{}
			}
			at = at[name]
		}
	}
	return root
}

// Keep is what passes of a decoded value, which it changes.
func (f Filter) Keep(v any) any {
	if len(f) == 0 {
		return v
	}
	switch v := v.(type) {
	case []any:
		for i := range v {
			v[i] = f.Keep(v[i])
		}
	case map[string]any:
		for name, member := range v {
			if below, ok := f[name]; ok {
				v[name] = below.Keep(member)
			} else {
				delete(v, name)
			}
		}
	}
	return v
}

// Deletions are the paths of everything in v that does not pass, with * for
// each element of an array, which is taken to look like its first one.
func (f Filter) Deletions(v any) []string {
	if len(f) == 0 {
		return nil
	}
	var all []string
	below := func(name string, f Filter, v any) {
		for _, path := range f.Deletions(v) {
			all = append(all, name+"."+path)
		}
	}
	switch v := v.(type) {
	case []any:
		if len(v) > 0 {
			below("*", f, v[0])
		}
	case map[string]any:
		for name, member := range v {
			if inner, ok := f[name]; ok {
				below(name, inner, member)
			} else {
				all = append(all, name)
			}
		}
	}
	return all
}

// Answer is the screen that is made of these parts, decoded.
func Answer(parts []Part) map[string]any {
	answer := map[string]any{}
	for _, part := range parts {
		for _, service := range Services() {
			if service.Name == part.Service {
				answer[part.Name] = NewFilter(part.Fields).Keep(Decode(service.JSON))
			}
		}
	}
	return answer
}

// Decode decodes JSON that is known to be good.
func Decode(data []byte) any {
	var v any
	if err := json.Unmarshal(data, &v); err != nil {
		panic(err)
	}
	return v
}
