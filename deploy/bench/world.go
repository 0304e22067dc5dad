package main

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"
)

// A world is what all peers of a run have in common: the services behind them,
// an issuer of tokens, a certificate, and the cores.
type world struct {
	cores    *cores
	folder   string // of everything that is written
	running  *process
	services map[string]string // host:port, by name
	tokens   []string
}

// newWorld starts the services. close ends them and removes what was written.
func newWorld(f *flags) (*world, error) {
	w := new(world)
	err := w.open(f)
	if err != nil {
		w.close()
		return nil, err
	}
	return w, nil
}

func (w *world) open(f *flags) (err error) {
	if w.cores, err = findCores(); err != nil {
		return err
	}
	if err = w.cores.settle(); err != nil {
		return err
	}
	if w.folder, err = os.MkdirTemp("", "triptych-bench-"); err != nil {
		return err
	}
	if err = os.Chmod(w.folder, 0o755); err != nil { // peers may change their user
		return err
	}
	if err = w.startServices(f.delay); err != nil {
		return err
	}
	if err = w.certificate(); err != nil {
		return err
	}
	return w.issuer(f)
}

func (w *world) close() {
	if w.running != nil {
		w.running.end()
	}
	if w.folder != "" {
		_ = os.RemoveAll(w.folder)
	}
}

// closeOnSignal closes the world when the user has enough. What runs then ends with
// this process.
func (w *world) closeOnSignal() {
	enough := make(chan os.Signal, 1)
	signal.Notify(enough, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-enough
		w.close()
		os.Exit(1)
	}()
}

func (w *world) startServices(delay time.Duration) error {
	path, err := beside("services")
	if err != nil {
		return err
	}
	cmd := exec.Command(path, "-delay", delay.String())
	if _, err := cmd.StdinPipe(); err != nil { // they end when it does
		return err
	}
	out, in, err := os.Pipe()
	if err != nil {
		return err
	}
	defer out.Close()
	cmd.Stdout = in
	w.running, err = w.cores.start(cmd, filepath.Join(w.folder, "services.log"), false)
	in.Close()
	if err != nil {
		return err
	}
	line, err := bufio.NewReader(out).ReadBytes('\n')
	if err != nil {
		return fmt.Errorf("services: %w: %s", err, w.running.said())
	}
	return json.Unmarshal(line, &w.services)
}

// issuer gets tokens, and the issuer's key for those who want it as a file.
func (w *world) issuer(f *flags) error {
	most := 0
	for _, s := range f.scenarios {
		most = max(most, s.tokens)
	}
	var key string
	if err := w.ask("/key.pem", &key); err != nil {
		return err
	}
	if err := w.ask(fmt.Sprint("/tokens?n=", most), &w.tokens); err != nil {
		return err
	}
	return w.write("issuer.pem", []byte(key))
}

func (w *world) ask(path string, answer any) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+w.services["issuer"]+path, http.NoBody)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("issuer: %s", data)
	}
	return json.Unmarshal(data, answer)
}

func (w *world) write(name string, data []byte) error {
	return os.WriteFile(filepath.Join(w.folder, name), data, 0o644) // keys of an hour, for 127.0.0.1
}

// certificate makes one that signs itself, with a P-256 key.
func (w *world) certificate() error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "127.0.0.1"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(0, 1, 0),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	cert := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	secret := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})
	return errors.Join(w.write("cert.pem", cert), w.write("key.pem", secret), w.write("both.pem", append(cert, secret...)))
}
