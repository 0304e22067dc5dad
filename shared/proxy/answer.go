package proxy

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strings"

	"golang.org/x/net/http/httpguts"

	"github.com/triptych-bff/triptych/shared/telemetry"
)

// An answer stands between ReverseProxy and the client. ReverseProxy writes the
// service's headers into a map of their own, so that they are screened before
// they meet those of the gateway: informational answers, of which there can be
// several, and trailers as well.
type answer struct {
	http.ResponseWriter
	request  *http.Request // the client's
	exchange *telemetry.Exchange
	header   http.Header // the service's; once the head is sent, its trailers
	begun    bool
	upload   *upload   // nil where the request has no body
	tunnel   io.Closer // the service's end of it
}

// Unwrap is for [http.ResponseController].
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// Header is the service's headers.
func (a *answer) Header() http.Header { return a.header }

// WriteHeader sends the head.
func (a *answer) WriteHeader(status int) {
	if status < http.StatusOK {
		a.inform(status)
		return
	}
	a.begun = true
	merge(a.ResponseWriter.Header(), a.header)
	a.header = make(http.Header)
	a.closeIfEarly()
	a.ResponseWriter.WriteHeader(status)
}

// inform passes an informational answer on, with the service's headers alone.
// 100 is between the service and us, and HTTP/1.0 has none (RFC 9110 §15.2).
func (a *answer) inform(status int) {
	if status == http.StatusContinue || !a.request.ProtoAtLeast(1, 1) {
		return
	}
	screen(a.header)
	final := a.ResponseWriter.Header()
	set := maps.Clone(final)
	clear(final)
	maps.Copy(final, a.header)
	a.ResponseWriter.WriteHeader(status)
	clear(final)
	maps.Copy(final, set)
}

// Write notes the client's leaving, which the status in the log hides.
func (a *answer) Write(p []byte) (int, error) {
	n, err := a.ResponseWriter.Write(p)
	if err != nil {
		a.note(classify(err, true), err)
	}
	return n, err
}

// sendTrailers hands over what came behind the body.
func (a *answer) sendTrailers() {
	if a.tunnel != nil {
		return
	}
	for key, values := range a.header {
		name := http.CanonicalHeaderKey(strings.TrimPrefix(key, http.TrailerPrefix))
		if shown(name) && httpguts.ValidTrailerHeader(name) {
			a.ResponseWriter.Header()[key] = values
		}
	}
}

var errSwitched = errors.New("the service switched protocols unasked")

// receive judges an answer before anything of it is sent. Its error becomes the
// answer instead.
func (a *answer) receive(resp *http.Response) error {
	if resp.StatusCode == http.StatusSwitchingProtocols {
		return a.switchTo(resp)
	}
	screen(resp.Header)
	if err := refusal(resp); err != nil {
		return err
	}
	resp.Body = &body{resp.Body, a}
	return nil
}

// switchTo lets the connection become a WebSocket. ReverseProxy sends this answer
// past WriteHeader, so the gateway's headers are put into it here.
func (a *answer) switchTo(resp *http.Response) error {
	upgrade := resp.Header["Upgrade"]
	both, ok := resp.Body.(io.ReadWriteCloser)
	if !ok || !asksForWebSocket(a.request) || len(upgrade) != 1 || !strings.EqualFold(upgrade[0], "websocket") {
		return unusable(errSwitched)
	}
	screen(resp.Header)
	h := a.ResponseWriter.Header().Clone()
	merge(h, resp.Header)
	h["Connection"], h["Upgrade"] = []string{"Upgrade"}, []string{"websocket"}
	resp.Header, resp.Body = h, tunnel{both}
	a.tunnel = both
	return nil
}

// closeTunnel ends the call before the request is over. ReverseProxy does so a
// little later, or never where the client's connection cannot be given away.
func (a *answer) closeTunnel() {
	if a.tunnel != nil {
		_ = a.tunnel.Close()
	}
}

// A tunnel ends when the service ends it: half-closed connections are no part
// of WebSocket, and one whose client stays silent would be held for ever.
type tunnel struct{ io.ReadWriteCloser }

var errTunnelEnded = errors.New("the service ended the tunnel")

func (t tunnel) Read(p []byte) (int, error) {
	n, err := t.ReadWriteCloser.Read(p)
	if errors.Is(err, io.EOF) {
		err = errTunnelEnded
	}
	return n, err
}

// A body notes why it ended early.
type body struct {
	io.ReadCloser
	answer *answer
}

func (b *body) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil && err != io.EOF {
		b.answer.note(classify(err, b.answer.gone()), fmt.Errorf("answer cut: %w", err))
	}
	return n, err
}
