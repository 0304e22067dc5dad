package edge

import (
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/triptych-bff/triptych/shared/telemetry"
)

// requestID is the header of the request's id, in its canonical spelling.
const requestID = "X-Request-Id"

// exchange begins the record of the request: its id, its place in a trace, its
// start. Every answer carries the id.
func (e *edge) exchange(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		x, err := e.begin(r)
		r = r.WithContext(telemetry.NewContext(r.Context(), x))
		if err != nil {
			WriteError(w, r, fmt.Errorf("randomness: %w", err))
			return
		}
		w.Header()[requestID] = []string{x.ID}
		next.ServeHTTP(w, r)
	})
}

// begin takes the id of a trusted peer and makes one otherwise. The trace of
// anybody is continued: it grants nothing.
func (e *edge) begin(r *http.Request) (x *telemetry.Exchange, err error) {
	x = &telemetry.Exchange{Start: time.Now()}
	if id := r.Header.Get(requestID); id != "" && wellFormed(id) && e.trusts(peer(r)) {
		x.ID = id
	} else if x.ID, err = newID(e.random); err != nil {
		return x, err
	}
	x.Trace, err = telemetry.TraceFrom(r.Header, e.random)
	return x, err
}

func newID(random io.Reader) (string, error) {
	var id [16]byte
	_, err := io.ReadFull(random, id[:])
	return hex.EncodeToString(id[:]), err
}

// wellFormed ids can stand in a log, a header and a URI as they are.
func wellFormed(id string) bool {
	for i := range len(id) {
		switch c := id[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '_', c == '.':
		default:
			return false
		}
	}
	return id != "" && len(id) <= 128
}
