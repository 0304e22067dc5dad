package idp

import (
	"crypto/rand"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// Config is what a provider can be told. Only Issuer is needed.
type Config struct {
	// Issuer is the provider's address as clients and tokens name it, for example
	// "http://127.0.0.1:7000/". Requests for another host are refused.
	Issuer string

	// Hosts are further ones that requests may be for, as host:port.
	Hosts []string

	// AccessTTL is how long an access token is good. Zero is five minutes.
	AccessTTL time.Duration

	// DeviceTTL is how long a device may wait to be connected. Zero is five minutes.
	DeviceTTL time.Duration

	// PollInterval is the least time between two polls of a device, in whole
	// seconds. Zero is five seconds.
	PollInterval time.Duration

	// Now is the clock of sessions, codes and polls; nil is [time.Now]. Signatures
	// always carry the wall clock: the library has no other.
	Now func() time.Time
}

func (c *Config) setDefaults() {
	if c.AccessTTL == 0 {
		c.AccessTTL = 5 * time.Minute
	}
	if c.DeviceTTL == 0 {
		c.DeviceTTL = 5 * time.Minute
	}
	if c.PollInterval == 0 {
		c.PollInterval = 5 * time.Second
	}
	if c.Now == nil {
		c.Now = time.Now
	}
}

// A Provider is an [http.Handler]: the whole OpenID provider.
type Provider struct {
	issuer  string
	op      *op.Provider
	store   *store
	pages   pages
	handler http.Handler
}

// New makes a provider with a fresh signing key and nobody signed in.
func New(c Config) (*Provider, error) {
	c.setDefaults()
	issuer, err := url.Parse(c.Issuer)
	if err != nil || issuer.Host == "" {
		return nil, fmt.Errorf("issuer %q: want an address such as http://127.0.0.1:7000/", c.Issuer)
	}
	keys, err := newKeyring()
	if err != nil {
		return nil, err
	}
	p := &Provider{issuer: c.Issuer, store: newStore(c, keys), pages: newPages()}
	p.op, err = op.NewProvider(protocol(c), p.store, op.StaticIssuer(c.Issuer),
		op.WithAllowInsecure(),  // plain HTTP: it is not to leave this machine
		op.WithCORSOptions(nil)) // no page of another origin has business here
	if err != nil {
		return nil, fmt.Errorf("provider: %w", err)
	}
	p.handler = onlyFor(append([]string{issuer.Host}, c.Hosts...), http.NewCrossOriginProtection().Handler(p.routes()))
	return p, nil
}

func protocol(c Config) *op.Config {
	config := &op.Config{
		DefaultLogoutRedirectURI: "/signed-out",
		CodeMethodS256:           true,
		GrantTypeRefreshToken:    true,
		SupportedScopes:          append([]string{oidc.ScopeOpenID, oidc.ScopeProfile, oidc.ScopeEmail, oidc.ScopeOfflineAccess}, resourceScopes()...),
		DeviceAuthorization: op.DeviceAuthorizationConfig{
			Lifetime: c.DeviceTTL, PollInterval: c.PollInterval,
			UserFormPath: "/device", UserCode: op.UserCodeBase20,
		},
	}
	_, _ = rand.Read(config.CryptoKey[:]) // never fails: see crypto/rand
	return config
}

func (p *Provider) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /login", p.askName)
	mux.HandleFunc("POST /login", p.takeName)
	mux.HandleFunc("GET /device", p.askCode)
	mux.HandleFunc("POST /device", p.takeCode)
	mux.HandleFunc("GET /signed-out", p.signedOut)
	mux.HandleFunc("POST /dev/token", p.devToken)
	mux.HandleFunc("POST /dev/rotate", p.devRotate)
	mux.Handle("/", p.op)
	return mux
}

// onlyFor refuses requests that name another host: a page in a browser on this
// machine could otherwise point a name of its own here and fetch itself a token.
func onlyFor(hosts []string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !slices.Contains(hosts, r.Host) {
			http.Error(w, "this provider is "+strings.Join(hosts, " or ")+" only", http.StatusMisdirectedRequest)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func (p *Provider) ServeHTTP(w http.ResponseWriter, r *http.Request) { p.handler.ServeHTTP(w, r) }
