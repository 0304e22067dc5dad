// Package tlsconf holds the certificates of a server: from files, several of
// them, replaced without a restart.
//
// A [Store] chooses by the name that a client asks for (SNI, RFC 6066 §3): a
// certificate made out to exactly that name before one with a wildcard in its
// first label, and the first of the configuration where none fits or the client
// asks for no name. [Store.Load] reads all files anew and takes all of them over
// at once, or none. Connections go on with the certificate that they began with.
//
// The floor is TLS 1.2, with forward secrecy and authenticated encryption only
// (RFC 9325 §4.2); HTTP/2 is offered before HTTP/1.1 (RFC 7301). Session tickets
// and their keys are the standard library's: they rotate daily, and stay over a
// reload. Certificates from an authority by ACME, and certificates of clients,
// are not here yet.
package tlsconf

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"github.com/triptych-bff/triptych/shared/config"
)

// Config says where the certificates are. Without any, there is no TLS.
type Config struct {
	Certificates []Certificate `config:"certificates" doc:"Certificates and their keys. The first is used where no other fits the name that a client asks for."`
}

// Certificate is a pair of PEM files.
type Certificate struct {
	Cert string `config:"cert" required:"true" doc:"File of the certificate, followed by those that lead to its authority."`
	Key  string `config:"key" required:"true" doc:"File of its private key, not encrypted."`
}

// Enabled reports whether there are certificates.
func (c Config) Enabled() bool { return len(c.Certificates) > 0 }

// In is the configuration with relative files looked for in dir.
func (c Config) In(dir string) Config {
	absolute := Config{Certificates: make([]Certificate, len(c.Certificates))}
	for i, pair := range c.Certificates {
		absolute.Certificates[i] = Certificate{Cert: in(dir, pair.Cert), Key: in(dir, pair.Key)}
	}
	return absolute
}

func in(dir, file string) string {
	if filepath.IsAbs(file) {
		return file
	}
	return filepath.Join(dir, file)
}

// Files are all files that the configuration names.
func (c Config) Files() []string {
	var files []string
	for _, pair := range c.Certificates {
		files = append(files, pair.Cert, pair.Key)
	}
	return files
}

// Validate implements [config.Validator].
func (c Config) Validate(check *config.Check) {
	seen := map[string]bool{}
	for i, pair := range c.Certificates {
		if pair.Cert != "" && seen[pair.Cert] {
			check.Fault(config.Key("certificates", i, "cert"), "%q stands twice", pair.Cert)
		}
		seen[pair.Cert] = true
	}
}

// A Store is the set of certificates in use. It is safe for use by many
// goroutines.
type Store struct {
	now     func() time.Time
	current atomic.Pointer[set]
}

// set is an immutable choice of certificates.
type set struct {
	first  *tls.Certificate
	byName map[string]*tls.Certificate // lower case; wildcards as "*.example.com"
}

// New is a store with the certificates of the configuration, which has at least
// one. The error names the files at fault, all of them.
func New(c Config, now func() time.Time) (*Store, error) {
	s := &Store{now: now}
	return s, s.Load(c)
}

// Load reads all files and puts what is in them in the place of the
// certificates in use. On an error these stay.
func (s *Store) Load(c Config) error {
	if !c.Enabled() {
		return errors.New("no certificate is configured")
	}
	next := &set{byName: map[string]*tls.Certificate{}}
	var faults []error
	for _, pair := range c.Certificates {
		certificate, err := s.read(pair)
		if err != nil {
			faults = append(faults, err)
			continue
		}
		next.add(certificate)
	}
	if len(faults) > 0 {
		return errors.Join(faults...)
	}
	s.current.Store(next)
	return nil
}

// read loads a pair, whose certificate must be good now.
func (s *Store) read(pair Certificate) (*tls.Certificate, error) {
	certificate, err := tls.LoadX509KeyPair(pair.Cert, pair.Key)
	if err != nil {
		return nil, fmt.Errorf("%s and %s: %w", pair.Cert, pair.Key, err)
	}
	switch now := s.now(); {
	case now.Before(certificate.Leaf.NotBefore):
		return nil, fmt.Errorf("%s: not valid before %s", pair.Cert, certificate.Leaf.NotBefore.Format(time.RFC3339))
	case now.After(certificate.Leaf.NotAfter):
		return nil, fmt.Errorf("%s: expired at %s", pair.Cert, certificate.Leaf.NotAfter.Format(time.RFC3339))
	}
	return &certificate, nil
}

// add puts a certificate under its names. Of several for one name, the first
// one counts.
func (s *set) add(certificate *tls.Certificate) {
	if s.first == nil {
		s.first = certificate
	}
	for _, name := range namesOf(certificate.Leaf) {
		if name = strings.ToLower(name); s.byName[name] == nil {
			s.byName[name] = certificate
		}
	}
}

// namesOf are the names that clients check (RFC 9110 §4.3.4): the alternative
// ones, never the common name.
func namesOf(leaf *x509.Certificate) []string { return leaf.DNSNames }

// choose is the certificate for a name.
func (s *set) choose(name string) *tls.Certificate {
	name = strings.TrimSuffix(strings.ToLower(name), ".")
	if certificate := s.byName[name]; certificate != nil {
		return certificate
	}
	if _, parent, ok := strings.Cut(name, "."); ok {
		if certificate := s.byName["*."+parent]; certificate != nil {
			return certificate
		}
	}
	return s.first
}

// Expires is when the first of the certificates in use expires.
func (s *Store) Expires() time.Time {
	current := s.current.Load()
	earliest := current.first.Leaf.NotAfter
	for _, certificate := range current.byName {
		if end := certificate.Leaf.NotAfter; end.Before(earliest) {
			earliest = end
		}
	}
	return earliest
}

// Server is a configuration for listeners. It follows what is loaded later.
func (s *Store) Server() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		// For TLS 1.2 only; the suites of TLS 1.3 are all good.
		CipherSuites: []uint16{
			tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
			tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
			tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
			tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
			tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
			tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
		},
		NextProtos: []string{"h2", "http/1.1"},
		GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
			return s.current.Load().choose(hello.ServerName), nil
		},
	}
}
