package oci

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"fmt"

	"golang.org/x/crypto/x509roots/fallback/bundle"
)

// roots are the certificates of the public authorities, as a PEM file. They are
// those that Mozilla trusts, from a module that go.sum pins: what an image trusts
// does not depend on the machine that builds it.
//
// Authorities that are trusted only for what they issued until some day are left
// out. A file cannot say that, and with them in it the gateway would trust more than
// Mozilla does. A service with such a certificate needs upstreams.<name>.ca.
func roots() ([]byte, error) {
	var text bytes.Buffer
	for root := range bundle.Roots() {
		if root.Constraint != nil {
			continue
		}
		certificate, err := x509.ParseCertificate(root.Certificate)
		if err != nil {
			return nil, fmt.Errorf("roots: %w", err)
		}
		fmt.Fprintf(&text, "# %s\n", certificate.Subject)
		_ = pem.Encode(&text, &pem.Block{Type: "CERTIFICATE", Bytes: root.Certificate}) // a buffer takes everything
	}
	return text.Bytes(), nil
}
