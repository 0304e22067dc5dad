package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/triptych-bff/triptych/deploy/services/films"
)

// lastYear is the last year of which the collection, made in 2010, really has
// films.
const lastYear = 2011

// row is one film as the data set has it. Title is a string, a number or null.
type row struct {
	Title       any
	USGross     *float64 `json:"US Gross"`
	WorldGross  *float64 `json:"Worldwide Gross"`
	DVDSales    *float64 `json:"US DVD Sales"`
	Budget      *float64 `json:"Production Budget"`
	Released    string   `json:"Release Date"`
	MPAA        string   `json:"MPAA Rating"`
	Minutes     *float64 `json:"Running Time min"`
	Distributor string
	Source      string
	Genre       string `json:"Major Genre"`
	Creative    string `json:"Creative Type"`
	Director    string
	Tomatoes    *float64 `json:"Rotten Tomatoes Rating"`
	IMDB        *float64 `json:"IMDB Rating"`
	Votes       *float64 `json:"IMDB Votes"`
}

// counts says how often each rule was needed.
type counts struct {
	Rows, Untitled, NumberTitles, Years, Letters, Tidied, ZeroGross, Duplicates, Collisions, Films int
}

func (c counts) String() string {
	return fmt.Sprintf(`%5d rows read
%5d without a title dropped
%5d number titles made strings
%5d years corrected by a century
%5d titles with letters put right
%5d titles tidied (blanks, article, repeated year)
%5d grosses of 0 made unknown
%5d duplicates dropped
%5d ids that collided
%5d films written
`, c.Rows, c.Untitled, c.NumberTitles, c.Years, c.Letters, c.Tidied, c.ZeroGross, c.Duplicates, c.Collisions, c.Films)
}

// clean applies the rules and returns the films by id.
func clean(rows []row) ([]*films.Film, counts, error) {
	c := counts{Rows: len(rows)}
	var list []*films.Film
	seen := map[string]bool{}
	for i, r := range rows {
		if r.Title == nil {
			c.Untitled++
			continue
		}
		f, err := c.film(r)
		if err != nil {
			return nil, c, fmt.Errorf("row %d: %w", i, err)
		}
		if key := f.Title + "\x00" + f.Released; !seen[key] {
			seen[key] = true
			list = append(list, f)
		} else {
			c.Duplicates++
		}
	}
	c.name(list)
	c.Films = len(list)
	slices.SortFunc(list, func(a, b *films.Film) int { return cmp.Compare(a.ID, b.ID) })
	return list, c, nil
}

func (c *counts) film(r row) (*films.Film, error) {
	f := &films.Film{
		Genre: r.Genre, CreativeType: r.Creative, Director: r.Director, Distributor: r.Distributor,
		Source: r.Source, MPAA: r.MPAA, IMDB: number(r.IMDB), Votes: int(number(r.Votes)),
	}
	if err := c.release(f, r.Released); err != nil {
		return nil, err
	}
	if err := c.title(f, r.Title); err != nil {
		return nil, err
	}
	for _, gross := range []*float64{r.USGross, r.WorldGross} {
		if gross != nil && *gross == 0 {
			c.ZeroGross++
		}
	}
	for _, n := range []struct {
		to   *uint32
		from *float64
	}{
		{&f.Minutes, r.Minutes},
		{&f.Budget, r.Budget},
		{&f.USGross, r.USGross},
		{&f.WorldGross, r.WorldGross},
		{&f.DVDSales, r.DVDSales},
		{&f.Tomatoes, r.Tomatoes},
	} {
		v := number(n.from)
		if v < 0 || v > math.MaxUint32 || v != math.Trunc(v) {
			return nil, fmt.Errorf("%q: %v does not fit", f.Title, v)
		}
		*n.to = uint32(v)
	}
	return f, nil
}

func number(v *float64) float64 {
	if v == nil {
		return 0
	}
	return *v
}

func (c *counts) release(f *films.Film, date string) error {
	t, err := time.Parse("Jan 02 2006", date)
	if err != nil {
		return err
	}
	if t.Year() > lastYear {
		t = t.AddDate(-100, 0, 0)
		f.Corrected = append(f.Corrected, "release_date")
		c.Years++
	}
	f.Year, f.Released = t.Year(), t.Format(time.DateOnly)
	return nil
}

func (c *counts) title(f *films.Film, title any) error {
	switch t := title.(type) {
	case string:
		f.Title = t
	case float64:
		f.Title = strconv.FormatFloat(t, 'f', -1, 64)
		f.Corrected = append(f.Corrected, "title")
		c.NumberTitles++
	default:
		data, _ := json.Marshal(title)
		return fmt.Errorf("title %s", data)
	}
	if better := letters.Replace(f.Title); better != f.Title {
		f.Title = better
		f.Corrected = append(f.Corrected, "title")
		c.Letters++
	}
	if better := tidy(f.Title, f.Year); better != f.Title {
		f.Title = better
		c.Tidied++
	}
	return nil
}

// letters puts right the letters of titles that were Latin-1 (Windows-1252)
// bytes and were read as Mac Roman. Only the letters that occur are listed:
// ¢ and ³ occur too, and are meant.
var letters = strings.NewReplacer(
	"È", "é", "Í", "ê", "Ë", "è", "Î", "ë", "˘", "ù", "Ω", "½", "Ö", "…",
	"Û", "ó", "‰", "ä", "‡", "à", "·", "á", "Ù", "ô",
)

var trailingArticle = regexp.MustCompile(`^(.*), (The|A|An|Das|Les)$`)

func tidy(title string, year int) string {
	title = strings.Join(strings.Fields(title), " ")
	title = strings.TrimSuffix(title, fmt.Sprintf(" (%d)", year))
	return trailingArticle.ReplaceAllString(title, "$2 $1")
}

// name gives every film its id.
func (c *counts) name(list []*films.Film) {
	byRelease := slices.Clone(list)
	slices.SortStableFunc(byRelease, func(a, b *films.Film) int { return cmp.Compare(a.Released, b.Released) })
	taken := map[string]int{}
	for _, f := range byRelease {
		f.ID = fmt.Sprintf("%s-%d", slug(f.Title), f.Year)
		taken[f.ID]++
		if n := taken[f.ID]; n > 1 {
			c.Collisions++
			f.ID = fmt.Sprintf("%s-%d", f.ID, n)
		}
	}
}

// plain holds what stands for a sign in an id; an apostrophe leaves no gap.
var plain = strings.NewReplacer(
	"é", "e", "ê", "e", "è", "e", "ë", "e", "ù", "u", "ó", "o", "ô", "o", "ä", "a", "à", "a", "á", "a",
	"½", " 1 2", "³", "3", "¢", "c", "&", " and ", "'", "",
)

// slug returns the title in lower case, of the letters a to z, digits and
// hyphens.
func slug(title string) string {
	words := strings.FieldsFunc(plain.Replace(strings.ToLower(title)), func(r rune) bool {
		return r > unicode.MaxASCII || !unicode.IsLetter(r) && !unicode.IsDigit(r)
	})
	return strings.Join(words, "-")
}
