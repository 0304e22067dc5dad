package world

import (
	"cmp"
	"slices"
	"time"

	"github.com/triptych-bff/triptych/deploy/services/chance"
)

// Place is where members live, and what follows from it.
type Place struct {
	Locale, Country, Currency, Language, City, Street, PostalCode, Phone, TimeZone string
	VAT                                                                            int // per cent
}

// population is how many members there are beside the three.
const population = 200

var places = []Place{
	{"en-GB", "GB", "GBP", "en", "Bristol", "Gloucester Road", "BS7 8AE", "+44117", "Europe/London", 20},
	{"de-DE", "DE", "EUR", "de", "Leipzig", "Karl-Heine-Straße", "04229", "+49341", "Europe/Berlin", 19},
	{"fr-FR", "FR", "EUR", "fr", "Lyon", "Rue de la Thibaudière", "69007", "+33478", "Europe/Paris", 20},
	{"en-US", "US", "USD", "en", "Portland", "SE Division Street", "97202", "+1503", "America/Los_Angeles", 0},
	{"es-ES", "ES", "EUR", "es", "Valencia", "Carrer de Cuba", "46006", "+34961", "Europe/Madrid", 21},
	{"it-IT", "IT", "EUR", "it", "Torino", "Via Mazzini", "10123", "+39011", "Europe/Rome", 22},
	{"nl-NL", "NL", "EUR", "nl", "Utrecht", "Twijnstraat", "3511 ZG", "+3130", "Europe/Amsterdam", 21},
}

var (
	firstNames = []string{
		"Alma", "Boris", "Clara", "David", "Elif", "Felix", "Greta", "Hugo", "Ines", "Jonas", "Karin", "Luca", "Mira",
		"Noah", "Olga", "Paul", "Quinn", "Rosa", "Samir", "Tilda", "Umberto", "Vera", "Wim", "Xenia", "Yusuf", "Zoe",
	}
	lastNames = []string{
		"Abel", "Brandt", "Costa", "Dubois", "Evans", "Fischer", "Garcia", "Hansen", "Ito", "Jansen", "Keller",
		"Laurent", "Moreau", "Novak", "Okafor", "Peters", "Quist", "Rossi", "Santos", "Turner", "Ueda", "Vega",
		"Weber", "Xu", "Young", "Zeman",
	}
	tiers = []string{"basic", "plus", "plus", "premium"}
	// loved are the genres that there are enough films of to be a fan.
	loved = []string{
		"Drama", "Comedy", "Action", "Adventure", "Thriller/Suspense", "Horror", "Romantic Comedy", "Western",
		"Black Comedy", "Musical", "Documentary",
	}
)

// members returns everybody, by id, without what they did.
func members(now time.Time) []*Member {
	list := []*Member{
		{
			ID: "ada", FirstName: "Ada", LastName: "Morgenstern", Place: places[0], Tier: "premium", Maturity: "all",
			Genres: []string{"Thriller/Suspense", "Drama", "Black Comedy"}, Born: date(1988, 12, 10), Joined: date(2015, 3, 2),
		},
		{
			ID: "ben", FirstName: "Ben", LastName: "Okonkwo", Place: places[3], Tier: "plus", Maturity: "all",
			Genres: []string{"Action", "Adventure", "Comedy"}, Born: date(1979, 5, 21), Joined: date(2018, 9, 14),
		},
		{
			ID: "cleo", FirstName: "Cleo", LastName: "Lindqvist", Place: places[1], Tier: "basic", Maturity: "kids",
			Genres: []string{"Adventure", "Comedy", "Musical"}, Born: date(2016, 7, 3), Joined: date(2023, 12, 24),
		},
	}
	taken := map[string]bool{}
	c := chance.Of("members")
	for len(taken) < population {
		first, last := chance.Pick(c, firstNames), chance.Pick(c, lastNames)
		if id := slug(first + " " + last); !taken[id] {
			taken[id] = true
			list = append(list, member(id, first, last, now))
		}
	}
	slices.SortFunc(list, func(a, b *Member) int { return cmp.Compare(a.ID, b.ID) })
	return list
}

func member(id, first, last string, now time.Time) *Member {
	c := chance.Of("member", id)
	m := &Member{
		ID: id, FirstName: first, LastName: last,
		Place: chance.Pick(c, places), Tier: chance.Pick(c, tiers), Maturity: "all", Genres: chance.Sample(c, 3, loved),
	}
	m.Born = date(1950, 1, 1).AddDate(0, 0, c.IntN(365*55))
	m.Joined = now.Truncate(24*time.Hour).AddDate(0, 0, -c.Between(200, 365*11))
	if c.Is(0.1) {
		m.Maturity = "kids"
		m.Born = date(2010, 1, 1).AddDate(0, 0, c.IntN(365*4))
		m.Genres = []string{"Adventure", "Comedy", "Musical"}
	}
	return m
}

func date(year, month, day int) time.Time {
	return time.Date(year, time.Month(month), day, 0, 0, 0, 0, time.UTC)
}
