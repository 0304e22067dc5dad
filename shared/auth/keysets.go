package auth

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/triptych-bff/triptych/shared/telemetry"
)

// KeySets are the JWK sets of all issuers, by issuer and URL. They have state,
// so one value of them outlives every configuration; a [Verifier] is a view of
// it. They are safe for use by many goroutines.
type KeySets struct {
	client  *http.Client
	now     func() time.Time
	tel     *telemetry.Telemetry
	metrics *metrics

	life context.Context // ends with Close
	end  context.CancelFunc

	mu      sync.Mutex
	sets    map[setID]*keySet
	closed  bool
	fetches sync.WaitGroup
}

type setID struct{ issuer, url string }

// NewKeySets is a registry without sets. Requests go through the client's
// transport; its redirects, cookies and time-out are replaced by our own. A nil
// client has a transport of its own. Metrics are registered with tel, so there
// is one KeySets per telemetry.
func NewKeySets(client *http.Client, now func() time.Time, tel *telemetry.Telemetry) *KeySets {
	k := &KeySets{client: strict(client), now: now, tel: tel, metrics: newMetrics(tel.Metrics), sets: make(map[setID]*keySet)}
	k.life, k.end = context.WithCancel(context.Background())
	return k
}

// strict is a client that asks the configured URL and nobody else.
func strict(client *http.Client) *http.Client {
	c := &http.Client{
		Timeout:       fetchTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	if client != nil && client.Transport != nil {
		c.Transport = client.Transport
	} else {
		c.Transport = &http.Transport{
			TLSHandshakeTimeout: fetchTimeout, IdleConnTimeout: time.Minute, MaxIdleConnsPerHost: 1,
			MaxResponseHeaderBytes: 32 << 10, ForceAttemptHTTP2: true,
		}
	}
	return c
}

// set is the one set of this issuer and URL.
func (k *KeySets) set(issuer, url string) *keySet {
	k.mu.Lock()
	defer k.mu.Unlock()
	id := setID{issuer, url}
	s := k.sets[id]
	if s == nil {
		s = newKeySet(k, id)
		k.sets[id] = s
	}
	return s
}

// Retain forgets the sets that none of the verifiers use.
func (k *KeySets) Retain(current ...*Verifier) {
	used := make(map[setID]bool)
	names := make(map[string]bool)
	for _, v := range current {
		for _, i := range v.issuers {
			used[i.keys.setID] = true
			names[i.keys.issuer] = true
		}
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	for id := range k.sets {
		if used[id] {
			continue
		}
		delete(k.sets, id)
		if !names[id.issuer] {
			k.metrics.forget(id.issuer)
		}
	}
}

// Close cancels what is being fetched and waits for it. Keys that are known
// stay usable; nothing is fetched any more.
func (k *KeySets) Close() {
	k.mu.Lock()
	k.closed = true
	k.mu.Unlock()
	k.end()
	k.fetches.Wait()
	k.client.CloseIdleConnections()
}

// start runs a fetch on a goroutine of its own, unless the registry is closed.
func (k *KeySets) start(fetch func()) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.closed {
		return false
	}
	k.fetches.Go(fetch)
	return true
}
