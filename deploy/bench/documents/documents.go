// Package documents is what the benchmark's services answer, and what clients
// want of it. Everything is made at start, from fixed seeds: each run and each
// gateway moves the same bytes.
package documents

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
)

// A Service answers every request with one document.
type Service struct {
	Name string
	Path string // where a gateway asks for it
	JSON []byte
}

// Services are the five services of a store, 69 KB in all.
func Services() []Service {
	return []Service{
		{"users", "/users/u1", encode(user())},
		{"orders", "/orders", encode(orders())},
		{"products", "/products", encode(products())},
		{"recommendations", "/recommendations", encode(recommendations())},
		{"reviews", "/reviews", encode(reviews())},
	}
}

// CachedPrefix goes before a path whose answer may be cached by anybody.
const CachedPrefix = "/cached"

type object = map[string]any

func encode(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return b
}

// source makes up values; each document has one of its own.
type source struct{ *rand.Rand }

func newSource(seed uint64) source { return source{rand.New(rand.NewPCG(seed, 2026))} }

var vocabulary = strings.Fields(`anchor basin candle drift eagle forest glacier hollow island jasmine kettle
	ladder marble nectar olive pebble quarry ribbon saddle timber umbra valley walnut yonder zephyr bronze
	cobalt dapple early frost`)

func (s source) text(words int) string {
	chosen := make([]string, words)
	for i := range chosen {
		chosen[i] = vocabulary[s.IntN(len(vocabulary))]
	}
	return strings.Join(chosen, " ")
}

func (s source) id(kind string) string { return fmt.Sprintf("%s_%012x", kind, s.Uint64()>>16) }

func (s source) picture() string { return "https://media.store.test/pictures/" + s.id("pic") + ".webp" }

func (s source) time() string {
	return fmt.Sprintf("2026-%02d-%02dT%02d:%02d:%02dZ", 1+s.IntN(11), 1+s.IntN(28), s.IntN(24), s.IntN(60), s.IntN(60))
}

func (s source) money() object {
	return object{"amount": float64(199+s.IntN(50000)) / 100, "currency": "EUR"}
}

func (s source) address() object {
	return object{
		"street": fmt.Sprintf("%d %s lane", 1+s.IntN(200), s.text(1)), "extra": nil, "city": s.text(1),
		"postal_code": fmt.Sprintf("%05d", s.IntN(100000)), "country": "FR",
		"position": object{"lat": float64(s.IntN(90000)) / 1000, "lon": float64(s.IntN(180000)) / 1000},
	}
}

// list is n objects.
func list(n int, element func(i int) object) []object {
	all := make([]object, n)
	for i := range all {
		all[i] = element(i)
	}
	return all
}

// user is 1.5 KB, with what JSON needs escapes for.
func user() object {
	s := newSource(1)
	return object{
		"id": "u1", "first_name": "Zoé", "last_name": `D'Arcy "Dee"`, "email": "zoe.darcy@mail.store.test",
		"phone": "+33 6 98 76 54 32", "tier": "gold", "avatar_url": s.picture(), "created_at": s.time(),
		"seen_at": s.time(), "verified": true, "locale": "fr-FR", "timezone": "Europe/Paris",
		"addresses":   list(2, func(int) object { return s.address() }),
		"preferences": object{"newsletter": true, "push": false, "theme": "dark", "currency": "EUR", "topics": []string{"books", "garden", "audio"}},
		"statistics":  object{"orders": 42, "returns": 3, "points": 18250, "spent": 5123.75},
		"payment_methods": list(2, func(int) object {
			return object{"id": s.id("pay"), "brand": "visa", "last4": "4242", "expires": "09/29"}
		}),
		"internal": object{"risk": 0.0312, "segment": "A7", "crm": s.id("crm"), "flags": []string{"beta", "no-call"}, "notes": s.text(64)},
	}
}

// orders is 12 orders, 11.7 KB.
func orders() object {
	s := newSource(2)
	line := func(int) object {
		return object{
			"sku": s.id("sku"), "title": s.text(4), "quantity": 1 + s.IntN(4), "unit_price": s.money(),
			"tax": 0.2, "warehouse": fmt.Sprintf("w%d", s.IntN(9)),
		}
	}
	return object{
		"user_id": "u1", "page": 1, "page_size": 12, "total": 42, "debug": object{"took_ms": 7, "shard": 3},
		"orders": list(12, func(int) object {
			return object{
				"id": s.id("ord"), "status": []string{"paid", "shipped", "delivered"}[s.IntN(3)],
				"placed_at": s.time(), "updated_at": s.time(), "total": s.money(), "lines": list(3, line),
				"shipping":    object{"carrier": "post", "tracking": s.id("trk"), "eta": s.time(), "address": s.address()},
				"invoice_url": "https://files.store.test/invoices/" + s.id("inv") + ".pdf",
				"internal":    object{"margin": float64(s.IntN(1000)) / 1000, "fraud": false, "channel": "web"},
			}
		}),
	}
}

// products is 24 products with all that a shop knows of them, 39.8 KB.
func products() object {
	s := newSource(3)
	picture := func(int) object {
		return object{"url": s.picture(), "width": 1200, "height": 1200, "alt": s.text(4)}
	}
	return object{
		"page": 1, "page_size": 24, "total": 1312, "debug": object{"took_ms": 11},
		"facets": object{"brand": object{"a": 12, "b": 7}, "color": object{"red": 4, "blue": 9}},
		"items": list(24, func(int) object {
			return object{
				"id": s.id("prd"), "slug": strings.ReplaceAll(s.text(2), " ", "-"), "title": s.text(5), "description": s.text(57),
				"price": s.money(), "list_price": s.money(), "in_stock": s.IntN(5) > 0, "updated_at": s.time(),
				"rating": object{"average": float64(s.IntN(50)) / 10, "count": s.IntN(5000)},
				"images": list(4, picture), "brand": object{"id": s.id("brd"), "name": s.text(2)},
				"categories": []string{s.text(1), s.text(1)}, "stock": object{"paris": s.IntN(40), "lyon": s.IntN(40)},
				"attributes": object{"color": s.text(1), "size": "M", "weight_g": s.IntN(4000), "material": s.text(2)},
				"search":     object{"title": s.text(6), "keywords": s.text(10)},
				"internal":   object{"cost": s.money(), "supplier": s.id("sup"), "score": float64(s.IntN(100000)) / 100000},
			}
		}),
	}
}

// recommendations is 21 products in short, 5.9 KB.
func recommendations() object {
	s := newSource(4)
	return object{
		"user_id": "u1", "strategy": "collaborative", "experiment": object{"id": "exp_12", "arm": "b"},
		"recommendations": list(21, func(int) object {
			return object{
				"product_id": s.id("prd"), "title": s.text(5), "price": s.money(), "image_url": s.picture(),
				"reason": s.text(2), "score": float64(s.IntN(100000)) / 100000, "model": "als-v7", "trace": s.id("trc"),
			}
		}),
	}
}

// reviews is 15 reviews and 6 notifications, 9.7 KB.
func reviews() object {
	s := newSource(5)
	return object{
		"user_id": "u1", "unread": 3, "cursor": s.id("cur"),
		"reviews": list(15, func(int) object {
			return object{
				"id": s.id("rev"), "product_id": s.id("prd"), "rating": 1 + s.IntN(5), "title": s.text(5), "body": s.text(42),
				"author": object{"id": s.id("usr"), "name": s.text(2)}, "created_at": s.time(), "helpful": s.IntN(90),
				"moderation": object{"state": "approved", "by": s.id("mod")},
			}
		}),
		"notifications": list(6, func(i int) object {
			return object{"id": s.id("ntf"), "kind": "order", "text": s.text(10), "read": i > 2, "at": s.time()}
		}),
	}
}
