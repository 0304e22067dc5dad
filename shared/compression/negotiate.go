package compression

import "strings"

// An Encoding is a content coding (RFC 9110 §8.4.1). The zero value is
// [Identity].
type Encoding uint8

// The codings.
const (
	Identity Encoding = iota // no coding
	Zstd
	Gzip
	encodings // how many there are
)

var names = [encodings]string{"identity", "zstd", "gzip"}

// String is the coding's registered name.
func (e Encoding) String() string {
	if e >= encodings {
		e = Identity
	}
	return names[e]
}

// parseEncoding finds a coding by its name; x-gzip is gzip (RFC 9110 §8.4.1.3).
func parseEncoding(name string) (Encoding, bool) {
	for e := range encodings {
		if strings.EqualFold(name, names[e]) {
			return e, true
		}
	}
	return Gzip, strings.EqualFold(name, "x-gzip")
}

// maxMembers of an Accept-Encoding are read; no client has a use for more.
const maxMembers = 32

// Negotiate is the coding for an answer to a request with this Accept-Encoding:
// among those offered the one with the highest weight, and among equals the
// first that the configuration names. Without the header, as with an empty one,
// it is Identity: clients that ask for nothing often cannot decode anything. It
// is also Identity where the client refuses even that, since an answer that
// cannot be read is no worse than none. Malformed members count as not sent.
// Several header lines are joined with commas before.
func (c *Compressor) Negotiate(acceptEncoding string) Encoding {
	if acceptEncoding == "" {
		return Identity
	}
	weights := parseAccept(acceptEncoding)
	best, most := Identity, max(weights[Identity], 0) // an identity that is not named loses to all that are
	for _, e := range c.encodings {
		w := weights[e]
		if w > most || w > 0 && w == most && best == Identity {
			best, most = e, w
		}
	}
	return best
}

const unsaid = -1

// parseAccept reads the weights of our codings, in thousandths; those that are
// neither named nor covered by * are unsaid.
func parseAccept(header string) [encodings]int {
	weights := [encodings]int{unsaid, unsaid, unsaid}
	others := unsaid
	for range maxMembers {
		member, rest, more := strings.Cut(header, ",")
		name, parameters, _ := strings.Cut(member, ";")
		name = strings.Trim(name, " \t")
		if weight, ok := parseWeight(parameters); ok {
			if name == "*" {
				others = weight
			} else if e, known := parseEncoding(name); known {
				weights[e] = max(weights[e], weight)
			}
		}
		if !more {
			break
		}
		header = rest
	}
	for e := range weights {
		if weights[e] == unsaid && Encoding(e) != Identity {
			weights[e] = others
		}
	}
	return weights
}

// parseWeight reads q (RFC 9110 §12.4.2) in thousandths: 1000 where it is not
// said.
func parseWeight(parameters string) (int, bool) {
	parameters = strings.Trim(parameters, " \t")
	if parameters == "" {
		return 1000, true
	}
	name, value, ok := strings.Cut(parameters, "=")
	if !ok || !strings.EqualFold(strings.TrimRight(name, " \t"), "q") {
		return 0, false
	}
	return parseThousandths(strings.TrimLeft(value, " \t"))
}

// parseThousandths reads 0 to 1 with up to three decimals.
func parseThousandths(s string) (int, bool) {
	if s == "" || len(s) > len("0.000") || s[0] != '0' && s[0] != '1' || len(s) > 1 && s[1] != '.' {
		return 0, false
	}
	n, unit := int(s[0]-'0')*1000, 100
	for _, digit := range []byte(s[min(2, len(s)):]) {
		if digit < '0' || digit > '9' {
			return 0, false
		}
		n += int(digit-'0') * unit
		unit /= 10
	}
	return n, n <= 1000
}
