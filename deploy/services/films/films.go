// Package films is the film store's shelf: about 3200 real films, as facts
// that are built into the program.
//
// films.json is written by the program in generate from data/movies.json of
// the public npm package vega-datasets; ORIGIN.txt beside it names version and
// licence. The data set is a teaching set with mistakes left in on purpose,
// so the program applies these rules and prints how often each was needed:
//
//   - A row without a title is dropped.
//   - A title that is a number (1776, 2012) becomes a string.
//   - A year after 2011, the last that the collection really has, is a
//     two-digit year read into the wrong century: 100 is taken off, 2046 is 1946.
//   - Letters that were read with the wrong character set are put right:
//     "LÈon" is "Léon".
//   - Blanks are collapsed, a trailing article is put in front ("Boot, Das"
//     is "Das Boot"), and a year in brackets that only repeats the film's own is
//     taken off the title.
//   - A gross of 0 means that nobody counted: unknown.
//   - A second row of the same title and release date is dropped.
//
// An id is the title and the year as one readable word, "pulp-fiction-1994";
// where two films would share one, the film released later, and on the same
// day the one later in the data, gets "-2" behind it.
package films

import (
	"cmp"
	_ "embed" // films.json
	"encoding/json"
	"fmt"
	"slices"
)

// Film is what is known of one film. A zero number and an empty string mean
// unknown.
type Film struct {
	ID           string   `json:"id"`
	Title        string   `json:"title"`
	Year         int      `json:"year"`
	Released     string   `json:"released"` // a calendar date, 1994-10-14
	Genre        string   `json:"genre,omitempty"`
	CreativeType string   `json:"creative_type,omitempty"`
	Director     string   `json:"director,omitempty"`
	Distributor  string   `json:"distributor,omitempty"`
	Source       string   `json:"source,omitempty"`
	MPAA         string   `json:"mpaa,omitempty"` // "PG-13"
	Minutes      uint32   `json:"minutes,omitempty"`
	Budget       uint32   `json:"budget,omitempty"`      // US dollars, as all money here
	USGross      uint32   `json:"us_gross,omitempty"`    // cinemas of the United States
	WorldGross   uint32   `json:"world_gross,omitempty"` // all cinemas
	DVDSales     uint32   `json:"dvd_sales,omitempty"`   // United States
	IMDB         float64  `json:"imdb,omitempty"`        // 1.0 to 10.0
	Votes        int      `json:"votes,omitempty"`       // behind IMDB
	Tomatoes     uint32   `json:"tomatoes,omitempty"`    // per cent
	Corrected    []string `json:"corrected,omitempty"`   // fields that a rule changed

	score float64
}

// Score is the film's IMDB rating, drawn towards the average of all films the
// fewer votes it has, so that 20 enthusiasts do not make a classic. From 0 to
// 10; 0 for a film without a rating.
func (f *Film) Score() float64 { return f.score }

// Collection is the content of films.json: the films, by id, and where they
// come from.
type Collection struct {
	Dataset string  `json:"dataset"`
	Version string  `json:"version"`
	License string  `json:"license"`
	Films   []*Film `json:"films"`
}

// Shelf holds the films and finds them. It is immutable; so are the films and
// lists it returns.
type Shelf struct {
	origin     Collection
	byID       map[string]*Film
	best       []*Film
	byGenre    map[string][]*Film
	byDirector map[string][]*Film
}

//go:embed films.json
var embedded []byte

// Load reads the films that are built in.
func Load() (*Shelf, error) {
	s := &Shelf{byID: map[string]*Film{}, byGenre: map[string][]*Film{}, byDirector: map[string][]*Film{}}
	if err := json.Unmarshal(embedded, &s.origin); err != nil {
		return nil, fmt.Errorf("films.json: %w", err)
	}
	weigh(s.origin.Films)
	s.best = slices.SortedFunc(slices.Values(s.origin.Films), Better)
	for _, f := range s.best {
		s.byID[f.ID] = f
		s.byGenre[f.Genre] = append(s.byGenre[f.Genre], f)
		s.byDirector[f.Director] = append(s.byDirector[f.Director], f)
	}
	return s, nil
}

// weigh gives each film its score: the weighted rating that IMDB published for
// its Top 250, v/(v+m)·R + m/(v+m)·C, with C the average of all films.
func weigh(all []*Film) {
	const m = 3000
	sum, rated := 0.0, 0
	for _, f := range all {
		if f.Votes > 0 {
			sum += f.IMDB
			rated++
		}
	}
	for _, f := range all {
		if f.Votes > 0 {
			v := float64(f.Votes)
			f.score = v/(v+m)*f.IMDB + m/(v+m)*sum/float64(rated)
		}
	}
}

// Better orders films by score, the best first, and equal ones by id.
func Better(a, b *Film) int {
	return cmp.Or(cmp.Compare(b.score, a.score), cmp.Compare(a.ID, b.ID))
}

// Origin says where the facts come from; its Films are all films by id.
func (s *Shelf) Origin() Collection { return s.origin }

// All returns every film, the best first.
func (s *Shelf) All() []*Film { return s.best }

// Film returns the film of that id, or nil.
func (s *Shelf) Film(id string) *Film { return s.byID[id] }

// Genre returns the films of a genre as the films spell it, the best first.
func (s *Shelf) Genre(genre string) []*Film { return s.byGenre[genre] }

// Director returns the films of a director, the best first; nil for "",
// because films of unknown directors have nothing in common.
func (s *Shelf) Director(name string) []*Film {
	if name == "" {
		return nil
	}
	return s.byDirector[name]
}

// Genres returns the genres that films have, sorted.
func (s *Shelf) Genres() []string {
	var names []string
	for g := range s.byGenre {
		if g != "" {
			names = append(names, g)
		}
	}
	slices.Sort(names)
	return names
}
