// Package users is the service that knows who has an account: names,
// addresses, devices, consents. It answers as such services do, with all of
// it, 2 to 4 kB a user:
//
//	GET   /users/{id}                200 User · 404
//	PATCH /users/{id}/preferences    200 User · 400 · 404 · 413 · 415
//
// A change has any of genres (1 to 10, the dearest first), autoplay, subtitles
// and maturity:
//
//	{"genres": ["Western", "Drama"], "subtitles": "off"}
//
// It is kept in memory, and no other service hears of it.
//
// Everything is personal, so nothing may be stored by a cache. Times are
// RFC 3339 in UTC; born is a calendar date. See the fields of [User].
package users

import (
	"fmt"
	"strings"
	"time"

	"github.com/triptych-bff/triptych/deploy/services/chance"
	"github.com/triptych-bff/triptych/deploy/services/posters"
	"github.com/triptych-bff/triptych/deploy/services/world"
)

// User is the answer. Absent fields do not exist: every user has every field.
type User struct {
	ID             string          `json:"id"`
	Name           string          `json:"name"`
	FirstName      string          `json:"first_name"`
	LastName       string          `json:"last_name"`
	Email          string          `json:"email"`
	EmailVerified  bool            `json:"email_verified"`
	Phone          string          `json:"phone"`
	Born           string          `json:"born"`
	JoinedAt       time.Time       `json:"joined_at"`
	UpdatedAt      time.Time       `json:"updated_at"`
	Tier           string          `json:"tier"` // basic, plus, premium
	Locale         string          `json:"locale"`
	TimeZone       string          `json:"time_zone"`
	Currency       string          `json:"currency"`
	Avatar         Avatar          `json:"avatar"`
	Address        Address         `json:"address"`
	Preferences    Preferences     `json:"preferences"`
	PaymentMethods []PaymentMethod `json:"payment_methods"`
	Devices        []Device        `json:"devices"`
	Stats          Stats           `json:"stats"`
	Consents       []Consent       `json:"consents"`
	LoginHistory   []Login         `json:"login_history"` // the newest first
}

// Avatar is the picture of a user.
type Avatar struct {
	URL    string `json:"url"`
	Width  int    `json:"width"`
	Height int    `json:"height"`
	Color  string `json:"color"` // to paint before the picture has come
}

// Address is where invoices go.
type Address struct {
	Street     string `json:"street"`
	City       string `json:"city"`
	PostalCode string `json:"postal_code"`
	Country    string `json:"country"` // ISO 3166-1
}

// Preferences are what the user chose.
type Preferences struct {
	Genres    []string `json:"genres"` // the dearest first
	Autoplay  bool     `json:"autoplay"`
	Subtitles string   `json:"subtitles"` // a language, or "off"
	Audio     string   `json:"audio"`     // a language
	Quality   string   `json:"quality"`   // sd, hd, uhd
	Maturity  string   `json:"maturity"`  // "all", or "kids": films rated G or PG
}

// PaymentMethod is how the user pays.
type PaymentMethod struct {
	ID       string    `json:"id"`
	Kind     string    `json:"kind"` // card, wallet
	Brand    string    `json:"brand"`
	Last4    string    `json:"last4"`
	Expires  string    `json:"expires"` // 2028-04
	Default  bool      `json:"default"`
	Token    string    `json:"token"`
	AddedAt  time.Time `json:"added_at"`
	Verified bool      `json:"verified"`
}

// Device is something that the user watches on.
type Device struct {
	ID         string    `json:"id"`
	Name       string    `json:"name"`
	Kind       string    `json:"kind"` // handset, computer, set
	OS         string    `json:"os"`
	AppVersion string    `json:"app_version"`
	AddedAt    time.Time `json:"added_at"`
	LastSeenAt time.Time `json:"last_seen_at"`
	Downloads  bool      `json:"downloads"`
}

// Stats counts what the user did.
type Stats struct {
	Rentals        int    `json:"rentals"`
	ActiveRentals  int    `json:"active_rentals"`
	Purchases      int    `json:"purchases"`
	Reviews        int    `json:"reviews"`
	HelpfulVotes   int    `json:"helpful_votes"`
	MinutesWatched int    `json:"minutes_watched"`
	TopGenre       string `json:"top_genre"`
}

// Consent is what the user agreed to, or not.
type Consent struct {
	Purpose   string    `json:"purpose"`
	Granted   bool      `json:"granted"`
	Version   string    `json:"version"`
	DecidedAt time.Time `json:"decided_at"`
}

// Login is one sign-in.
type Login struct {
	At       time.Time `json:"at"`
	DeviceID string    `json:"device_id"`
	Address  string    `json:"address"`
	Agent    string    `json:"agent"`
	Country  string    `json:"country"`
	Result   string    `json:"result"` // success, wrong_password
}

func user(m *world.Member, now time.Time) *User {
	c := chance.Of("user", m.ID)
	devices := devices(c, m, now)
	return &User{
		ID: m.ID, Name: m.Name(), FirstName: m.FirstName, LastName: m.LastName,
		Email: m.ID + "@example.com", EmailVerified: true, Phone: m.Place.Phone + c.Digits(7),
		Born: m.Born.Format(time.DateOnly), JoinedAt: m.Joined, UpdatedAt: before(c, now, 60),
		Tier: m.Tier, Locale: m.Place.Locale, TimeZone: m.Place.TimeZone, Currency: m.Place.Currency,
		Avatar: AvatarOf(m),
		Address: Address{
			Street: fmt.Sprintf("%s %d", m.Place.Street, c.Between(1, 180)), City: m.Place.City,
			PostalCode: m.Place.PostalCode, Country: m.Place.Country,
		},
		Preferences: Preferences{
			Genres: m.Genres, Autoplay: c.Is(0.6), Subtitles: chance.Pick(c, []string{"off", m.Place.Language, "en"}),
			Audio: m.Place.Language, Quality: chance.Pick(c, []string{"hd", "uhd"}), Maturity: m.Maturity,
		},
		PaymentMethods: paymentMethods(m),
		Devices:        devices,
		Stats:          stats(m),
		Consents:       consents(c, m),
		LoginHistory:   logins(c, m, devices, now),
	}
}

// AvatarOf returns the member's picture, which other services show too.
func AvatarOf(m *world.Member) Avatar {
	return Avatar{
		URL:   "https://avatars.example.com/v2/" + chance.Of("avatar", m.ID).Hex(16) + "/" + m.ID + "-256.webp",
		Width: 256, Height: 256, Color: posters.Color(m.ID),
	}
}

// Devices returns what the member watches on, which other services name too.
func Devices(m *world.Member, now time.Time) []Device {
	return devices(chance.Of("user", m.ID), m, now)
}

// before returns a moment up to days before now.
func before(c *chance.Chance, now time.Time, days int) time.Time {
	return now.Add(-time.Duration(c.IntN(days*24*3600)) * time.Second)
}

func paymentMethods(m *world.Member) []PaymentMethod {
	first := PaymentMethod{
		Kind: "card", Brand: "visa", Default: true, Verified: true, AddedAt: m.Joined,
	}
	second := PaymentMethod{Kind: "wallet", Brand: "paypal", Verified: true, AddedAt: m.Joined.AddDate(0, 5, 3)}
	methods := []PaymentMethod{first, second}
	for i := range methods {
		c := chance.Of("payment", m.ID, methods[i].Kind)
		methods[i].ID = "pm_" + c.Hex(12)
		methods[i].Last4 = c.Digits(4)
		methods[i].Expires = fmt.Sprintf("%d-%02d", c.Between(2027, 2031), c.Between(1, 12))
		methods[i].Token = "tok_" + c.Hex(24)
	}
	return methods
}

// kinds are the devices that a user may have, in the order they get them.
var kinds = []Device{
	{Name: "phone", Kind: "handset", OS: "Android 16", AppVersion: "5.12.0", Downloads: true},
	{Name: "living room", Kind: "set", OS: "Tizen 6.0", AppVersion: "3.4.1"},
	{Name: "laptop", Kind: "computer", OS: "macOS 26", AppVersion: "2026.11.2"},
	{Name: "tablet", Kind: "handset", OS: "iPadOS 26", AppVersion: "5.11.3", Downloads: true},
}

func devices(c *chance.Chance, m *world.Member, now time.Time) []Device {
	list := append([]Device(nil), kinds[:c.Between(2, 4)]...)
	for i := range list {
		list[i].ID = "dev_" + c.Hex(16)
		list[i].Name = m.FirstName + "'s " + list[i].Name
		list[i].AddedAt = m.Joined.AddDate(0, 0, i*40)
		list[i].LastSeenAt = before(c, now, 14)
	}
	return list
}

func stats(m *world.Member) Stats {
	s := Stats{Reviews: len(m.Reviews), TopGenre: m.Genres[0]}
	for _, o := range m.Orders {
		switch {
		case o.Kind == "purchase":
			s.Purchases++
		case o.Active:
			s.ActiveRentals++
			s.Rentals++
		default:
			s.Rentals++
		}
		s.MinutesWatched += int(o.Position.Minutes())
	}
	for _, r := range m.Reviews {
		s.HelpfulVotes += r.Helpful
	}
	return s
}

func consents(c *chance.Chance, m *world.Member) []Consent {
	var list []Consent
	for _, purpose := range []string{"terms", "privacy", "personalisation", "newsletter", "partners"} {
		must := purpose == "terms" || purpose == "privacy"
		list = append(list, Consent{
			Purpose: purpose, Granted: must || c.Is(0.5), Version: "2026-05", DecidedAt: m.Joined.Add(3 * time.Minute),
		})
	}
	return list
}

func logins(c *chance.Chance, m *world.Member, devices []Device, now time.Time) []Login {
	var list []Login
	at := now
	for range 5 {
		at = before(c, at, 9)
		d := chance.Pick(c, devices)
		l := Login{
			At: at, DeviceID: d.ID, Address: fmt.Sprintf("203.0.113.%d", c.Between(1, 254)), Country: m.Place.Country,
			Agent: fmt.Sprintf("FilmStore/%s (%s; %s)", d.AppVersion, d.OS, strings.ToLower(m.Place.Locale)), Result: "success",
		}
		if c.Is(0.1) {
			l.Result = "wrong_password"
		}
		list = append(list, l)
	}
	return list
}

// DefaultPayment returns the method that the member's orders are paid with.
func DefaultPayment(m *world.Member) PaymentMethod { return paymentMethods(m)[0] }
