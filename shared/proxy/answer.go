package proxy

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strings"

	"golang.org/x/net/http/httpguts"

	"github.com/triptych-bff/triptych/shared/http1"
	"github.com/triptych-bff/triptych/shared/telemetry"
	"github.com/triptych-bff/triptych/shared/upstream"
)

// An answer is one request's on its way from the service to the client.
type answer struct {
	w        http.ResponseWriter
	request  *http.Request // the client's
	exchange *telemetry.Exchange
	upgrade  string           // the protocol that the client asks for; empty or websocket
	upload   *upload          // nil where the request's body is small, or there is none
	stream   *upstream.Stream // nil before the service has answered
	begun    bool             // something may have been sent that cannot be taken back
}

// close lets go of the service, and of the request's body, before the request is
// over. In this order: whoever sends the body may be waiting for the service.
func (a *answer) close() {
	if a.stream != nil {
		a.stream.Close()
	}
	if a.upload != nil {
		a.upload.end(http.NewResponseController(a.w))
	}
}

// inform passes an informational answer on, with the service's headers alone.
// HTTP/1.0 has none (RFC 9110 §15.2).
func (a *answer) inform(head *http1.Head) {
	if !a.request.ProtoAtLeast(1, 1) {
		return
	}
	final := a.w.Header()
	set := maps.Clone(final)
	clear(final)
	merge(final, endToEnd(head.Fields))
	a.w.WriteHeader(head.Status)
	clear(final)
	maps.Copy(final, set)
}

// receive sends what the service has answered, or what stands in its place.
func (a *answer) receive(service *upstream.Service, leave func()) {
	x := a.stream
	if x.Status == http.StatusSwitchingProtocols {
		a.tunnel(service.Stall(), leave)
		return
	}
	header := endToEnd(x.Header)
	instead, hollow := refusal(x.Status, header)
	if instead != nil {
		a.fail(instead)
		return
	}
	h := a.w.Header()
	if hollow { // nobody looks at its body
		merge(h, header)
		empty(h)
		a.begin(x.Status)
		return
	}
	first, err := a.first(x)
	if err != nil {
		a.fail(err)
		return
	}
	merge(h, header)
	if x.Status == http.StatusNoContent {
		delete(h, "Content-Length") // RFC 9110 §8.6; net/http sees to it over HTTP/1 only
	}
	if _, typed := h["Content-Type"]; !typed {
		h["Content-Type"] = nil // keeps net/http from guessing one, which may be HTML
	}
	announce(h, header)
	a.begin(x.Status)
	if err := a.send(x, first); err != nil {
		panic(http.ErrAbortHandler) // the client must not take a part for the whole
	}
	a.sendTrailers(x.Trailer())
}

// begin writes the head, which net/http holds back until there is more to send.
func (a *answer) begin(status int) {
	a.begun = true
	a.closeIfEarly()
	a.w.WriteHeader(status)
}

// smallAnswer is how long an answer of known length may be that is sent in one
// piece, however slowly it comes. More than this net/http does not hold back.
const smallAnswer = 2 << 10

// first is the first piece of the body, where it is there already or the head has
// to wait for it anyway: what is wrong so early can still become a problem.
func (a *answer) first(x *upstream.Stream) ([]byte, error) {
	if x.Ended() || !small(x) && x.Waits() {
		return nil, nil
	}
	piece, err := x.Next()
	if errors.Is(err, io.EOF) {
		return nil, nil
	}
	return piece, err
}

func small(x *upstream.Stream) bool { return 0 <= x.Length && x.Length <= smallAnswer }

// send copies the body as it comes, behind its first piece. What has been written
// is flushed when more has to be waited for, and only then: a flush costs a system
// call, at the client as well. The error has been noted.
func (a *answer) send(x *upstream.Stream, first []byte) error {
	small := small(x)
	for piece := first; ; {
		if len(piece) > 0 {
			if _, err := a.w.Write(piece); err != nil {
				return a.lost(err)
			}
		}
		if x.Ended() {
			return nil
		}
		if !small && x.Waits() {
			if err := http.NewResponseController(a.w).Flush(); err != nil {
				return a.lost(err)
			}
		}
		var err error
		if piece, err = x.Next(); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			a.note(classify(err, a.gone()), fmt.Errorf("answer cut: %w", err))
			return err
		}
	}
}

// lost notes the client's leaving, which the status in the log hides. A writer of
// HTTP/2 returns when the stream was reset, perhaps before it has let go of what it
// was given.
func (a *answer) lost(err error) error {
	a.stream.Keep()
	a.note(classify(err, true), err)
	return err
}

// announce says which trailers come behind the body, as the service has.
func announce(h http.Header, service http1.Fields) {
	for _, f := range service {
		if !f.Is("Trailer") {
			continue
		}
		for name := range strings.SplitSeq(f.Value, ",") {
			if name = http.CanonicalHeaderKey(strings.Trim(name, " \t")); trails(name) {
				h["Trailer"] = append(h["Trailer"], name)
			}
		}
	}
}

// sendTrailers hands over what came behind the body, announced or not. The body is
// sent before: a short one, of which net/http then knows the length, would go out
// with that, and without trailers.
func (a *answer) sendTrailers(service http1.Fields) {
	if len(service) > 0 {
		_ = http.NewResponseController(a.w).Flush() // a client that has gone reads nothing
	}
	for _, f := range service {
		if name := http.CanonicalHeaderKey(f.Name); trails(name) {
			key := http.TrailerPrefix + name
			a.w.Header()[key] = append(a.w.Header()[key], f.Value)
		}
	}
}

// trails tells whether a service's trailer reaches the client.
func trails(name string) bool { return reachesClient(name) && httpguts.ValidTrailerHeader(name) }
