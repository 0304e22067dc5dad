package config

import (
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
)

// largestSecret bounds the content of a secret. Keys and certificates are far smaller.
const largestSecret = 64 * KiB

const masked = "[secret]"

// A Secret is a text that is used but never shown. In the document it is a
// reference, {file: path} or {env: NAME}, with a relative path taken from
// [Source.Dir], and NAME in upper case; line ends at its end are cut, and one
// that is empty or larger than 64 KiB is a fault.
// The zero value is no secret.
//
// It prints as "[secret]" with every verb of fmt, in slog, JSON, YAML and
// whatever else asks for text. The text is behind a pointer, so that even the
// ways of printing that no method can reach show an address.
type Secret struct{ text *string }

// NewSecret is a secret with this text, for programs and tests that have it at hand.
func NewSecret(text string) Secret { return Secret{&text} }

// Reveal is the text itself, "" for the zero value. Call it where the secret is
// used, and keep the Secret elsewhere.
func (s Secret) Reveal() string {
	if s.text == nil {
		return ""
	}
	return *s.text
}

// IsZero tells whether there is no secret.
func (s Secret) IsZero() bool { return s.Reveal() == "" }

// Equal compares two secrets in time that does not depend on where they differ.
func (s Secret) Equal(t Secret) bool {
	return subtle.ConstantTimeCompare([]byte(s.Reveal()), []byte(t.Reveal())) == 1
}

// String is "[secret]".
func (Secret) String() string { return masked }

// Format writes "[secret]" whatever the verb and flags.
func (Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, masked) }

// LogValue is "[secret]".
func (Secret) LogValue() slog.Value { return slog.StringValue(masked) }

// MarshalText is "[secret]", for JSON, YAML, XML and others.
func (Secret) MarshalText() ([]byte, error) { return []byte(masked), nil }

var (
	errSecretEmpty = errors.New("the secret is empty")
	errSecretLarge = fmt.Errorf("the secret is larger than %v", largestSecret)
)

// readSecret reads a secret's file. Only a regular file is opened: to open a
// named pipe would wait for a writer.
func readSecret(path string) (Secret, error) {
	if path == "" {
		return Secret{}, errors.New("expected the path of a file")
	}
	info, err := os.Stat(path)
	if err != nil {
		return Secret{}, fmt.Errorf("the secret cannot be read: %w", err)
	}
	if !info.Mode().IsRegular() {
		return Secret{}, fmt.Errorf("the secret cannot be read: %s is not a file", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return Secret{}, fmt.Errorf("the secret cannot be read: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, int64(largestSecret)+1))
	if err != nil {
		return Secret{}, fmt.Errorf("the secret cannot be read: %w", err)
	}
	return trimSecret(string(data))
}

// in is the path of a file that is named relative to dir; "" stays.
func in(dir, path string) string {
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(dir, path)
}

// trimSecret cuts the line end that editors and shells put behind a secret.
func trimSecret(text string) (Secret, error) {
	if len(text) > int(largestSecret) {
		return Secret{}, errSecretLarge
	}
	text = strings.TrimRight(text, "\r\n")
	if text == "" {
		return Secret{}, errSecretEmpty
	}
	return NewSecret(text), nil
}
