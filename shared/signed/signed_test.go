package signed

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var now = time.Date(2026, 11, 24, 8, 0, 0, 0, time.UTC)

// golden was signed with secret(1) for "cursor" and expires at 9 o'clock.
const golden = "AegUAAAAAGsFUhB7ImFmdGVyIjo0Mn2I81LVoYjrhCMAjCWfoaCrC367eUMIWWpSi_EAa3R5-Q"

func secret(b byte) []byte { return bytes.Repeat([]byte{b}, MinSecret) }

func keys(t testing.TB, secrets ...[]byte) *Keys {
	t.Helper()
	k, err := NewKeys(secrets...)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func refused(t testing.TB, k *Keys, purpose, text string, want error) {
	t.Helper()
	if value, err := k.Open(purpose, text, now); value != nil || !errors.Is(err, want) {
		t.Errorf("%q for %q: %q, %v; want %v", text, purpose, value, err, want)
	}
}

func opens(t testing.TB, k *Keys, purpose, text, want string) {
	t.Helper()
	if value, err := k.Open(purpose, text, now); err != nil || string(value) != want {
		t.Errorf("%q for %q: %q, %v; want %q", text, purpose, value, err, want)
	}
}

// What is out there stays good: the format does not change by accident.
func TestGolden(t *testing.T) {
	k := keys(t, secret(1))
	if text := k.Sign("cursor", []byte(`{"after":42}`), now.Add(time.Hour)); text != golden {
		t.Errorf("signed %s, want %s", text, golden)
	}
	opens(t, k, "cursor", golden, `{"after":42}`)
}

// The documented format, put together by hand.
func TestFormat(t *testing.T) {
	id := hmac.New(sha256.New, secret(1))
	io.WriteString(id, "triptych/shared/signed key")
	var body []byte
	body = append(append(body, 1), id.Sum(nil)[:2]...)
	body = binary.BigEndian.AppendUint64(body, uint64(now.Add(time.Hour).Unix()))
	body = append(body, "a value"...)
	mac := hmac.New(sha256.New, secret(1))
	io.WriteString(mac, "triptych/shared/signed value\x00\x00\x00\x00\x00\x00\x00\x06cursor")
	mac.Write(body)
	text := base64.RawURLEncoding.EncodeToString(mac.Sum(body))

	opens(t, keys(t, secret(1)), "cursor", text, "a value")
}

func TestEveryFlippedBitIsRefused(t *testing.T) {
	k := keys(t, secret(1), secret(2))
	text := k.Sign("cursor", []byte("after=42"), now.Add(time.Hour))
	for i := range len(text) * 8 {
		changed := []byte(text)
		changed[i/8] ^= 1 << (i % 8)
		refused(t, k, "cursor", string(changed), ErrForged)
	}
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	for i := range len(raw) * 8 {
		changed := bytes.Clone(raw)
		changed[i/8] ^= 1 << (i % 8)
		refused(t, k, "cursor", base64.RawURLEncoding.EncodeToString(changed), ErrForged)
	}
}

// One text a value: nothing that merely decodes alike, nothing longer or shorter.
func TestOtherTextsAreRefused(t *testing.T) {
	k := keys(t, secret(1))
	for size := range 4 { // every number of bits that the last letter may leave over
		text := k.Sign("cursor", bytes.Repeat([]byte("x"), size), now.Add(time.Hour))
		for i := range text {
			refused(t, k, "cursor", text[:i], ErrForged)
			refused(t, k, "cursor", text[i+1:], ErrForged)
		}
		for _, more := range []string{"A", "AA", "=", "==", "\n", "\r", " ", "\x00"} {
			refused(t, k, "cursor", text+more, ErrForged)
			refused(t, k, "cursor", more+text, ErrForged)
			refused(t, k, "cursor", text[:5]+more+text[5:], ErrForged)
		}
		last := strings.IndexByte(alphabet, text[len(text)-1])
		for spare := 1; spare < 4; spare++ {
			refused(t, k, "cursor", text[:len(text)-1]+alphabet[last^spare:][:1], ErrForged)
		}
	}
}

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

func TestAnotherPurposeIsRefused(t *testing.T) {
	k := keys(t, secret(1))
	text := k.Sign("cursor", []byte("value"), now.Add(time.Hour))
	for _, purpose := range []string{"", "link", "curso", "cursor ", "Cursor", "cursor\x00"} {
		refused(t, k, purpose, text, ErrForged)
	}
	opens(t, k, "", k.Sign("", []byte("value"), now.Add(time.Hour)), "value")
}

func TestRotation(t *testing.T) {
	old, new, neither := keys(t, secret(1)), keys(t, secret(2)), keys(t, secret(3))
	before, during := keys(t, secret(1), secret(2)), keys(t, secret(2), secret(1))
	sign := func(k *Keys) string { return k.Sign("cursor", []byte("value"), now.Add(time.Hour)) }

	if sign(before) != sign(old) || sign(during) != sign(new) {
		t.Error("the first key does not sign")
	}
	for _, text := range []string{sign(old), sign(new)} {
		opens(t, before, "cursor", text, "value")
		opens(t, during, "cursor", text, "value")
		refused(t, neither, "cursor", text, ErrForged)
	}
	refused(t, new, "cursor", sign(old), ErrForged)
	refused(t, old, "cursor", sign(new), ErrForged)
}

// The id only says where to look: two keys with the same one both work, and the
// id of one does not let the other's MAC pass.
func TestKeysWithOneID(t *testing.T) {
	k := keys(t, secret(1), secret(2))
	k.keys[0].id = k.keys[1].id
	other := keys(t, secret(2))
	opens(t, k, "cursor", other.Sign("cursor", []byte("value"), now.Add(time.Hour)), "value")
	opens(t, k, "cursor", k.Sign("cursor", []byte("value"), now.Add(time.Hour)), "value")
	refused(t, other, "cursor", k.Sign("cursor", []byte("value"), now.Add(time.Hour)), ErrForged)
}

func TestExpiry(t *testing.T) {
	k := keys(t, secret(1))
	for name, c := range map[string]struct {
		expires time.Time
		want    error
	}{
		"in a second":          {now.Add(time.Second), nil},
		"now":                  {now, ErrExpired},
		"within this second":   {now.Add(time.Second - 1), ErrExpired},
		"a second ago":         {now.Add(-time.Second), ErrExpired},
		"never named":          {time.Time{}, ErrExpired},
		"before 1970":          {time.Unix(-1, 0), ErrExpired},
		"after all":            {time.Unix(1<<62, 0), nil},
		"in another time zone": {now.Add(time.Second).In(time.FixedZone("", 3600)), nil},
	} {
		if _, err := k.Open("cursor", k.Sign("cursor", nil, c.expires), now); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	text := k.Sign("cursor", nil, now)
	if _, err := k.Open("cursor", text, now.Add(-1)); err != nil {
		t.Errorf("a moment before it expires: %v", err)
	}
	refused(t, k, "link", text, ErrForged) // and not: expired
}

func TestLength(t *testing.T) {
	k := keys(t, secret(1))
	longest := strings.Repeat("x", MaxValue)
	opens(t, k, "cursor", k.Sign("cursor", []byte(longest), now.Add(time.Hour)), longest)
	refused(t, k, "cursor", k.Sign("cursor", []byte(longest+"x"), now.Add(time.Hour)), ErrForged)
}

func TestNewKeysRefuses(t *testing.T) {
	for name, secrets := range map[string][][]byte{
		"none": nil, "empty": {nil}, "short": {secret(1)[1:]}, "second short": {secret(1), secret(2)[1:]},
	} {
		if k, err := NewKeys(secrets...); k != nil || err == nil {
			t.Errorf("%s: accepted", name)
		} else if strings.Contains(err.Error(), "\x01") || strings.Contains(err.Error(), "\x02") {
			t.Errorf("%s: %q has something of the secret", name, err)
		}
	}
	refused(t, new(Keys), "cursor", golden, ErrForged)
}

// Whoever reads secrets into a buffer may use the buffer again.
func TestSecretsAreCopied(t *testing.T) {
	buffer := secret(1)
	k := keys(t, buffer)
	clear(buffer)
	opens(t, k, "cursor", golden, `{"after":42}`)
}

func TestRandom(t *testing.T) {
	one, err := Random(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	other, err := Random(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	text := one.Sign("cursor", []byte("value"), now.Add(time.Hour))
	opens(t, one, "cursor", text, "value")
	refused(t, other, "cursor", text, ErrForged)
	if k, err := Random(bytes.NewReader(secret(1)[1:])); k != nil || !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("from a source that ends: %v, %v", k, err)
	}
}

func TestKeysPrintNoSecret(t *testing.T) {
	k := keys(t, []byte("a secret that nobody may ever see"))
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		if text := fmt.Sprintf(verb, k); text != "signed.Keys" {
			t.Errorf("%s: %s", verb, text)
		}
	}
}

// Whatever is signed comes back; and under no other purpose, even one that the
// value seems to belong to.
func TestRoundTrip(t *testing.T) {
	k := keys(t, secret(1))
	rapid.Check(t, func(t *rapid.T) {
		purpose := rapid.StringN(0, 20, -1).Draw(t, "purpose")
		value := rapid.SliceOfN(rapid.Byte(), 0, 100).Draw(t, "value")
		left := rapid.IntRange(1, 1<<40).Draw(t, "left")
		text := k.Sign(purpose, value, now.Add(time.Second).Truncate(time.Second).Add(time.Duration(left)))
		if strings.Trim(text, alphabet) != "" {
			t.Fatalf("%s is not URL-safe", text)
		}
		got, err := k.Open(purpose, text, now)
		if err != nil || !bytes.Equal(got, value) {
			t.Fatalf("%q, %v", got, err)
		}
		if got, err = k.Open(purpose+string(value)+"x", text, now); got != nil || !errors.Is(err, ErrForged) {
			t.Fatalf("another purpose: %q, %v", got, err)
		}
	})
}

func FuzzOpen(f *testing.F) {
	k := keys(f, secret(1))
	f.Add("cursor", golden)
	f.Add("", "")
	f.Add("cursor", golden+"\n")
	f.Add("cursor", strings.Repeat("A", 100))
	f.Fuzz(func(t *testing.T, purpose, text string) {
		value, err := k.Open(purpose, text, now)
		switch {
		case err == nil:
			raw, _ := base64.RawURLEncoding.DecodeString(text)
			expires := time.Unix(int64(binary.BigEndian.Uint64(raw[3:])), 0)
			if again := k.Sign(purpose, value, expires); again != text {
				t.Fatalf("%q is accepted, and signed it is %q", text, again)
			}
		case value != nil || !errors.Is(err, ErrForged) && !errors.Is(err, ErrExpired):
			t.Fatalf("%q, %v", value, err)
		}
	})
}

func BenchmarkSign(b *testing.B) {
	k, value, expires := keys(b, secret(1)), []byte(`{"after":"2026-11-24T08:00:00Z","id":42}`), now.Add(time.Hour)
	b.ReportAllocs()
	for b.Loop() {
		k.Sign("orders cursor", value, expires)
	}
}

func BenchmarkOpen(b *testing.B) {
	k := keys(b, secret(1), secret(2))
	text := k.Sign("orders cursor", []byte(`{"after":"2026-11-24T08:00:00Z","id":42}`), now.Add(time.Hour))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := k.Open("orders cursor", text, now); err != nil {
			b.Fatal(err)
		}
	}
}
