package reviews

import (
	"fmt"
	"strings"

	"github.com/triptych-bff/triptych/deploy/services/chance"
	"github.com/triptych-bff/triptych/deploy/services/world"
)

// mood is what people say at one range of ratings.
type mood struct {
	titles, openings, closings []string
}

var (
	bad = mood{
		titles: []string{"Not for me", "A long evening", "I wanted to like it", "Left halfway", "So much promise"},
		openings: []string{
			"I went in with hope and came out looking for my coat.",
			"There is a good film somewhere in here, but nobody has cut it yet.",
			"Twenty minutes in I had begun to count the lamps.",
			"Everyone on screen seems to wait for somebody else to begin.",
		},
		closings: []string{
			"Rent something else.", "One for the completists.", "I will not sit through it again.",
			"Perhaps on a long flight, with the sound off.",
		},
	}
	fair = mood{
		titles: []string{"Good in parts", "Solid enough", "Better than its name", "A decent evening", "Half a great film"},
		openings: []string{
			"The first hour carries it, and the rest lives on credit.",
			"It does what it says, no more and no less.",
			"Two scenes are worth the price, and one is worth it twice.",
			"I liked it more the day after than on the evening itself.",
		},
		closings: []string{
			"Worth a rental.", "Nothing lost, something gained.", "I would watch it again with friends.",
			"Take it for what it is and it will not let you down.",
		},
	}
	great = mood{
		titles: []string{"As good as they say", "Still holds up", "Watch it tonight", "A favourite", "Did not want it to end"},
		openings: []string{
			"I have seen it three times now and found something new each time.",
			"From the first shot you know that you are in good hands.",
			"Nothing in it is there by accident.",
			"I meant to watch ten minutes and looked up when the lights went on.",
		},
		closings: []string{
			"See it on the largest screen you can find.", "I bought it the next morning.",
			"If you watch one film this month, let it be this one.", "It has earned its place on the shelf.",
		},
	}
	craft = []string{
		"The camera keeps its distance and lets the actors work.",
		"The score is used sparingly, and tells when it comes.",
		"The editing is quick without being nervous.",
		"The dialogue sounds like people and not like a script.",
		"The smaller parts are cast with as much care as the leads.",
		"The light in the night scenes alone is worth the look.",
	}
)

func moodOf(rating int) mood {
	switch {
	case rating <= 4:
		return bad
	case rating <= 7:
		return fair
	default:
		return great
	}
}

// text writes title and body of a review.
func text(c *chance.Chance, r *world.Review) (title, body string) {
	m := moodOf(r.Rating)
	sentences := []string{chance.Pick(c, m.openings)}
	sentences = append(sentences, facts(r)...)
	sentences = append(sentences, chance.Sample(c, 2, craft)...)
	sentences = append(sentences, chance.Pick(c, m.closings))
	return chance.Pick(c, m.titles), strings.Join(sentences, " ")
}

// facts says what is known of the film, in whole sentences.
func facts(r *world.Review) []string {
	f := r.Film
	var s []string
	if f.Director != "" {
		s = append(s, fmt.Sprintf("%s made it in %d, and it shows whose film it is.", f.Director, f.Year))
	}
	if f.Genre != "" && f.Source != "" {
		s = append(s, fmt.Sprintf("Filed under %s (%s), it bends a rule or two.", f.Genre, strings.ToLower(f.Source)))
	}
	if f.Minutes > 0 {
		s = append(s, fmt.Sprintf("The %d minutes are about the right length.", f.Minutes))
	}
	return s
}
