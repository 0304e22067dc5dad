package main

import (
	"time"

	"github.com/triptych-bff/triptych/shared/aggregation"
	"github.com/triptych-bff/triptych/shared/gateway"
)

// Config is the configuration of every gateway; there is nothing to add.
type Config struct{ gateway.Config }

// Endpoints implements [gateway.Settings]. Whoever configures limits has them
// charged by each screen, so that a configuration without any can be measured.
func (c *Config) Endpoints() []aggregation.Endpoint {
	limits := make([]string, len(c.Limits))
	for i, l := range c.Limits {
		limits[i] = l.Name
	}
	return []aggregation.Endpoint{
		rich("GET /rich", live(), limits),
		rich("GET /cached/rich", cached(), limits),
		small(live(), limits),
	}
}

// calls are the five answers that a screen is made of.
type calls struct{ user, orders, products, recommendations, reviews *aggregation.Call }

// live calls differ from visit to visit: identical ones that are under way at once are
// made once, and what a call costs is to be measured.
func live() calls {
	visit := aggregation.Query{"visit": aggregation.HeaderField("X-Visit").Or("none")}
	return calls{
		user:            aggregation.HTTP("users").Get("/users/u1", visit),
		orders:          aggregation.HTTP("orders").Get("/orders", visit),
		products:        aggregation.HTTP("products").Get("/products", visit),
		recommendations: aggregation.HTTP("recommendations").Get("/recommendations", visit),
		reviews:         aggregation.HTTP("reviews").Get("/reviews", visit),
	}
}

// cached are answers that the services let everybody share.
func cached() calls {
	return calls{
		user:            aggregation.HTTP("users").Get("/cached/users/u1").Public(),
		orders:          aggregation.HTTP("orders").Get("/cached/orders").Public(),
		products:        aggregation.HTTP("products").Get("/cached/products").Public(),
		recommendations: aggregation.HTTP("recommendations").Get("/cached/recommendations").Public(),
		reviews:         aggregation.HTTP("reviews").Get("/cached/reviews").Public(),
	}
}

// rich keeps nearly everything: 69 KB in, 66 KB out.
func rich(route string, c calls, limits []string) aggregation.Endpoint {
	return aggregation.Endpoint{
		Route: route, Policy: "caller", Limits: limits, Budget: 3 * time.Second,
		Parts: []aggregation.Part{
			{Name: "user", From: c.user, Mask: `{id,first_name,last_name,tier,avatar_url,preferences{currency},statistics{points}}`},
			{Name: "orders", From: c.orders, Mask: `{page,total,orders}`},
			{Name: "products", From: c.products, Mask: `{items,total}`, Else: aggregation.Omit},
			{Name: "picks", From: c.recommendations, Mask: `{strategy,recommendations}`, Else: aggregation.Omit},
			{Name: "social", From: c.reviews, Mask: `{reviews,unread}`, Else: aggregation.Omit},
		},
	}
}

// small takes a few fields of each element: 69 KB in, 9 KB out.
func small(c calls, limits []string) aggregation.Endpoint {
	return aggregation.Endpoint{
		Route: "GET /small", Policy: "caller", Limits: limits, Budget: 3 * time.Second,
		Parts: []aggregation.Part{
			{Name: "user", From: c.user, Mask: `{id,first_name,tier,avatar_url,preferences{currency},statistics{points}}`},
			{Name: "orders", From: c.orders, Mask: `{total,orders[]{id,status,placed_at,total{amount}}}`},
			{Name: "products", From: c.products, Mask: `{total,items[]{id,title,price,rating{average},in_stock}}`, Else: aggregation.Omit},
			{Name: "picks", From: c.recommendations, Mask: `{recommendations[]{product_id,title,image_url}}`, Else: aggregation.Omit},
			{Name: "social", From: c.reviews, Mask: `{unread,reviews[]{id,rating,title}}`, Else: aggregation.Omit},
		},
	}
}
