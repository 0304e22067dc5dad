// Package suggest finds what was probably meant by a misspelt word.
package suggest

import (
	"fmt"
	"strings"
)

// Limits of [Nearest]: beyond them a guess says more about chance than intent.
const (
	longestWord = 128
	mostTypos   = 4
)

// Nearest is the candidate that was most likely meant by a misspelt word, or ""
// when none is near. Nearness is the Damerau-Levenshtein distance (one letter
// inserted, deleted, replaced, or two neighbours swapped) without regard to case;
// about a third of the letters may differ. The first of equally near ones wins.
func Nearest(word string, candidates []string) string {
	w := []rune(strings.ToLower(word))
	if len(w) > longestWord {
		return ""
	}
	best, bound := "", min((len(w)+1)/3, mostTypos)
	for _, c := range candidates {
		if d := distance(w, []rune(strings.ToLower(c)), bound); d <= bound {
			best, bound = c, d-1
		}
	}
	return best
}

// distance is the optimal string alignment distance, or more than bound as soon
// as that is certain.
func distance(a, b []rune, bound int) int {
	if max(len(a)-len(b), len(b)-len(a)) > bound {
		return bound + 1
	}
	a, b = unlike(a, b)
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		least := i
		for j := 1; j <= len(b); j++ {
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+differ(a[i-1], b[j-1]))
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
			least = min(least, row[j])
		}
		if least > bound {
			return bound + 1
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}

// unlike cuts what both words begin and end with: it does not change the distance.
func unlike(a, b []rune) ([]rune, []rune) {
	for len(a) > 0 && len(b) > 0 && a[0] == b[0] {
		a, b = a[1:], b[1:]
	}
	for len(a) > 0 && len(b) > 0 && a[len(a)-1] == b[len(b)-1] {
		a, b = a[:len(a)-1], b[:len(b)-1]
	}
	return a, b
}

func differ(a, b rune) int {
	if a == b {
		return 0
	}
	return 1
}

// Tail is the tail of a message that names what was probably meant: "; did you
// mean …?", or nothing when no candidate is near.
func Tail(word string, candidates []string) string {
	if near := Nearest(word, candidates); near != "" {
		return fmt.Sprintf("; did you mean %q?", near)
	}
	return ""
}
