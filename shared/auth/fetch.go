package auth

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const (
	fetchTimeout = 1500 * time.Millisecond
	maxSet       = 150_000 // bytes
)

var errSetTooLarge = fmt.Errorf("the set is larger than %d bytes", maxSet)

// fetch gets a set and says how long it is fresh.
func (k *KeySets) fetch(id setID) (map[string][]key, time.Duration, error) {
	ctx, cancel := context.WithTimeout(k.life, fetchTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, id.url, nil)
	if err != nil {
		return nil, 0, err
	}
	req.Header.Set("Accept", "application/jwk-set+json, application/json")
	res, err := k.client.Do(req)
	if err != nil {
		return nil, 0, err
	}
	defer func() { _ = res.Body.Close() }() // it was read, or is of no interest
	if res.StatusCode != http.StatusOK {
		return nil, 0, fmt.Errorf("status %d", res.StatusCode)
	}
	data, err := io.ReadAll(io.LimitReader(res.Body, maxSet+1))
	switch {
	case err != nil:
		return nil, 0, err
	case len(data) > maxSet:
		return nil, 0, errSetTooLarge
	}
	keys, err := parseSet(data, func(kid string, reason error) {
		k.tel.Log.Warn("jwks: key skipped", slog.String("issuer", id.issuer), slog.String("kid", kid), slog.Any("error", reason))
	})
	return keys, lifetime(res.Header), err
}

// lifetime is how long a set is fresh: what is left of Cache-Control's max-age
// (RFC 9111 §4.2), within bounds of ours, or the default where nothing is said.
func lifetime(h http.Header) time.Duration {
	for _, field := range h.Values("Cache-Control") {
		for directive := range strings.SplitSeq(field, ",") {
			name, value, _ := strings.Cut(strings.TrimSpace(directive), "=")
			switch strings.ToLower(name) {
			case "no-store", "no-cache":
				return minTTL
			case "max-age":
				if age, err := seconds(strings.Trim(value, `"`)); err == nil {
					spent, _ := seconds(h.Get("Age"))
					return min(max(age-spent, minTTL), maxTTL)
				}
			}
		}
	}
	return defaultTTL
}

var errNotSeconds = errors.New("not a number of seconds")

// seconds reads delta-seconds (RFC 9111 §1.2.2); what is too large to matter is
// the largest that matters.
func seconds(s string) (time.Duration, error) {
	n, err := strconv.ParseUint(s, 10, 63)
	switch {
	case errors.Is(err, strconv.ErrRange):
		return maxTTL, nil
	case err != nil:
		return 0, errNotSeconds
	}
	return time.Duration(min(n, uint64(maxTTL/time.Second))) * time.Second, nil
}
