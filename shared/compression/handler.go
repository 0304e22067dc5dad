package compression

import (
	"net/http"
	"strings"

	"github.com/triptych-bff/triptych/shared/telemetry"
)

// Handler encodes the answers of next. See the package's comment for what is
// left as it is. Next may use an [http.ResponseController]: what is not
// flushing goes to the server's own writer.
//
// When next panics, as it does with [http.ErrAbortHandler] to cut an answer
// off, the coding is not ended, so that no client takes the part for the whole;
// and what was held back to learn its length has not been sent.
func (c *Compressor) Handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w := &writer{
			ResponseWriter: rw, compressor: c, request: r,
			accepted: c.Negotiate(strings.Join(r.Header["Accept-Encoding"], ",")),
		}
		defer w.release()
		next.ServeHTTP(w, plainConditions(r))
		w.end()
	})
}

// writer is the response writer that the handler sees.
type writer struct {
	http.ResponseWriter
	compressor *Compressor
	request    *http.Request
	accepted   Encoding

	status  int      // 0 until WriteHeader
	pending bool     // the header is held back, until it is clear whether to encode
	held    []byte   // of the body, while pending
	encoder *encoder // nil when the answer goes out as it is
}

// Unwrap is for [http.ResponseController].
func (w *writer) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// WriteHeader decides whether to encode, or that the length must be known
// first. Informational answers pass.
func (w *writer) WriteHeader(status int) {
	switch {
	case w.status != 0:
		return
	case status == http.StatusSwitchingProtocols: // what follows is no answer
		w.status = status
		w.ResponseWriter.WriteHeader(status)
		return
	case status >= 100 && status < 200:
		w.ResponseWriter.WriteHeader(status)
		return
	}
	w.status = status
	vary(w.Header())
	switch {
	case status == http.StatusNotModified:
		w.restoreETag()
		w.send(Identity)
	case w.accepted == Identity || !transformable(w.request, status, w.Header()):
		w.send(Identity)
	default:
		w.decide()
	}
}

// decide is for answers that may be encoded.
func (w *writer) decide() {
	length, known := contentLength(w.Header())
	typ, typed := w.Header()["Content-Type"]
	switch {
	case known && length < w.compressor.minSize, typed && !textual(first(typ)):
		w.send(Identity)
	case w.request.Method == http.MethodHead:
		if known && typed { // else nobody can know what GET would do
			w.describe()
		}
		w.send(Identity)
	case known && typed:
		w.send(w.accepted)
	default:
		w.pending = true
	}
}

// send sends the header. From here on the answer is encoded, or it is not.
func (w *writer) send(e Encoding) {
	w.pending = false
	if e != Identity {
		w.describe()
		w.encoder = w.compressor.get(e)
		w.encoder.Reset(w.ResponseWriter)
	}
	w.ResponseWriter.WriteHeader(w.status)
}

// describe makes the header that of the encoded answer.
func (w *writer) describe() {
	h := w.Header()
	h.Set("Content-Encoding", w.accepted.String())
	h.Del("Content-Length")
	h.Del("Accept-Ranges") // ranges would be of other bytes
	if tag := h.Get("ETag"); strongETag(tag) {
		h.Set("ETag", withSuffix(tag, w.accepted))
	}
	telemetry.FromContext(w.request.Context()).Encoding = w.accepted.String()
}

// Write holds the first bytes back until there are enough to encode.
func (w *writer) Write(p []byte) (int, error) {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	if w.pending {
		if len(w.held)+len(p) < w.compressor.minSize {
			w.held = append(w.held, p...)
			return len(p), nil
		}
		if err := w.begin(p); err != nil {
			return 0, err
		}
	}
	if w.encoder != nil {
		return w.encoder.Write(p)
	}
	return w.ResponseWriter.Write(p)
}

// begin ends the wait: it sends the header and what was held back. Next is what
// will be written after that; the type is told by the first bytes of both, as
// the server would if they were not encoded.
func (w *writer) begin(next []byte) error {
	h := w.Header()
	e := w.accepted
	if _, typed := h["Content-Type"]; !typed {
		sample := w.held
		if len(sample) == 0 {
			sample = next
		}
		if typ := http.DetectContentType(sample); len(sample) > 0 && textual(typ) {
			h.Set("Content-Type", typ)
		} else {
			e = Identity
		}
	}
	w.send(e)
	return w.writeHeld()
}

func (w *writer) writeHeld() error {
	held := w.held
	w.held = nil
	if len(held) == 0 {
		return nil
	}
	_, err := w.Write(held)
	return err
}

// Flush is [writer.FlushError] for those who cannot use an error.
func (w *writer) Flush() { _ = w.FlushError() }

// FlushError sends all that was written. A handler that flushes has more to
// come, so what is short so far is encoded all the same.
func (w *writer) FlushError() error {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	if w.pending {
		if err := w.begin(nil); err != nil {
			return err
		}
	}
	if w.encoder != nil {
		if err := w.encoder.Flush(); err != nil {
			return err
		}
	}
	return http.NewResponseController(w.ResponseWriter).Flush()
}

// end is for handlers that returned: it ends the coding, or sends what is too
// short to be encoded.
func (w *writer) end() {
	if w.status == 0 {
		vary(w.Header()) // the server will say 200
	}
	if w.pending {
		w.send(Identity)
		_ = w.writeHeld() // a client that has gone reads nothing
	}
	if w.encoder != nil {
		_ = w.encoder.Close()
	}
}

// release returns the encoder, finished or not. It must not keep the response.
func (w *writer) release() {
	if w.encoder != nil {
		w.encoder.Reset(nil)
		w.compressor.put(w.encoder)
		w.encoder = nil
	}
}
