package auth

import "github.com/prometheus/client_golang/prometheus"

// metrics are what operators see. Issuers are configured, so their number is
// bounded; key ids are not, and are no labels.
type metrics struct {
	tokens  *prometheus.CounterVec
	fetches *prometheus.CounterVec
	unknown *prometheus.CounterVec
	keys    *prometheus.GaugeVec
	fetched *prometheus.GaugeVec
}

func newMetrics(r prometheus.Registerer) *metrics {
	m := &metrics{
		tokens: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "auth_tokens_total", Help: "Access tokens shown, by what became of them: accepted, unavailable, or why refused.",
		}, []string{"outcome"}),
		fetches: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "jwks_fetches_total", Help: "Fetches of JWK sets, by outcome: ok or failed.",
		}, []string{"issuer", "outcome"}),
		unknown: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "jwks_unknown_keys_total",
			Help: "Tokens with an unknown key id, by what was done: fetched the set, remembered that the key does not exist, refused for want of budget, or unavailable.",
		}, []string{"issuer", "answer"}),
		keys: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "jwks_keys", Help: "Key ids in the current JWK set.",
		}, []string{"issuer"}),
		fetched: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "jwks_last_success_timestamp_seconds", Help: "When the current JWK set was fetched.",
		}, []string{"issuer"}),
	}
	r.MustRegister(m.tokens, m.fetches, m.unknown, m.keys, m.fetched)
	return m
}

// forget removes what is said of an issuer that is no longer configured.
func (m *metrics) forget(issuer string) {
	label := prometheus.Labels{"issuer": issuer}
	m.fetches.DeletePartialMatch(label)
	m.unknown.DeletePartialMatch(label)
	m.keys.DeletePartialMatch(label)
	m.fetched.DeletePartialMatch(label)
}
