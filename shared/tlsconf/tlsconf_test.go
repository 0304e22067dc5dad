package tlsconf

import (
	"bufio"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/triptych-bff/triptych/shared/config"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// authority signs certificates into a directory.
type authority struct {
	t    testing.TB
	dir  string
	key  crypto.Signer
	cert *x509.Certificate
	pool *x509.CertPool
	last int64
}

func newAuthority(t testing.TB) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check(t, err)
	a := &authority{t: t, dir: t.TempDir(), key: key, pool: x509.NewCertPool()}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(365 * 24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	check(t, err)
	a.cert, err = x509.ParseCertificate(der)
	check(t, err)
	a.pool.AddCert(a.cert)
	a.last = 1
	return a
}

// issue writes name.pem and name.key for 90 days, and returns the serial number.
func (a *authority) issue(name string, isRSA bool, hosts ...string) (Certificate, int64) {
	return a.issueFor(name, isRSA, 90*24*time.Hour, hosts...)
}

func (a *authority) issueFor(name string, isRSA bool, life time.Duration, hosts ...string) (Certificate, int64) {
	a.t.Helper()
	var key crypto.Signer
	var err error
	if isRSA {
		key, err = rsa.GenerateKey(rand.Reader, 2048)
	} else {
		key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	}
	check(a.t, err)
	a.last++
	template := &x509.Certificate{
		SerialNumber: big.NewInt(a.last), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(life),
		DNSNames: hosts, KeyUsage: x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, key.Public(), a.key)
	check(a.t, err)
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	check(a.t, err)
	files := Certificate{Cert: filepath.Join(a.dir, name+".pem"), Key: filepath.Join(a.dir, name+".key")}
	check(a.t, os.WriteFile(files.Cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	check(a.t, os.WriteFile(files.Key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8}), 0o600))
	return files, a.last
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func newStore(t testing.TB, certs ...Certificate) *Store {
	t.Helper()
	s, err := New(Config{Certificates: certs}, time.Now)
	check(t, err)
	return s
}

// serve answers every request with 204, over the store's TLS.
func serve(t testing.TB, s *Store) (address string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	server := &http.Server{
		Handler:           http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }),
		TLSConfig:         s.Server(),
		ReadHeaderTimeout: time.Minute,
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.ServeTLS(listener, "", "")
	}()
	t.Cleanup(func() {
		_ = server.Close()
		<-done
	})
	return listener.Addr().String()
}

// dial does a handshake without looking at who answers.
func dial(t testing.TB, address string, c *tls.Config) (*tls.Conn, error) {
	t.Helper()
	c.InsecureSkipVerify = true //nolint:gosec // the tests look at the certificate themselves
	conn, err := tls.Dial("tcp", address, c)
	if err == nil {
		t.Cleanup(func() { _ = conn.Close() })
	}
	return conn, err
}

func serial(conn *tls.Conn) int64 {
	return conn.ConnectionState().PeerCertificates[0].SerialNumber.Int64()
}

func TestServerName(t *testing.T) {
	a := newAuthority(t)
	first, firstSerial := a.issue("first", false, "first.example")
	exact, exactSerial := a.issue("exact", false, "Api.Example.com", "www.example.com")
	wild, wildSerial := a.issue("wild", false, "*.example.com")
	old, oldSerial := a.issue("old", true, "api.example.com", "old.example.com")
	address := serve(t, newStore(t, first, exact, wild, old))
	onlyRSA := []uint16{tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256}
	for name, c := range map[string]struct {
		server string
		suites []uint16
		want   int64
	}{
		"no name":                    {"", nil, firstSerial},
		"unknown":                    {"unknown.test", nil, firstSerial},
		"first":                      {"first.example", nil, firstSerial},
		"exact before wildcard":      {"api.example.com", nil, exactSerial},
		"second name":                {"www.example.com", nil, exactSerial},
		"case":                       {"WWW.EXAMPLE.COM", nil, exactSerial},
		"wildcard":                   {"shop.example.com", nil, wildSerial},
		"wildcard is one label":      {"a.shop.example.com", nil, firstSerial},
		"wildcard is not its parent": {"example.com", nil, firstSerial},
		"name without dots":          {"localhost", nil, firstSerial},
		"old client":                 {"api.example.com", onlyRSA, oldSerial},
	} {
		t.Run(name, func(t *testing.T) {
			client := &tls.Config{ServerName: c.server, CipherSuites: c.suites}
			if c.suites != nil {
				client.MaxVersion = tls.VersionTLS12
			}
			conn, err := dial(t, address, client)
			check(t, err)
			if got := serial(conn); got != c.want {
				t.Errorf("got certificate %d, want %d", got, c.want)
			}
		})
	}
}

func TestVersionsAndSuites(t *testing.T) {
	a := newAuthority(t)
	cert, _ := a.issue("rsa", true, "a.example")
	address := serve(t, newStore(t, cert))
	for name, c := range map[string]struct {
		config *tls.Config
		good   bool
	}{
		"TLS 1.3":             {&tls.Config{MinVersion: tls.VersionTLS13}, true},
		"TLS 1.2":             {&tls.Config{MaxVersion: tls.VersionTLS12}, true},
		"TLS 1.1":             {&tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}, false},
		"CBC":                 {&tls.Config{MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA}}, false},
		"no forward secrecy":  {&tls.Config{MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_RSA_WITH_AES_128_GCM_SHA256}}, false},
		"protocol of no one":  {&tls.Config{NextProtos: []string{"spdy/3"}}, false},
		"HTTP/1.1 by choice":  {&tls.Config{NextProtos: []string{"http/1.1"}}, true},
		"HTTP/2, the default": {&tls.Config{NextProtos: []string{"h2", "http/1.1"}}, true},
	} {
		t.Run(name, func(t *testing.T) {
			conn, err := dial(t, address, c.config)
			if (err == nil) != c.good {
				t.Fatalf("handshake: %v", err)
			}
			if c.good && len(c.config.NextProtos) > 0 && conn.ConnectionState().NegotiatedProtocol != c.config.NextProtos[0] {
				t.Errorf("protocol is %s", conn.ConnectionState().NegotiatedProtocol)
			}
		})
	}
}

// A real client, with everything verified.
func TestRequest(t *testing.T) {
	a := newAuthority(t)
	cert, _ := a.issue("a", false, "a.example")
	address := serve(t, newStore(t, cert))
	transport := &http.Transport{ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{RootCAs: a.pool, ServerName: "a.example"}}
	defer transport.CloseIdleConnections()
	res, err := (&http.Client{Transport: transport}).Get("https://" + address)
	check(t, err)
	defer res.Body.Close()
	if res.StatusCode != 204 || res.Proto != "HTTP/2.0" {
		t.Errorf("%d over %s", res.StatusCode, res.Proto)
	}
}

func TestReload(t *testing.T) {
	a := newAuthority(t)
	cert, oldSerial := a.issue("a", false, "a.example")
	s := newStore(t, cert)
	address := serve(t, s)
	client := &tls.Config{ServerName: "a.example", NextProtos: []string{"http/1.1"}, ClientSessionCache: tls.NewLRUClientSessionCache(10)}
	open, err := dial(t, address, client)
	check(t, err)
	request(t, open) // also takes the session ticket in

	_, newSerial := a.issue("a", false, "a.example")
	check(t, s.Reload())

	request(t, open) // the connection goes on
	resumed, err := dial(t, address, client)
	check(t, err)
	if !resumed.ConnectionState().DidResume {
		t.Error("session tickets were lost")
	}
	fresh, err := dial(t, address, &tls.Config{ServerName: "a.example"})
	check(t, err)
	if got := serial(fresh); got != newSerial || got == oldSerial {
		t.Errorf("certificate %d after the reload, want %d", got, newSerial)
	}
}

func request(t *testing.T, conn *tls.Conn) {
	t.Helper()
	_, err := fmt.Fprintf(conn, "GET / HTTP/1.1\r\nHost: a.example\r\n\r\n")
	check(t, err)
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	check(t, err)
	defer res.Body.Close()
	if _, err := io.Copy(io.Discard, res.Body); err != nil || res.StatusCode != 204 {
		t.Fatalf("%d, %v", res.StatusCode, err)
	}
}

func TestBadFilesChangeNothing(t *testing.T) {
	a := newAuthority(t)
	first, firstSerial := a.issue("first", false, "first.example")
	second, secondSerial := a.issue("second", false, "second.example")
	s := newStore(t, first, second)
	address := serve(t, s)
	good := read(t, second.Key)
	other, _ := a.issue("other", false, "other.example")
	for name, content := range map[string][]byte{
		"missing": nil, "empty": {}, "cut off": good[:len(good)/2], "not PEM": []byte("hello"), "of another certificate": read(t, other.Key),
	} {
		t.Run(name, func(t *testing.T) {
			_, _ = a.issue("first", false, "first.example") // good, but must wait for the other
			check(t, os.Remove(second.Key))
			if content != nil {
				check(t, os.WriteFile(second.Key, content, 0o600))
			} else {
				defer func() { check(t, os.WriteFile(second.Key, nil, 0o600)) }()
			}
			err := s.Reload()
			if err == nil || !strings.Contains(err.Error(), second.Cert) || !strings.Contains(err.Error(), second.Key) || strings.Contains(err.Error(), first.Cert) {
				t.Errorf("the error is %v", err)
			}
			for server, want := range map[string]int64{"first.example": firstSerial, "second.example": secondSerial} {
				conn, err := dial(t, address, &tls.Config{ServerName: server})
				check(t, err)
				if serial(conn) != want {
					t.Errorf("%s has changed", server)
				}
			}
		})
	}
	check(t, os.WriteFile(second.Key, good, 0o600))
	check(t, s.Reload())
}

func read(t *testing.T, file string) []byte {
	t.Helper()
	data, err := os.ReadFile(file)
	check(t, err)
	return data
}

// Handshakes during reloads see one certificate or the other, never an error.
func TestReloadUnderLoad(t *testing.T) {
	a := newAuthority(t)
	cert, one := a.issue("a", false, "a.example")
	other, two := a.issue("b", false, "a.example")
	s := newStore(t, cert)
	address := serve(t, s)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 25 {
				conn, err := dial(t, address, &tls.Config{ServerName: "a.example"})
				if err != nil {
					t.Error(err)
					return
				}
				if got := serial(conn); got != one && got != two {
					t.Errorf("certificate %d", got)
				}
			}
		})
	}
	for range 50 {
		check(t, s.Replace(Config{Certificates: []Certificate{other}}))
		check(t, s.Replace(Config{Certificates: []Certificate{cert}}))
	}
	wg.Wait()
}

func TestNewReportsEveryFault(t *testing.T) {
	a := newAuthority(t)
	good, _ := a.issue("good", false, "a.example")
	_, err := New(Config{Certificates: []Certificate{{"x.pem", "x.key"}, good, {"y.pem", "y.key"}}}, time.Now)
	if err == nil || !strings.Contains(err.Error(), "x.pem") || !strings.Contains(err.Error(), "y.pem") {
		t.Errorf("got %v", err)
	}
	if _, err := New(Config{}, time.Now); err == nil {
		t.Error("a store without certificates")
	}
}

func TestWarnings(t *testing.T) {
	a := newAuthority(t)
	const day = 24 * time.Hour
	first, _ := a.issueFor("first", false, 90*day)
	nameless, _ := a.issueFor("nameless", false, 90*day)
	soon, _ := a.issueFor("soon", false, 10*day+time.Hour, "soon.example")
	now := time.Now()
	s, err := New(Config{Certificates: []Certificate{first, nameless, soon}}, func() time.Time { return now })
	check(t, err)
	expect := func(want ...string) {
		t.Helper()
		got := s.Warnings()
		if !slices.EqualFunc(got, want, strings.Contains) {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	expect("nameless.pem: has no DNS name", "soon.pem: expires in 10 days, on ")
	now = now.Add(11 * day)
	expect("nameless.pem: has no DNS name", "soon.pem: expired on ")
	now = now.Add(-20 * day)
	expect("first.pem: is not valid before ", "nameless.pem: is not valid before", "soon.pem: is not valid before")

	var files []string
	for _, info := range s.Certificates() {
		files = append(files, info.File)
		if info.NotAfter.IsZero() {
			t.Errorf("%s has no end", info.File)
		}
	}
	if diff := cmp.Diff([]string{first.Cert, nameless.Cert, soon.Cert}, files); diff != "" {
		t.Error(diff)
	}
}

func TestConfig(t *testing.T) {
	var f struct {
		TLS Config `config:"tls"`
	}
	for text, fault := range map[string]string{
		"tls: {certificates: [{cert: a.pem, key: a.key}]}":                            "",
		"tls: {certificates: [{cert: a.pem}]}":                                        "tls.certificates[0].key",
		"tls: {certificates: [{cert: a.pem, key: a.key}, {cert: a.pem, key: b.key}]}": "tls.certificates[1].cert",
	} {
		_, err := config.Load(&f, config.Source{Name: "bff.yaml", Data: []byte(text)})
		if fault == "" && err != nil || fault != "" && (err == nil || !strings.Contains(err.Error(), fault)) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func BenchmarkCertificate(b *testing.B) {
	a := newAuthority(b)
	cert, _ := a.issue("a", false, "*.example.com")
	s := newStore(b, cert)
	hello := &tls.ClientHelloInfo{
		ServerName: "api.example.com", SupportedVersions: []uint16{tls.VersionTLS13},
		SignatureSchemes: []tls.SignatureScheme{tls.ECDSAWithP256AndSHA256}, SupportedCurves: []tls.CurveID{tls.X25519},
	}
	b.ReportAllocs()
	for b.Loop() {
		if got, _ := s.certificate(hello); got == nil {
			b.Fatal("none")
		}
	}
}
