package auth

import (
	"context"
	"crypto/sha256"
	"sync"
	"time"

	"github.com/triptych-bff/triptych/shared/identity"
)

// remembered is how many accepted tokens are remembered at most, of each half of
// a memory: some 2 KB each.
const remembered = 4096

// A memory knows tokens that were accepted, so that one which comes again, as a
// client's does with each of its requests, is not verified again. It keeps the
// hash of a token and never the token. What it knows holds as long as the token,
// and as long as the issuer's keys are the very set that the token was verified
// by: a set that was fetched anew, were it the same, has its tokens verified
// again. Refused tokens are not remembered, so nobody can fill it with them.
type memory struct {
	now func() time.Time

	mu    sync.RWMutex
	young map[tokenHash]*accepted
	old   map[tokenHash]*accepted // what was young when that was full
}

type tokenHash [sha256.Size]byte

// accepted is a token that was.
type accepted struct {
	identity *identity.Identity
	issuer   *issuer
	keys     *published
}

func newMemory(now func() time.Time) *memory {
	return &memory{now: now, young: make(map[tokenHash]*accepted)}
}

// find is the identity behind a token that was accepted, or nil.
func (m *memory) find(ctx context.Context, hash tokenHash) *identity.Identity {
	m.mu.RLock()
	known, aged := m.young[hash], false
	if known == nil {
		known, aged = m.old[hash], true
	}
	m.mu.RUnlock()
	if known == nil || !m.now().Before(known.identity.Expires) {
		return nil
	}
	if keys, err := known.issuer.keys.published(ctx); err != nil || keys != known.keys {
		return nil
	}
	if aged {
		m.keep(hash, known)
	}
	return known.identity
}

// keep remembers a token, and forgets those that were not used since as many
// others came.
func (m *memory) keep(hash tokenHash, a *accepted) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.young) >= remembered {
		m.old, m.young = m.young, make(map[tokenHash]*accepted, remembered)
	}
	m.young[hash] = a
}
