package tlsconf

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// moment is when these tests happen.
var moment = time.Now()

func now() time.Time { return moment }

// pair writes a certificate, signed by itself, and its key.
func pair(t *testing.T, dir, file string, key crypto.Signer, change func(*x509.Certificate), names ...string) Certificate {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), DNSNames: names,
		NotBefore: moment.Add(-time.Hour), NotAfter: moment.Add(24 * time.Hour),
	}
	if change != nil {
		change(template)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	c := Certificate{Cert: filepath.Join(dir, file+".crt"), Key: filepath.Join(dir, file+".key")}
	for path, block := range map[string]*pem.Block{c.Cert: {Type: "CERTIFICATE", Bytes: der}, c.Key: {Type: "PRIVATE KEY", Bytes: private}} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

func elliptical(t *testing.T) crypto.Signer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// dial opens a connection, as a client that asks for the name would, to a server
// that echoes.
func dial(t *testing.T, s *Store, client *tls.Config) (*tls.Conn, error) {
	t.Helper()
	l, err := tls.Listen("tcp", "127.0.0.1:0", s.Server())
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		conn, err := l.Accept()
		if err != nil {
			return
		}
		_, _ = io.Copy(conn, conn)
		_ = conn.Close()
	}()
	client.InsecureSkipVerify = true // the tests look at the certificate themselves
	conn, err := tls.Dial("tcp", l.Addr().String(), client)
	t.Cleanup(func() {
		if conn != nil {
			_ = conn.Close()
		}
		_ = l.Close()
		<-done
	})
	return conn, err
}

func TestTheCertificateIsChosenByName(t *testing.T) {
	dir := t.TempDir()
	key := elliptical(t)
	s, err := New(Config{[]Certificate{
		pair(t, dir, "first", key, nil, "first.example"),
		pair(t, dir, "wild", key, nil, "*.books.example", "books.example"),
		pair(t, dir, "exact", key, nil, "one.books.example"),
	}}, now)
	if err != nil {
		t.Fatal(err)
	}
	for asked, want := range map[string]string{
		"first.example":       "first.example",
		"one.books.example":   "one.books.example",
		"ONE.books.example":   "one.books.example",
		"two.books.example":   "*.books.example",
		"books.example":       "*.books.example",
		"a.two.books.example": "first.example",
		"elsewhere.example":   "first.example",
		"":                    "first.example",
	} {
		conn, err := dial(t, s, &tls.Config{ServerName: asked, NextProtos: []string{"http/1.1", "h2"}})
		if err != nil {
			t.Fatal(err)
		}
		state := conn.ConnectionState()
		if got := state.PeerCertificates[0].DNSNames[0]; got != want {
			t.Errorf("%q: got the certificate of %q, not of %q", asked, got, want)
		}
		if state.NegotiatedProtocol != "h2" || state.Version != tls.VersionTLS13 {
			t.Errorf("%q: %q over %s", asked, state.NegotiatedProtocol, tls.VersionName(state.Version))
		}
	}
}

func TestOldClients(t *testing.T) {
	dir := t.TempDir()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	s, err := New(Config{[]Certificate{pair(t, dir, "old", key, nil, "old.example")}}, now)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := dial(t, s, &tls.Config{ServerName: "old.example", MaxVersion: tls.VersionTLS12})
	if err != nil || conn.ConnectionState().CipherSuite != tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 {
		t.Errorf("TLS 1.2 over RSA: %v", err)
	}
	if _, err := dial(t, s, &tls.Config{ServerName: "old.example", MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}); err == nil {
		t.Error("TLS 1.1 was accepted")
	}
	if _, err := dial(t, s, &tls.Config{ServerName: "old.example", MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_RSA_WITH_AES_128_CBC_SHA}}); err == nil {
		t.Error("a suite without forward secrecy was accepted")
	}
}

// TestLoadWhileConnected renews a certificate under an open connection.
func TestLoadWhileConnected(t *testing.T) {
	dir := t.TempDir()
	c := Config{[]Certificate{pair(t, dir, "a", elliptical(t), nil, "before.example")}}
	s, err := New(c, now)
	if err != nil {
		t.Fatal(err)
	}
	open, err := dial(t, s, &tls.Config{})
	if err != nil {
		t.Fatal(err)
	}
	pair(t, dir, "a", elliptical(t), func(x *x509.Certificate) { x.NotAfter = moment.Add(48 * time.Hour) }, "after.example")
	if err := s.Load(c); err != nil {
		t.Fatal(err)
	}
	if got := s.Expires(); !got.Equal(moment.Add(48 * time.Hour).Truncate(time.Second)) {
		t.Errorf("expires %v", got)
	}
	echo := make([]byte, 2)
	if _, err := open.Write([]byte("hi")); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(open, echo); err != nil || string(echo) != "hi" {
		t.Errorf("the open connection: %q, %v", echo, err)
	}
	fresh, err := dial(t, s, &tls.Config{})
	if err != nil || fresh.ConnectionState().PeerCertificates[0].DNSNames[0] != "after.example" {
		t.Errorf("a new connection has the old certificate (%v)", err)
	}
}

func TestFaultsChangeNothing(t *testing.T) {
	dir := t.TempDir()
	key := elliptical(t)
	good := pair(t, dir, "good", key, nil, "good.example")
	s, err := New(Config{[]Certificate{good}}, now)
	if err != nil {
		t.Fatal(err)
	}
	garbage := filepath.Join(dir, "garbage.crt")
	if err := os.WriteFile(garbage, []byte("no certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	other := pair(t, dir, "other", elliptical(t), nil, "other.example")
	for want, c := range map[string]Certificate{
		"nowhere.crt":      {Cert: filepath.Join(dir, "nowhere.crt"), Key: good.Key},
		"garbage.crt":      {Cert: garbage, Key: good.Key},
		"does not match":   {Cert: good.Cert, Key: other.Key},
		"expired at":       pair(t, dir, "late", key, func(x *x509.Certificate) { x.NotAfter = moment.Add(-time.Minute) }, "late.example"),
		"not valid before": pair(t, dir, "early", key, func(x *x509.Certificate) { x.NotBefore = moment.Add(time.Hour) }, "early.example"),
	} {
		if err := s.Load(Config{[]Certificate{good, c}}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	bad := Certificate{Cert: garbage, Key: garbage}
	if err := s.Load(Config{[]Certificate{{Cert: filepath.Join(dir, "nowhere.crt")}, bad}}); err == nil || !strings.Contains(err.Error(), "nowhere.crt") || !strings.Contains(err.Error(), "garbage.crt") {
		t.Errorf("not all faults at once: %v", err)
	}
	if err := s.Load(Config{}); err == nil {
		t.Error("loaded nothing")
	}
	conn, err := dial(t, s, &tls.Config{})
	if err != nil || conn.ConnectionState().PeerCertificates[0].DNSNames[0] != "good.example" {
		t.Errorf("the good certificate is gone (%v)", err)
	}
}

func TestRelativeFiles(t *testing.T) {
	c := Config{[]Certificate{{Cert: "a.crt", Key: "/etc/a.key"}}}
	if got := c.In("/srv").Files(); got[0] != "/srv/a.crt" || got[1] != "/etc/a.key" {
		t.Error(got)
	}
}
