package gateway

import (
	"strconv"
	"strings"
)

// A form is how a screen's answer is sent.
type form uint8

const (
	whole  form = iota // one JSON object
	lines              // in pieces, each a line of JSON (NDJSON)
	events             // in pieces, each a server-sent event
	forms
)

const (
	mediaJSON = "application/json"
	mediaText = "text/plain"
)

var media = [forms]string{whole: mediaJSON, lines: "application/x-ndjson", events: "text/event-stream"}

// preferred is the form that these lines of Accept prefer. Only a client that wants
// another form more than the whole one gets it.
func preferred(accept []string) form {
	best, most := whole, weight(accept, mediaJSON)
	for f := lines; f < forms; f++ {
		if w := weight(accept, media[f]); w > most {
			best, most = f, w
		}
	}
	return best
}

// weight is how much a media type is wanted, from 0 to 1: what the most specific
// range that it is in says (RFC 9110 §12.5.1). Parameters other than q are not
// looked at, and malformed ranges count as not sent. Without any line, everything is
// wanted alike.
func weight(accept []string, media string) float64 {
	if len(accept) == 0 {
		return 1
	}
	best, weight := 0, 0.0
	for _, line := range accept {
		for member := range strings.SplitSeq(line, ",") {
			name, parameters, _ := strings.Cut(member, ";")
			rank := specificity(strings.TrimSpace(name), media)
			if rank == 0 || rank < best {
				continue
			}
			if q, ok := quality(parameters); ok && (rank > best || q > weight) {
				best, weight = rank, q
			}
		}
	}
	return weight
}

// specificity is how exactly a range names a media type; zero where it does not.
func specificity(name, media string) int {
	kind, _, _ := strings.Cut(media, "/")
	group, all := strings.CutSuffix(name, "/*")
	switch {
	case strings.EqualFold(name, media):
		return 3
	case all && strings.EqualFold(group, kind):
		return 2
	case all && group == "*":
		return 1
	}
	return 0
}

// quality is the parameter q (RFC 9110 §12.4.2), 1 where it is not sent.
func quality(parameters string) (q float64, ok bool) {
	for parameter := range strings.SplitSeq(parameters, ";") {
		name, value, _ := strings.Cut(parameter, "=")
		if strings.EqualFold(strings.TrimSpace(name), "q") {
			q, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
			return q, err == nil && q >= 0 && q <= 1
		}
	}
	return 1, true
}
