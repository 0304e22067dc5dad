package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestTLSAndHTTP2(t *testing.T) {
	w := closed(t)
	w.start("provider", nil, "--listen", w.addr["provider"])
	w.service("catalog")
	cert, key := w.certificate()
	w.configure("bff-web", func(c string) string {
		return c + "\ntls:\n  certificates:\n    - cert: " + cert + "\n      key: " + key + "\n"
	})
	w.gateway("bff-web")
	w.ready()
	url, bearer := "https://"+w.addr["bff-web"]+"/api/films/pulp-fiction-1994", "Bearer "+w.token("web", "ada")

	pool := x509.NewCertPool()
	data, err := os.ReadFile(cert)
	if err != nil {
		t.Fatal(err)
	}
	pool.AppendCertsFromPEM(data)
	for _, proto := range []string{"HTTP/1.1", "HTTP/2.0"} {
		transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, Protocols: new(http.Protocols)}
		transport.Protocols.SetHTTP1(proto == "HTTP/1.1")
		transport.Protocols.SetHTTP2(proto == "HTTP/2.0")
		req, err := http.NewRequest(http.MethodGet, url, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", bearer)
		resp, err := (&http.Client{Transport: transport, Timeout: patience}).Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		transport.CloseIdleConnections()
		if resp.Proto != proto || resp.StatusCode != http.StatusOK {
			t.Errorf("%s, status %d; not %s and 200", resp.Proto, resp.StatusCode, proto)
		}
	}

	curl, err := exec.LookPath("curl")
	if err != nil {
		w.skip("curl is not installed")
		return
	}
	out, err := exec.Command(curl, "-s", "--http2", "--cacert", cert, "-H", "Authorization: "+bearer, "-o", os.DevNull, "-w", "%{http_version} %{response_code}", url).Output()
	if err != nil || strings.TrimSpace(string(out)) != "2 200" {
		t.Errorf("curl --http2: %q %v", out, err)
	}
}

// skip leaves out what the machine lacks, unless everything is required.
func (w *world) skip(why string) {
	w.t.Helper()
	if os.Getenv("REQUIRE_ALL") == "1" {
		w.t.Fatal("REQUIRE_ALL=1: ", why)
	}
	w.t.Skip(why)
}

// certificate writes a certificate for loopback addresses, signed by itself.
func (w *world) certificate() (cert, key string) {
	w.t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		w.t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "localhost"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(0, 3, 0),
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		w.t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		w.t.Fatal(err)
	}
	cert, key = filepath.Join(w.dir, "cert.pem"), filepath.Join(w.dir, "key.pem")
	w.write(cert, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
	w.write(key, string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER})))
	return cert, key
}
