package ratelimit

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/triptych-bff/triptych/shared/problem"
)

// SetHeaders tells the client its limits, in the two fields of
// draft-ietf-httpapi-ratelimit-headers-11:
//
//	RateLimit-Policy: "user";q=600;w=60
//	RateLimit: "user";r=599;t=60
//
// Several decisions are a list, and what an earlier limit of the same request
// has set stays in front. A refused request also gets Retry-After, in seconds:
// at least 1, and never before t has passed (§6).
//
// With this algorithm there is no window that ends. t is therefore the time
// that the remaining units should last: whoever spreads r over t is never
// refused, and r divided by t is never more than the policy's own rate (§8.5).
// Where nothing is left, t is when something will be.
func SetHeaders(h http.Header, decisions ...Decision) {
	for _, d := range decisions {
		d.SetHeaders(h)
	}
}

// SetHeaders is [SetHeaders] of one decision.
func (d Decision) SetHeaders(h http.Header) {
	item := make([]byte, 0, 64)
	item = append(append(append(item, '"'), d.Policy.Name...), '"')
	name := len(item)
	item = strconv.AppendInt(append(item, ";q="...), int64(d.Policy.Requests), 10)
	item = strconv.AppendInt(append(item, ";w="...), seconds(d.Policy.Per), 10)
	add(h, "Ratelimit-Policy", item)

	item = strconv.AppendInt(append(item[:name], ";r="...), int64(d.Remaining), 10)
	item = strconv.AppendInt(append(item, ";t="...), seconds(d.Reset), 10)
	add(h, "Ratelimit", item)

	if !d.Allowed {
		after := max(seconds(d.RetryAfter), seconds(d.Reset), 1)
		if set, err := strconv.ParseInt(h.Get("Retry-After"), 10, 64); err == nil {
			after = max(after, set)
		}
		h.Set("Retry-After", strconv.FormatInt(after, 10))
	}
}

// add appends an item to a list field. The name is in Go's canonical form.
func add(h http.Header, name string, item []byte) {
	if before := h[name]; len(before) > 0 {
		h[name] = []string{strings.Join(before, ", ") + ", " + string(item)}
		return
	}
	h[name] = []string{string(item)}
}

// seconds rounds up.
func seconds(d time.Duration) int64 { return int64((d + time.Second - 1) / time.Second) }

// Problem is the error for a refused request, and nil for one that all
// decisions allow. It names the policies that refuse.
func Problem(decisions ...Decision) error {
	var refused []string
	var after time.Duration
	for _, d := range decisions {
		if !d.Allowed {
			refused = append(refused, fmt.Sprintf("%s: %d %s per %s", d.Policy.Name, d.Policy.Requests, d.Policy.unit(), period(d.Policy.Per)))
			after = max(after, d.RetryAfter, d.Reset, time.Second)
		}
	}
	if refused == nil {
		return nil
	}
	p := problem.RateLimited.New("too many requests for the policy " + strings.Join(refused, "; "))
	p.RetryAfter = after
	return p
}

// period writes a duration as people say it: "1m", not "1m0s".
func period(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}
