package gateway

import (
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"github.com/triptych-bff/triptych/shared/aggregation"
)

// serverTiming is the value of Server-Timing (W3C Server Timing §3.1): a metric for
// each part, in milliseconds since the request began.
func serverTiming(timing []aggregation.Timing) string {
	b := make([]byte, 0, 32*len(timing))
	for i, t := range timing {
		if i > 0 {
			b = append(b, ", "...)
		}
		for k := range len(t.Part) {
			b = append(b, tokenByte(t.Part[k]))
		}
		b = append(b, ";dur="...)
		b = strconv.AppendFloat(b, milliseconds(t.Took), 'f', -1, 64)
	}
	return string(b)
}

// tokenByte is c, or what stands for it in a token (RFC 9110 §5.6.2).
func tokenByte(c byte) byte {
	switch {
	case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0:
		return c
	}
	return '_'
}

// timingJSON is the same as an object. Of several parts of one name, the last one
// counts, with which their member was done.
func timingJSON(timing []aggregation.Timing) []byte {
	took := make(map[string]float64, len(timing))
	for _, t := range timing {
		took[t.Part] = max(took[t.Part], milliseconds(t.Took))
	}
	text, _ := json.Marshal(took) // strings and numbers only
	return text
}

// milliseconds has whole microseconds.
func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
