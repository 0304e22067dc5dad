package films

import (
	"fmt"
	"regexp"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func load(t *testing.T) *Shelf {
	t.Helper()
	s, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestCounts(t *testing.T) {
	s := load(t)
	if n := len(s.All()); n != 3200 {
		t.Errorf("there are %d films", n)
	}
	corrected := map[string]int{}
	genres := 0
	for _, f := range s.All() {
		for _, field := range f.Corrected {
			corrected[field]++
		}
	}
	for _, g := range s.Genres() {
		genres += len(s.Genre(g))
	}
	// Nine titles were numbers, eighteen had wrong letters.
	if diff := cmp.Diff(map[string]int{"release_date": 22, "title": 27}, corrected); diff != "" {
		t.Error(diff)
	}
	if without := len(s.Genre("")); genres+without != 3200 || without != 275 {
		t.Errorf("%d films with a genre, %d without", genres, without)
	}
	if n := len(embedded); n > 1<<20 {
		t.Errorf("films.json has %d bytes", n)
	}
	if o := s.Origin(); o.Dataset != "vega-datasets" || o.Version != "3.2.1" || o.License != "BSD-3-Clause" {
		t.Errorf("from %s %s, %s", o.Dataset, o.Version, o.License)
	}
}

func TestEveryFilm(t *testing.T) {
	s := load(t)
	id := regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*-(19[1-9][0-9]|200[0-9]|201[01])(-[0-9]+)?$`)
	seen := map[string]bool{}
	for _, f := range s.All() {
		if !id.MatchString(f.ID) || seen[f.ID] {
			t.Errorf("id %q", f.ID)
		}
		seen[f.ID] = true
		if f.Title == "" || f.Year < 1915 || f.Year > 2011 || f.Released[:4] != fmt.Sprint(f.Year) {
			t.Errorf("%+v", f)
		}
		if (f.Votes == 0) != (f.IMDB == 0) || f.IMDB > 10 || f.Tomatoes > 100 || f.Score() > f.IMDB+6 {
			t.Errorf("%s is rated %v by %d, %d %%", f.ID, f.IMDB, f.Votes, f.Tomatoes)
		}
		if s.Film(f.ID) != f {
			t.Errorf("%s is not found", f.ID)
		}
	}
}

func TestKnownFilms(t *testing.T) {
	s := load(t)
	for id, title := range map[string]string{
		"pulp-fiction-1994": "Pulp Fiction", "1776-1972": "1776", "leon-1994": "Léon", "gone-with-the-wind-1939": "Gone with the Wind",
		"king-kong-1933": "King Kong", "das-boot-1982": "Das Boot", "the-best-years-of-our-lives-1946": "The Best Years of Our Lives",
		"richie-rich-1994": "Ri¢hie Ri¢h", "the-naked-gun-2-1-2-the-smell-of-fear-1991": "The Naked Gun 2½: The Smell of Fear",
	} {
		if f := s.Film(id); f == nil || f.Title != title {
			t.Errorf("%s is %+v; want %q", id, f, title)
		}
	}
	if f := s.Film("no-such-film-1900"); f != nil {
		t.Errorf("found %+v", f)
	}
}

func TestOrder(t *testing.T) {
	s := load(t)
	for name, list := range map[string][]*Film{"all": s.All(), "Western": s.Genre("Western"), "Tarantino": s.Director("Quentin Tarantino")} {
		if !slices.IsSortedFunc(list, Better) {
			t.Errorf("%s: not the best first", name)
		}
	}
	if best := s.All()[0]; best.ID != "the-shawshank-redemption-1994" {
		t.Errorf("the best film is %s", best.ID)
	}
	if n := len(s.Director("Quentin Tarantino")); n != 6 {
		t.Errorf("Tarantino made %d films", n)
	}
	if list := s.Director(""); list != nil {
		t.Errorf("nobody made %d films", len(list))
	}
}
