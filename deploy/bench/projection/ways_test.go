package projection

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/bytedance/sonic"
	"github.com/valyala/fastjson"

	ours "github.com/triptych-bff/triptych/shared/projection"
)

// An answer is the JSON of one service, and what is shown of it.
type answer struct {
	name string
	mask string
	src  []byte

	compiled *ours.Mask
	typed    func() any                           // a struct of what is shown, as the service has it
	shape    func(any) any                        // and as the screen has it
	walk     func([]byte, *fastjson.Value) []byte // the same for fastjson
	filter   func(map[string]any) map[string]any  // and for maps
}

// shared is where the answers stand: they are those of shared's own benchmarks.
const shared = "../../../shared/projection/testdata/answers"

func answers(tb testing.TB) []answer {
	tb.Helper()
	all := []answer{
		{name: "user", mask: `{id,name,avatar{url},stats.reviews}`, typed: newOf[user], shape: showUser, walk: walkUser, filter: filterUser},
		{name: "orders", mask: `{items[:20]{id,title,price:price.amount,expires_at}}`, typed: newOf[orders], shape: showOrders, walk: walkOrders, filter: filterOrders},
		{name: "books", mask: `{items[:20]{id,title,price:price.amount,image:images[0].url,rating:rating.average}}`, typed: newOf[books], shape: showBooks, walk: walkBooks, filter: filterBooks},
		{name: "recommendations", mask: `{items[:9]{id,reason}}`, typed: newOf[recommendations], shape: showRecommendations, walk: walkRecommendations, filter: filterRecommendations},
		{name: "reviews", mask: `{items[:3]{rating,title,author:author.name}}`, typed: newOf[reviews], shape: showReviews, walk: walkReviews, filter: filterReviews},
	}
	for i := range all {
		a := &all[i]
		var err error
		if a.src, err = os.ReadFile(filepath.Join(shared, a.name+".json")); err != nil {
			tb.Fatal(err)
		}
		// As a body is read: into a buffer that is larger.
		a.src = append(make([]byte, 0, len(a.src)+64), a.src...)
		if a.compiled, err = ours.Compile(a.mask); err != nil {
			tb.Fatal(err)
		}
	}
	return all
}

// A way appends what is shown of an answer.
type way struct {
	name string
	run  func(dst []byte, a *answer) ([]byte, error)
}

func ways() []way {
	var parser fastjson.Parser
	return []way{
		{"this project", func(dst []byte, a *answer) ([]byte, error) { return a.compiled.Project(dst, a.src) }},
		{"fastjson, parse and walk", func(dst []byte, a *answer) ([]byte, error) {
			v, err := parser.ParseBytes(a.src)
			if err != nil {
				return dst, err
			}
			return a.walk(dst, v), nil
		}},
		{"sonic, types, ConfigFastest", func(dst []byte, a *answer) ([]byte, error) {
			return throughTypes(dst, a, sonic.ConfigFastest.Unmarshal, sonic.ConfigFastest.Marshal)
		}},
		{"encoding/json, types", func(dst []byte, a *answer) ([]byte, error) {
			return throughTypes(dst, a, json.Unmarshal, json.Marshal)
		}},
		{"encoding/json, maps, UseNumber", func(dst []byte, a *answer) ([]byte, error) {
			decoder := json.NewDecoder(bytes.NewReader(a.src))
			decoder.UseNumber()
			var v map[string]any
			if err := decoder.Decode(&v); err != nil {
				return dst, err
			}
			out, err := json.Marshal(a.filter(v))
			return append(dst, out...), err
		}},
	}
}

func throughTypes(dst []byte, a *answer, unmarshal func([]byte, any) error, marshal func(any) ([]byte, error)) ([]byte, error) {
	v := a.typed()
	if err := unmarshal(a.src, v); err != nil {
		return dst, err
	}
	out, err := marshal(a.shape(v))
	return append(dst, out...), err
}

func newOf[T any]() any { return new(T) }

// TestSame asserts that all ways give the same.
func TestSame(t *testing.T) {
	for _, a := range answers(t) {
		want := map[string]any{}
		for i, w := range ways() {
			out, err := w.run(nil, &a)
			if err != nil {
				t.Errorf("%s by %s: %v", a.name, w.name, err)
				continue
			}
			decoder := json.NewDecoder(bytes.NewReader(out))
			decoder.UseNumber()
			got := map[string]any{}
			if err := decoder.Decode(&got); err != nil {
				t.Errorf("%s by %s: %v in %s", a.name, w.name, err, out)
			}
			if i == 0 {
				want = got
			}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("%s by %s: %s", a.name, w.name, out)
			}
		}
	}
}

// What follows is what one would write for each screen: types and a few lines for
// what they become, a walk over parsed values, a filter for maps.

type (
	user struct {
		ID     string `json:"id"`
		Name   string `json:"name"`
		Avatar struct {
			URL string `json:"url"`
		} `json:"avatar"`
		Stats struct {
			Reviews json.Number `json:"reviews"`
		} `json:"stats"`
	}
	userShown struct {
		ID     string `json:"id"`
		Name   string `json:"name"`
		Avatar struct {
			URL string `json:"url"`
		} `json:"avatar"`
		Reviews json.Number `json:"reviews"`
	}

	price struct {
		Amount json.Number `json:"amount"`
	}
	orders struct {
		Items []struct {
			ID        json.Number `json:"id"`
			Title     string      `json:"title"`
			Price     price       `json:"price"`
			ExpiresAt string      `json:"expires_at"`
		} `json:"items"`
	}
	order struct {
		ID        json.Number `json:"id"`
		Title     string      `json:"title"`
		Price     json.Number `json:"price"`
		ExpiresAt string      `json:"expires_at"`
	}

	books struct {
		Items []struct {
			ID     string `json:"id"`
			Title  string `json:"title"`
			Price  price  `json:"price"`
			Images []struct {
				URL string `json:"url"`
			} `json:"images"`
			Rating struct {
				Average json.Number `json:"average"`
			} `json:"rating"`
		} `json:"items"`
	}
	book struct {
		ID     string      `json:"id"`
		Title  string      `json:"title"`
		Price  json.Number `json:"price"`
		Image  string      `json:"image"`
		Rating json.Number `json:"rating"`
	}

	recommendations struct {
		Items []recommendation `json:"items"`
	}
	recommendation struct {
		ID     string `json:"id"`
		Reason string `json:"reason"`
	}

	reviews struct {
		Items []struct {
			Rating json.Number `json:"rating"`
			Title  string      `json:"title"`
			Author struct {
				Name string `json:"name"`
			} `json:"author"`
		} `json:"items"`
	}
	review struct {
		Rating json.Number `json:"rating"`
		Title  string      `json:"title"`
		Author string      `json:"author"`
	}

	list[T any] struct {
		Items []T `json:"items"`
	}
)

func showUser(v any) any {
	u := v.(*user)
	return userShown{u.ID, u.Name, u.Avatar, u.Stats.Reviews}
}

func showOrders(v any) any {
	var shown list[order]
	for _, o := range first(v.(*orders).Items, 20) {
		shown.Items = append(shown.Items, order{o.ID, o.Title, o.Price.Amount, o.ExpiresAt})
	}
	return shown
}

func showBooks(v any) any {
	var shown list[book]
	for _, b := range first(v.(*books).Items, 20) {
		shown.Items = append(shown.Items, book{b.ID, b.Title, b.Price.Amount, b.Images[0].URL, b.Rating.Average})
	}
	return shown
}

func showRecommendations(v any) any {
	return list[recommendation]{first(v.(*recommendations).Items, 9)}
}

func showReviews(v any) any {
	var shown list[review]
	for _, r := range first(v.(*reviews).Items, 3) {
		shown.Items = append(shown.Items, review{r.Rating, r.Title, r.Author.Name})
	}
	return shown
}

func first[T any](items []T, n int) []T { return items[:min(n, len(items))] }

// A taken value is written under a name.
type taken struct {
	name string
	path []string
}

var (
	orderTaken          = []taken{{"id", []string{"id"}}, {"title", []string{"title"}}, {"price", []string{"price", "amount"}}, {"expires_at", []string{"expires_at"}}}
	bookTaken           = []taken{{"id", []string{"id"}}, {"title", []string{"title"}}, {"price", []string{"price", "amount"}}, {"image", []string{"images", "0", "url"}}, {"rating", []string{"rating", "average"}}}
	recommendationTaken = []taken{{"id", []string{"id"}}, {"reason", []string{"reason"}}}
	reviewTaken         = []taken{{"rating", []string{"rating"}}, {"title", []string{"title"}}, {"author", []string{"author", "name"}}}
)

func walkUser(dst []byte, v *fastjson.Value) []byte {
	dst = v.Get("id").MarshalTo(append(dst, `{"id":`...))
	dst = v.Get("name").MarshalTo(append(dst, `,"name":`...))
	dst = v.Get("avatar", "url").MarshalTo(append(dst, `,"avatar":{"url":`...))
	dst = v.Get("stats", "reviews").MarshalTo(append(dst, `},"reviews":`...))
	return append(dst, '}')
}

func walkOrders(dst []byte, v *fastjson.Value) []byte { return walkItems(dst, v, 20, orderTaken) }
func walkBooks(dst []byte, v *fastjson.Value) []byte  { return walkItems(dst, v, 20, bookTaken) }
func walkRecommendations(dst []byte, v *fastjson.Value) []byte {
	return walkItems(dst, v, 9, recommendationTaken)
}
func walkReviews(dst []byte, v *fastjson.Value) []byte { return walkItems(dst, v, 3, reviewTaken) }

func walkItems(dst []byte, v *fastjson.Value, n int, members []taken) []byte {
	dst = append(dst, `{"items":[`...)
	for i, item := range first(v.GetArray("items"), n) {
		if i > 0 {
			dst = append(dst, ',')
		}
		for k, m := range members {
			if k == 0 {
				dst = append(dst, '{')
			} else {
				dst = append(dst, ',')
			}
			dst = append(append(append(dst, '"'), m.name...), `":`...)
			dst = item.Get(m.path...).MarshalTo(dst)
		}
		dst = append(dst, '}')
	}
	return append(dst, "]}"...)
}

func filterUser(v map[string]any) map[string]any {
	return map[string]any{
		"id": v["id"], "name": v["name"], "avatar": map[string]any{"url": at(v, "avatar", "url")},
		"reviews": at(v, "stats", "reviews"),
	}
}

func filterOrders(v map[string]any) map[string]any { return filterItems(v, 20, orderTaken) }
func filterBooks(v map[string]any) map[string]any  { return filterItems(v, 20, bookTaken) }
func filterRecommendations(v map[string]any) map[string]any {
	return filterItems(v, 9, recommendationTaken)
}
func filterReviews(v map[string]any) map[string]any { return filterItems(v, 3, reviewTaken) }

func filterItems(v map[string]any, n int, members []taken) map[string]any {
	items := first(v["items"].([]any), n)
	shown := make([]any, len(items))
	for i, item := range items {
		one := make(map[string]any, len(members))
		for _, m := range members {
			one[m.name] = at(item, m.path...)
		}
		shown[i] = one
	}
	return map[string]any{"items": shown}
}

// at follows names; 0 is the first element.
func at(v any, path ...string) any {
	for _, name := range path {
		if list, is := v.([]any); is {
			v = list[0]
		} else {
			v = v.(map[string]any)[name]
		}
	}
	return v
}
