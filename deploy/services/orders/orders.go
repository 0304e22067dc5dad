// Package orders is the service that knows what somebody rented and bought,
// with all that belongs to it: payment, invoice, delivery, history. About 1 kB
// an order, 8 to 15 kB a page of ten; and that takes new ones:
//
//	GET  /orders?user=ada&film=memento-2001&state=active&limit=10    200 Page · 400 · 404 unknown user or film
//	GET  /orders/{id}                                                200 Order · 404
//	POST /orders                                                     201 Order · 400 · 402 · 404 unknown user or film · 409 · 413 · 415
//	GET  /wallets/{user}                                             200 Wallet · 404
//
// user is required, film is not. state is "active" or "past", absent for both.
// Active is a rental that can still be watched; every other order is settled,
// and so past: a rental that has run out, and any purchase, which stays
// playable. limit is 1 to 50, usually 10. The newest order comes first.
//
// An order is asked for with all of
//
//	{"user": "ada", "film_id": "pulp-fiction-1994", "kind": "rental", "quality": "hd"}
//
// kind is rental or purchase, quality sd, hd or uhd. It is paid out of the
// member's wallet: 402 (insufficient-credit) if there is too little in it. 409
// (already-ordered) if the film is an active rental of the member's, or bought;
// so an order that is sent twice is carried out once. New orders are kept in
// memory, and no other service hears of them.
//
// Everything is personal, so nothing may be stored by a cache. Money is in the
// currency's minor unit (399 is 3.99), times are RFC 3339 in UTC, null where
// something has not happened.
package orders

import (
	"fmt"
	"slices"
	"time"

	"github.com/triptych-bff/triptych/deploy/services/chance"
	"github.com/triptych-bff/triptych/deploy/services/playback"
	"github.com/triptych-bff/triptych/deploy/services/users"
	"github.com/triptych-bff/triptych/deploy/services/world"
)

// Page is the answer to a list.
type Page struct {
	Items []*Order `json:"items"`
	Total int      `json:"total"` // before the limit
}

// Order is one film rented or bought.
type Order struct {
	ID        string     `json:"id"`
	UserID    string     `json:"user_id"`
	FilmID    string     `json:"film_id"`
	Title     string     `json:"title"`
	Year      int        `json:"year"`
	Kind      string     `json:"kind"`    // rental, purchase
	State     string     `json:"state"`   // active, past
	Outcome   string     `json:"outcome"` // waiting, watching, watched, expired, owned
	Playable  bool       `json:"playable"`
	Price     Price      `json:"price"`
	PlacedAt  time.Time  `json:"placed_at"`
	StartsAt  *time.Time `json:"starts_at"`  // the first play
	ExpiresAt *time.Time `json:"expires_at"` // null for a purchase
	Progress  Progress   `json:"progress"`
	Payment   Payment    `json:"payment"`
	Invoice   Invoice    `json:"invoice"`
	Delivery  Delivery   `json:"delivery"`
	Events    []Event    `json:"events"` // the oldest first
}

// Price is what was paid.
type Price struct {
	Amount     int    `json:"amount"`
	Currency   string `json:"currency"`
	TaxPercent int    `json:"tax_percent"`
	TaxAmount  int    `json:"tax_amount"` // within amount
}

// Progress is how far the film was watched.
type Progress struct {
	PositionS int  `json:"position_s"`
	DurationS int  `json:"duration_s"`
	Percent   int  `json:"percent"`
	Finished  bool `json:"finished"`
}

// Payment is how it was paid.
type Payment struct {
	MethodID      string    `json:"method_id"`
	Kind          string    `json:"kind"` // card, credit
	Brand         string    `json:"brand"`
	Last4         string    `json:"last4"`
	State         string    `json:"state"`
	Authorization string    `json:"authorization"`
	CapturedAt    time.Time `json:"captured_at"`
}

// Invoice is the bill.
type Invoice struct {
	ID       string    `json:"id"`
	Number   string    `json:"number"`
	IssuedAt time.Time `json:"issued_at"`
	URL      string    `json:"url"`
	Lines    []Line    `json:"lines"`
}

// Line is one line of the bill.
type Line struct {
	Text       string `json:"text"`
	Quantity   int    `json:"quantity"`
	Amount     int    `json:"amount"`
	TaxPercent int    `json:"tax_percent"`
}

// Delivery is the form in which the film is played.
type Delivery struct {
	Quality   string   `json:"quality"` // sd, hd, uhd
	Audio     []string `json:"audio"`
	Subtitles []string `json:"subtitles"`
	License   string   `json:"license"`
	Manifest  string   `json:"manifest"`
}

// Event is something that happened to the order.
type Event struct {
	At    time.Time `json:"at"`
	Kind  string    `json:"kind"`  // placed, paid, started, finished, expired
	Actor string    `json:"actor"` // user, system
	Note  string    `json:"note"`
}

func stateOf(o *world.Order) string {
	if o.Active {
		return "active"
	}
	return "past"
}

func playable(o *world.Order) bool { return o.Active || o.Kind == "purchase" }

func outcome(o *world.Order) string {
	switch {
	case o.Kind == "purchase":
		return "owned"
	case o.Active && o.Started.IsZero():
		return "waiting"
	case o.Active:
		return "watching"
	case o.Position == o.Duration:
		return "watched"
	default:
		return "expired"
	}
}

func order(o *world.Order, now time.Time) *Order {
	c := chance.Of("order", o.ID)
	vat := o.Member.Place.VAT
	return &Order{
		ID: o.ID, UserID: o.Member.ID, FilmID: o.Film.ID, Title: o.Film.Title, Year: o.Film.Year,
		Kind: o.Kind, State: stateOf(o), Outcome: outcome(o), Playable: playable(o),
		Price:    Price{Amount: o.Price, Currency: o.Member.Place.Currency, TaxPercent: vat, TaxAmount: o.Price * vat / (100 + vat)},
		PlacedAt: o.Placed, StartsAt: maybe(o.Started), ExpiresAt: maybe(o.Expires),
		Progress: progress(o),
		Payment:  payment(c, o),
		Invoice:  invoice(c, o),
		Delivery: delivery(c, o),
		Events:   events(o, now),
	}
}

func maybe(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

func progress(o *world.Order) Progress {
	return Progress{
		PositionS: int(o.Position.Seconds()), DurationS: int(o.Duration.Seconds()),
		Percent: int(100 * o.Position / o.Duration), Finished: o.Position == o.Duration,
	}
}

func payment(c *chance.Chance, o *world.Order) Payment {
	if o.Credit {
		return Payment{
			MethodID: "wallet_" + o.Member.ID, Kind: "credit", State: "captured",
			Authorization: "auth_" + c.Hex(20), CapturedAt: o.Placed.Add(paid),
		}
	}
	m := users.DefaultPayment(o.Member)
	return Payment{
		MethodID: m.ID, Kind: m.Kind, Brand: m.Brand, Last4: m.Last4, State: "captured",
		Authorization: "auth_" + c.Hex(20), CapturedAt: o.Placed.Add(paid),
	}
}

// paid and billed are how long it takes from an order to its payment, and to its
// invoice.
const (
	paid   = 2 * time.Second
	billed = 5 * time.Second
)

func invoice(c *chance.Chance, o *world.Order) Invoice {
	id := "inv_" + c.Hex(16)
	return Invoice{
		ID: id, Number: fmt.Sprintf("%d-%s-%s", o.Placed.Year(), o.Member.Place.Country, c.Digits(7)),
		IssuedAt: o.Placed.Add(billed), URL: "https://billing.example.com/invoices/" + id + ".pdf",
		Lines: []Line{{
			Text:     fmt.Sprintf("%s (%d), %s, %s", o.Film.Title, o.Film.Year, o.Kind, o.Quality),
			Quantity: 1, Amount: o.Price, TaxPercent: o.Member.Place.VAT,
		}},
	}
}

func delivery(c *chance.Chance, o *world.Order) Delivery {
	languages := slices.Compact([]string{"en", o.Member.Place.Language})
	return Delivery{
		Quality: o.Quality, Audio: languages, Subtitles: languages,
		License: "lic_" + c.Hex(32), Manifest: playback.Manifest(o.Film, o.Quality),
	}
}

// events tells the order's history as far as it has happened at now.
func events(o *world.Order, now time.Time) []Event {
	list := []Event{
		{o.Placed, "placed", "user", o.Kind + " of " + o.Film.Title},
		{o.Placed.Add(paid), "paid", "system", "captured at the first attempt"},
	}
	if !o.Started.IsZero() {
		list = append(list, Event{o.Started, "started", "user", "first play, " + o.Quality})
	}
	if o.Position == o.Duration {
		list = append(list, Event{o.Started.Add(o.Duration + 9*time.Minute), "finished", "user", "watched to the end"})
	}
	if !o.Expires.IsZero() && o.Expires.Before(now) {
		list = append(list, Event{o.Expires, "expired", "system", "the rental has run out"})
	}
	return list
}
