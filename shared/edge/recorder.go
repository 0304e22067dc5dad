package edge

import (
	"bufio"
	"context"
	"net"
	"net/http"

	"github.com/triptych-bff/triptych/shared/problem"
)

// A recorder notes what was answered. What else the writer beneath can do is
// reached by [http.ResponseController].
type recorder struct {
	http.ResponseWriter
	client context.Context // ends when the client leaves
	id     []string        // the request's id, as a header's values
	status int             // zero until the final status is sent
	bytes  int64           // of the body, as written to the connection
}

// Unwrap is for [http.ResponseController].
func (rec *recorder) Unwrap() http.ResponseWriter { return rec.ResponseWriter }

// WriteHeader notes the final status: informational ones may come before it
// (RFC 9110 §15.2).
func (rec *recorder) WriteHeader(status int) {
	if status >= 200 || status == http.StatusSwitchingProtocols {
		rec.begin(status)
	}
	rec.ResponseWriter.WriteHeader(status)
}

// begin is called when the head of the answer is about to be sent. A handler that
// copied a service's headers may have put its id there: ours stays.
func (rec *recorder) begin(status int) {
	if rec.status == 0 {
		rec.status = status
		rec.Header()[requestID] = rec.id
	}
}

// Write implements [io.Writer].
func (rec *recorder) Write(p []byte) (int, error) {
	rec.begin(http.StatusOK)
	n, err := rec.ResponseWriter.Write(p)
	rec.bytes += int64(n)
	return n, err
}

// FlushError sends what has been written, and the head if nothing was.
func (rec *recorder) FlushError() error {
	rec.begin(http.StatusOK)
	return http.NewResponseController(rec.ResponseWriter).Flush()
}

// Hijack gives the connection away. What goes over it is not counted.
func (rec *recorder) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := http.NewResponseController(rec.ResponseWriter).Hijack()
	if err == nil {
		rec.begin(http.StatusSwitchingProtocols)
	}
	return conn, rw, err
}

// final is the status to log. Where nothing was sent, net/http sends an empty 200
// at the end; an aborted request ends without any status, because the client has
// gone or because something failed.
func (rec *recorder) final(aborted bool) int {
	switch {
	case rec.status != 0:
		return rec.status
	case !aborted:
		return http.StatusOK
	case rec.gone():
		return problem.StatusClientClosed
	}
	return http.StatusInternalServerError
}

// recorderOf finds the recorder beneath what others have wrapped around it.
func recorderOf(w http.ResponseWriter) *recorder {
	for {
		switch t := w.(type) {
		case *recorder:
			return t
		case interface{ Unwrap() http.ResponseWriter }:
			w = t.Unwrap()
		default:
			return nil
		}
	}
}

// bare is the server's own writer beneath all wrappers.
func bare(w http.ResponseWriter) http.ResponseWriter {
	for {
		t, ok := w.(interface{ Unwrap() http.ResponseWriter })
		if !ok {
			return w
		}
		w = t.Unwrap()
	}
}
