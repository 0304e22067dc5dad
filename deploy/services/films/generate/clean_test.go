package main

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/triptych-bff/triptych/deploy/services/films"
)

func TestRules(t *testing.T) {
	const data = `[
		{"Title": "Pulp Fiction", "Release Date": "Oct 14 1994", "IMDB Rating": 8.9, "IMDB Votes": 417703, "Director": "Quentin Tarantino"},
		{"Title": null, "Release Date": "Nov 03 2006"},
		{"Title": 2046, "Release Date": "Aug 05 2005"},
		{"Title": "Duel in the Sun", "Release Date": "Dec 31 2046"},
		{"Title": "Restless", "Release Date": "Jan 28 2011"},
		{"Title": "DÈj‡ Vu", "Release Date": "Nov 22 2006"},
		{"Title": "Ri¢hie Ri¢h", "Release Date": "Dec 21 1994"},
		{"Title": "Boot, Das", "Release Date": "Feb 10 1982"},
		{"Title": "King Kong (1933)", "Release Date": "Apr 07 2033", "US Gross": 0},
		{"Title": "The Helix...  Loaded", "Release Date": "Mar 18 2005"},
		{"Title": "Pulp Fiction", "Release Date": "Oct 14 1994"},
		{"Title": "Pulp: Fiction", "Release Date": "Oct 13 1994"}
	]`
	var rows []row
	if err := json.Unmarshal([]byte(data), &rows); err != nil {
		t.Fatal(err)
	}
	list, got, err := clean(rows)
	if err != nil {
		t.Fatal(err)
	}
	want := []*films.Film{
		{ID: "2046-2005", Title: "2046", Year: 2005, Released: "2005-08-05", Corrected: []string{"title"}},
		{ID: "das-boot-1982", Title: "Das Boot", Year: 1982, Released: "1982-02-10"},
		{ID: "deja-vu-2006", Title: "Déjà Vu", Year: 2006, Released: "2006-11-22", Corrected: []string{"title"}},
		{ID: "duel-in-the-sun-1946", Title: "Duel in the Sun", Year: 1946, Released: "1946-12-31", Corrected: []string{"release_date"}},
		{ID: "king-kong-1933", Title: "King Kong", Year: 1933, Released: "1933-04-07", Corrected: []string{"release_date"}},
		{ID: "pulp-fiction-1994", Title: "Pulp: Fiction", Year: 1994, Released: "1994-10-13"},
		{ID: "pulp-fiction-1994-2", Title: "Pulp Fiction", Year: 1994, Released: "1994-10-14", IMDB: 8.9, Votes: 417703, Director: "Quentin Tarantino"},
		{ID: "restless-2011", Title: "Restless", Year: 2011, Released: "2011-01-28"},
		{ID: "richie-rich-1994", Title: "Ri¢hie Ri¢h", Year: 1994, Released: "1994-12-21"},
		{ID: "the-helix-loaded-2005", Title: "The Helix... Loaded", Year: 2005, Released: "2005-03-18"},
	}
	if diff := cmp.Diff(want, list, cmpopts.IgnoreUnexported(films.Film{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	counted := counts{
		Rows: 12, Untitled: 1, NumberTitles: 1, Years: 2, Letters: 1, Tidied: 3, ZeroGross: 1, Duplicates: 1, Collisions: 1, Films: 10,
	}
	if diff := cmp.Diff(counted, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestRefused(t *testing.T) {
	for name, data := range map[string]string{
		"no date":         `{"Title": "A", "Release Date": "TBD"}`,
		"a list as title": `{"Title": ["A"], "Release Date": "Oct 14 1994"}`,
		"too much money":  `{"Title": "A", "Release Date": "Oct 14 1994", "US Gross": 5000000000}`,
		"half a minute":   `{"Title": "A", "Release Date": "Oct 14 1994", "Running Time min": 90.5}`,
	} {
		var r row
		if err := json.Unmarshal([]byte(data), &r); err != nil {
			t.Fatal(err)
		}
		if list, _, err := clean([]row{r}); err == nil {
			t.Errorf("%s became %+v", name, list[0])
		}
	}
}
