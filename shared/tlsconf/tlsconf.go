// Package tlsconf is TLS for servers, with certificates from files that can be
// replaced while connections are open.
//
// A [Store] holds the certificates; [Store.Server] is a configuration that asks
// it at every handshake. The certificate is chosen by the name that the client
// asks for (SNI): an exact name before a wildcard, and the first certificate for
// names that none has, and for clients that name none. Of several certificates
// for one name, the first that the client supports is taken, so an RSA
// certificate can stand behind an ECDSA one for old devices.
//
// [Store.Reload] is atomic: either all files are good and serve from the next
// handshake on, or nothing changes. Open connections go on, and session tickets
// stay valid, because the configuration itself is never exchanged.
//
// TLS 1.2 is the oldest version, with forward secrecy and authenticated
// encryption only; HTTP/2 and HTTP/1.1 are offered. Client certificates and
// ACME are not supported.
package tlsconf

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/triptych-bff/triptych/shared/config"
)

// Config says where the certificates are. The zero value has none: no TLS.
type Config struct {
	Certificates []Certificate `config:"certificates" doc:"Certificates, the default one first. Without any, there is no TLS."`
}

// A Certificate is a chain and its key, each in a PEM file.
type Certificate struct {
	Cert string `config:"cert" required:"true" doc:"File with the certificate and, after it, its intermediates."`
	Key  string `config:"key" required:"true" doc:"File with the private key."`
}

// Validate reports a file that is named twice: one of the two is a slip.
func (c Config) Validate(check *config.Check) {
	seen := make(map[string]bool)
	for i, cert := range c.Certificates {
		if cert.Cert != "" && seen[cert.Cert] {
			check.Fault(config.Key("certificates", i, "cert"), "%q stands twice", cert.Cert)
		}
		seen[cert.Cert] = true
	}
}

// soon is how long before a certificate's end there is a warning. Those that
// renew themselves do so a month before.
const soon = 21 * 24 * time.Hour

// A Store holds the certificates in use. It is safe for use by many goroutines.
type Store struct {
	now    func() time.Time
	loaded atomic.Pointer[loaded]
}

// loaded is what was read from the files. It does not change.
type loaded struct {
	config Config
	all    []*tls.Certificate
	byName map[string][]*tls.Certificate // lower case; wildcards as "*.example.com"
}

// New reads the certificates. Its error names every file that is at fault.
func New(c Config, now func() time.Time) (*Store, error) {
	s := &Store{now: now}
	if err := s.Replace(c); err != nil {
		return nil, err
	}
	return s, nil
}

// Reload reads the same files again. On an error everything stays as it was.
func (s *Store) Reload() error { return s.Replace(s.loaded.Load().config) }

// Replace reads other files. On an error everything stays as it was.
func (s *Store) Replace(c Config) error {
	l, err := load(c)
	if err != nil {
		return fmt.Errorf("tls: %w", err)
	}
	s.loaded.Store(l)
	return nil
}

func load(c Config) (*loaded, error) {
	if len(c.Certificates) == 0 {
		return nil, errors.New("no certificate is configured")
	}
	l := &loaded{config: c, byName: make(map[string][]*tls.Certificate)}
	var faults []error
	for _, files := range c.Certificates {
		cert, err := tls.LoadX509KeyPair(files.Cert, files.Key)
		if err != nil {
			faults = append(faults, fmt.Errorf("certificate %s with key %s: %w", files.Cert, files.Key, err))
			continue
		}
		l.add(&cert)
	}
	return l, errors.Join(faults...)
}

func (l *loaded) add(cert *tls.Certificate) {
	l.all = append(l.all, cert)
	for _, name := range cert.Leaf.DNSNames {
		name = strings.ToLower(name)
		l.byName[name] = append(l.byName[name], cert)
	}
}

// Server is the configuration for a listener.
func (s *Store) Server() *tls.Config {
	return &tls.Config{
		MinVersion:     tls.VersionTLS12,
		CipherSuites:   suites(),
		NextProtos:     []string{"h2", "http/1.1"},
		GetCertificate: s.certificate,
	}
}

// suites are for TLS 1.2; those of TLS 1.3 are all good, and fixed.
func suites() []uint16 {
	return []uint16{
		tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
		tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
		tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
	}
}

// certificate is the one for a handshake.
func (s *Store) certificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	l := s.loaded.Load()
	name := strings.ToLower(strings.TrimSuffix(hello.ServerName, "."))
	for _, certs := range [...][]*tls.Certificate{l.byName[name], l.byName[wildcard(name)]} {
		if cert := supported(hello, certs); cert != nil {
			return cert, nil
		}
	}
	return l.all[0], nil
}

// supported is the first that the client can use, or the first if it can use
// none: the handshake then fails with the reason.
func supported(hello *tls.ClientHelloInfo, certs []*tls.Certificate) *tls.Certificate {
	for _, cert := range certs {
		if hello.SupportsCertificate(cert) == nil {
			return cert
		}
	}
	if len(certs) > 0 {
		return certs[0]
	}
	return nil
}

// wildcard is the name that covers name and its siblings (RFC 9525 §6.3).
func wildcard(name string) string {
	_, parent, ok := strings.Cut(name, ".")
	if !ok {
		return ""
	}
	return "*." + parent
}

// An Info is what is to be known about one certificate in use.
type Info struct {
	File     string // of the certificate
	Names    []string
	NotAfter time.Time
}

// Certificates are those in use, in the order of the configuration.
func (s *Store) Certificates() []Info {
	l := s.loaded.Load()
	infos := make([]Info, len(l.all))
	for i, cert := range l.all {
		infos[i] = Info{File: l.config.Certificates[i].Cert, Names: cert.Leaf.DNSNames, NotAfter: cert.Leaf.NotAfter}
	}
	return infos
}

// Warnings are what will hurt, or does already, though it is no error: a
// certificate out of its time must not keep a server from starting. They are
// judged at the time of the call.
func (s *Store) Warnings() []string {
	var warnings []string
	l := s.loaded.Load()
	for i, cert := range l.all {
		if w := warning(cert.Leaf, s.now(), i == 0); w != "" {
			warnings = append(warnings, l.config.Certificates[i].Cert+": "+w)
		}
	}
	return warnings
}

func warning(leaf *x509.Certificate, now time.Time, isDefault bool) string {
	left := leaf.NotAfter.Sub(now)
	switch {
	case left <= 0:
		return "expired on " + leaf.NotAfter.UTC().Format(time.RFC3339)
	case now.Before(leaf.NotBefore):
		return "is not valid before " + leaf.NotBefore.UTC().Format(time.RFC3339)
	case left < soon:
		return fmt.Sprintf("expires in %d days, on %s", int(left/(24*time.Hour)), leaf.NotAfter.UTC().Format(time.RFC3339))
	case len(leaf.DNSNames) == 0 && !isDefault:
		return "has no DNS name, so no client is ever shown it"
	default:
		return ""
	}
}
