package catalog

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	pb "github.com/triptych-bff/triptych/deploy/proto/filmstore/catalog/v1"
	"github.com/triptych-bff/triptych/deploy/services/chance"
	"github.com/triptych-bff/triptych/deploy/services/films"
	"github.com/triptych-bff/triptych/deploy/services/posters"
	"github.com/triptych-bff/triptych/deploy/services/world"
)

// currency is the store's own; members pay the same figure in theirs.
const currency = "EUR"

// layouts are the pictures that every film has.
var layouts = []struct {
	name          string
	width, height int
}{{"poster", 240, 360}, {"poster", 480, 720}, {"landscape", 416, 234}, {"hero", 1920, 1080}}

var (
	territories = []string{"AT", "BE", "CH", "DE", "DK", "ES", "FR", "GB", "IE", "IT", "LU", "NL", "NO", "PT", "SE", "US"}
	audio       = []*pb.Track{
		{Language: "en", Kind: "surround", Label: "English 5.1"},
		{Language: "de", Kind: "stereo", Label: "Deutsch"},
		{Language: "fr", Kind: "stereo", Label: "Français"},
		{Language: "es", Kind: "stereo", Label: "Español"},
	}
	subtitles = []*pb.Track{
		{Language: "en", Kind: "captions", Label: "English CC"},
		{Language: "en", Kind: "full", Label: "English"},
		{Language: "de", Kind: "full", Label: "Deutsch"},
		{Language: "fr", Kind: "full", Label: "Français"},
		{Language: "es", Kind: "full", Label: "Español"},
		{Language: "it", Kind: "full", Label: "Italiano"},
		{Language: "nl", Kind: "full", Label: "Nederlands"},
	}
)

// film makes the message of one film.
func film(shelf *films.Shelf, f *films.Film, postersURL string, now time.Time) *pb.Film {
	c := chance.Of("film", f.ID)
	heard, read := tracks(c)
	origin := shelf.Origin()
	return &pb.Film{
		Id: f.ID, Title: f.Title, SortTitle: sortTitle(f.Title), Year: uint32(f.Year), ReleaseDate: f.Released,
		Genre: f.Genre, CreativeType: f.CreativeType, Director: f.Director, Distributor: f.Distributor,
		Source: f.Source, MpaaRating: f.MPAA,
		RunningTimeMin: known(f.Minutes), ProductionBudgetUsd: known(f.Budget), UsGrossUsd: known(f.USGross),
		WorldwideGrossUsd: known(f.WorldGross), UsDvdSalesUsd: known(f.DVDSales),
		Ratings:   ratings(f),
		Posters:   pictures(f, postersURL),
		Summary:   summary(f),
		Maturity:  maturity(f.MPAA),
		Offers:    offers(f),
		Audio:     heard,
		Subtitles: read,
		Availability: &pb.Availability{
			State:       availability(c),
			From:        now.Truncate(24*time.Hour).AddDate(0, 0, -c.Between(40, 3000)).Format(time.RFC3339),
			Territories: territories,
		},
		Keywords:        keywords(f),
		DirectorFilmIds: sameDirector(shelf, f),
		Provenance: &pb.Provenance{
			Dataset: origin.Dataset, Version: origin.Version, License: origin.License, Corrected: f.Corrected,
		},
		Revision: revision(f, postersURL),
	}
}

// tracks draws what a film can be heard and read in.
func tracks(c *chance.Chance) (heard, read []*pb.Track) {
	return audio[:c.Between(2, len(audio))], subtitles[:c.Between(4, len(subtitles))]
}

// Languages returns the languages that a film can be heard and read in, which
// other services tell too.
func Languages(f *films.Film) (heard, read []string) {
	a, s := tracks(chance.Of("film", f.ID))
	return languages(a), languages(s)
}

func languages(tracks []*pb.Track) []string {
	var list []string
	for _, t := range tracks {
		list = append(list, t.GetLanguage())
	}
	return slices.Compact(list)
}

// known returns nil for 0, which the film data uses for unknown.
func known(n uint32) *uint32 {
	if n == 0 {
		return nil
	}
	return &n
}

func sortTitle(title string) string {
	title = strings.ToLower(title)
	for _, article := range []string{"the ", "a ", "an ", "das ", "les "} {
		if rest, ok := strings.CutPrefix(title, article); ok {
			return rest
		}
	}
	return title
}

func ratings(f *films.Film) *pb.Ratings {
	r := &pb.Ratings{RottenTomatoes: known(f.Tomatoes)}
	if f.Votes > 0 {
		r.Imdb = &pb.ImdbRating{Score: f.IMDB, Votes: uint32(f.Votes)}
	}
	return r
}

func pictures(f *films.Film, base string) []*pb.Poster {
	var list []*pb.Poster
	for _, l := range layouts {
		list = append(list, &pb.Poster{
			Url: posters.URL(base, f.ID, l.width, l.height), Width: uint32(l.width), Height: uint32(l.height),
			Layout: l.name, MediaType: "image/svg+xml", Color: posters.Color(f.ID),
		})
	}
	return list
}

// summary puts the facts into a sentence; those that are unknown are left out.
func summary(f *films.Film) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s, a %d film", f.Title, f.Year)
	for _, part := range []struct{ format, value string }{
		{" (%s)", strings.ToLower(f.Genre)},
		{" by %s", f.Director},
		{", released by %s", f.Distributor},
		{"; %s", strings.ToLower(f.Source)},
	} {
		if part.value != "" {
			fmt.Fprintf(&b, part.format, part.value)
		}
	}
	b.WriteByte('.')
	return b.String()
}

func maturity(mpaa string) *pb.Maturity {
	switch mpaa {
	case "G":
		return &pb.Maturity{Level: "kids"}
	case "PG":
		return &pb.Maturity{Level: "family", MinAge: 8}
	case "PG-13":
		return &pb.Maturity{Level: "teen", MinAge: 13}
	default:
		return &pb.Maturity{Level: "adult", MinAge: 17}
	}
}

func offers(f *films.Film) []*pb.Offer {
	var list []*pb.Offer
	for _, kind := range []string{"rental", "purchase"} {
		for _, quality := range []string{"sd", "hd", "uhd"} {
			o := &pb.Offer{
				Id: f.ID + "." + kind[:1] + "." + quality, Kind: kind, Quality: quality,
				Price: &pb.Money{Amount: uint32(world.Price(f, kind, quality)), Currency: currency},
			}
			if kind == "rental" {
				o.ViewingWindowH = uint32(world.WatchWithin.Hours())
			}
			list = append(list, o)
		}
	}
	return list
}

func availability(c *chance.Chance) string {
	if c.Is(0.05) {
		return "leaving"
	}
	return "available"
}

// keywords are what a search would match beside the title.
func keywords(f *films.Film) []string {
	list := []string{fmt.Sprintf("%ds", f.Year/10*10)}
	for _, word := range []string{f.Genre, f.CreativeType, f.Source, f.Director, f.Distributor} {
		if word != "" {
			list = append(list, strings.ToLower(word))
		}
	}
	return list
}

func sameDirector(shelf *films.Shelf, f *films.Film) []string {
	const most = 6
	var ids []string
	for _, other := range shelf.Director(f.Director) {
		if other != f && len(ids) < most {
			ids = append(ids, other.ID)
		}
	}
	return ids
}

// revision follows from all that a message is made of.
func revision(f *films.Film, postersURL string) string {
	data, _ := json.Marshal(f) // a struct of strings and finite numbers
	return chance.Of("revision", string(data), postersURL).Hex(16)
}

// The orders that ListFilms knows, each as its natural direction has it.
var orders = map[string]func(a, b *pb.Film) int{
	"rating": nil, // as the shelf has it: by weighted rating
	"votes":  descending(func(f *pb.Film) uint32 { return f.GetRatings().GetImdb().GetVotes() }),
	"year":   descending(func(f *pb.Film) uint32 { return f.GetYear() }),
	"gross":  descending(func(f *pb.Film) uint32 { return f.GetWorldwideGrossUsd() }),
	"title":  func(a, b *pb.Film) int { return cmp.Compare(a.GetSortTitle(), b.GetSortTitle()) },
}

func descending(value func(*pb.Film) uint32) func(a, b *pb.Film) int {
	return func(a, b *pb.Film) int { return cmp.Compare(value(b), value(a)) }
}
