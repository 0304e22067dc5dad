package idp

import (
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"sync"

	jose "github.com/go-jose/go-jose/v4"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// A keyring signs with its current key and vouches for the previous one, so that
// tokens signed just before a rotation stay good.
type keyring struct {
	mu                sync.Mutex
	current, previous *key
}

func newKeyring() (*keyring, error) {
	k := &keyring{}
	return k, k.rotate()
}

// rotate makes a new current key. What was previous is forgotten: tokens that it
// signed do not verify any more.
func (k *keyring) rotate() error {
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return fmt.Errorf("signing key: %w", err)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.current, k.previous = &key{id: rand.Text(), private: private}, k.current
	return nil
}

func (k *keyring) signing() *key {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.current
}

// public lists the keys to verify with, the newest first.
func (k *keyring) public() []op.Key {
	k.mu.Lock()
	defer k.mu.Unlock()
	keys := []op.Key{publicKey{k.current}}
	if k.previous != nil {
		keys = append(keys, publicKey{k.previous})
	}
	return keys
}

// A key is one RSA key pair. It implements [op.SigningKey].
type key struct {
	id      string
	private *rsa.PrivateKey
}

func (k *key) ID() string                                  { return k.id }
func (k *key) Key() any                                    { return k.private }
func (k *key) SignatureAlgorithm() jose.SignatureAlgorithm { return jose.RS256 }

// publicKey is a key as /keys shows it. It implements [op.Key].
type publicKey struct{ key *key }

func (p publicKey) ID() string                         { return p.key.id }
func (p publicKey) Key() any                           { return &p.key.private.PublicKey }
func (p publicKey) Algorithm() jose.SignatureAlgorithm { return jose.RS256 }
func (p publicKey) Use() string                        { return "sig" }
