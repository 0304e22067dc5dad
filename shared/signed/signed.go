package signed

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
)

// MinSecret is how many bytes a secret has at least.
const MinSecret = 32

// MaxValue is how many bytes of value [Keys.Open] gives back at most. It bounds the
// work that a stranger's text can cause; signed, such a value has about 5500 bytes,
// which is near what fits in a URL.
const MaxValue = 4 << 10

var (
	// ErrForged says that a text was not signed with these keys for this purpose, or
	// is not whole any more.
	ErrForged = errors.New("signed: not signed with a known key for this purpose")
	// ErrExpired says that a text was signed here, and its time is over.
	ErrExpired = errors.New("signed: expired")
)

const (
	version  = 1
	label    = "triptych/shared/signed value"
	keyLabel = "triptych/shared/signed key"

	idStart    = 1
	idSize     = 2
	timeStart  = idStart + idSize
	valueStart = timeStart + 8
	macSize    = sha256.Size
)

// strict refuses what decodes to the same bytes as another text.
var strict = base64.RawURLEncoding.Strict()

var maxText = strict.EncodedLen(valueStart + MaxValue + macSize)

// Keys sign with the first of several secrets and accept what any of them has
// signed. To change a secret, put the new one second everywhere, then first, and
// take the old one away when all it has signed is expired. Keys never change, and
// any number of goroutines may use them at once. The zero value has no keys: it
// accepts nothing, and Sign panics.
type Keys struct{ keys []key }

type key struct {
	id     [idSize]byte
	secret []byte
}

// NewKeys takes one or more secrets of at least [MinSecret] bytes each. They
// should be random: what is guessed once is guessed for good.
func NewKeys(secrets ...[]byte) (*Keys, error) {
	if len(secrets) == 0 {
		return nil, errors.New("signed: expected a secret")
	}
	k := &Keys{}
	for i, secret := range secrets {
		if len(secret) < MinSecret {
			return nil, fmt.Errorf("signed: secret %d has %d bytes; expected at least %d", i+1, len(secret), MinSecret)
		}
		k.keys = append(k.keys, newKey(secret))
	}
	return k, nil
}

// Random are keys of one new secret read from r, such as crypto/rand.Reader, for a
// process that has none configured: no other process, and not the next start of
// this one, accepts what they sign.
func Random(r io.Reader) (*Keys, error) {
	secret := make([]byte, MinSecret)
	if _, err := io.ReadFull(r, secret); err != nil {
		return nil, fmt.Errorf("signed: a random secret: %w", err)
	}
	return NewKeys(secret)
}

func newKey(secret []byte) key {
	k := key{secret: append([]byte(nil), secret...)}
	h := hmac.New(sha256.New, k.secret)
	h.Write([]byte(keyLabel))
	copy(k.id[:], h.Sum(nil))
	return k
}

// Format prints no secret, whatever the verb.
func (*Keys) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "signed.Keys") }

// Sign is a URL-safe text (letters, digits, '-' and '_') that [Keys.Open] turns
// back into value, for the same purpose and before expires. The purpose says what
// the value is for, such as "orders cursor", so that nothing signed for one use is
// good for another; it is not in the text. Of expires whole seconds count, the rest
// is cut off. A value of more than [MaxValue] bytes makes a text that Open refuses.
func (k *Keys) Sign(purpose string, value []byte, expires time.Time) string {
	by := &k.keys[0]
	raw := make([]byte, 0, valueStart+len(value)+macSize)
	raw = append(append(raw, version), by.id[:]...)
	raw = binary.BigEndian.AppendUint64(raw, uint64(expires.Unix()))
	raw = append(raw, value...)
	return strict.EncodeToString(by.appendMAC(raw, purpose, raw))
}

// Open is the value of a text that [Keys.Sign] made for this purpose. The error is
// [ErrForged], or [ErrExpired] from the second on that was named to Sign. Only of
// a text that is genuine is it said that it is expired.
func (k *Keys) Open(purpose, text string, now time.Time) ([]byte, error) {
	raw, ok := decode(text)
	if !ok || !k.signed(purpose, raw) {
		return nil, ErrForged
	}
	if now.Unix() >= int64(binary.BigEndian.Uint64(raw[timeStart:])) {
		return nil, ErrExpired
	}
	end := len(raw) - macSize
	return raw[valueStart:end:end], nil
}

// decode is the bytes behind a text that has the form of a signed value. The
// decoder would skip line ends.
func decode(text string) (raw []byte, ok bool) {
	if len(text) > maxText || strings.ContainsAny(text, "\r\n") {
		return nil, false
	}
	raw, err := strict.DecodeString(text)
	return raw, err == nil && len(raw) >= valueStart+macSize && raw[0] == version
}

// signed tells whether the MAC at the end of raw is right. Two keys may have the
// same id.
func (k *Keys) signed(purpose string, raw []byte) bool {
	body, mac := raw[:len(raw)-macSize], raw[len(raw)-macSize:]
	for i := range k.keys {
		by := &k.keys[i]
		if string(by.id[:]) == string(raw[idStart:timeStart]) && hmac.Equal(by.appendMAC(nil, purpose, body), mac) {
			return true
		}
	}
	return false
}

// appendMAC appends the MAC of body for the purpose.
func (k *key) appendMAC(dst []byte, purpose string, body []byte) []byte {
	h := hmac.New(sha256.New, k.secret)
	head := make([]byte, 0, len(label)+8+len(purpose))
	head = binary.BigEndian.AppendUint64(append(head, label...), uint64(len(purpose)))
	h.Write(append(head, purpose...))
	h.Write(body)
	return h.Sum(dst)
}
