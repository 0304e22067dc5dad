package page

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/triptych-bff/triptych/deploy/demo/device"
)

// mostPath is how long a path may be.
const mostPath = 2 << 10

// An emulated device is one that a browser cannot be.
type emulated struct {
	*device.Device
	client string // the provider's name for its app
}

// A request is what the page's script asks a device to send.
type request struct {
	User   string          `json:"user"`
	Method string          `json:"method"`
	Path   string          `json:"path"`
	Body   json.RawMessage `json:"body"`
}

// An exchange is the answer of POST /api/devices/{device}/requests.
type exchange struct {
	Trace        string          `json:"trace"`
	Method       string          `json:"method"`
	Path         string          `json:"path"`
	Status       int             `json:"status"`
	MS           float64         `json:"ms"`
	Wire         wire            `json:"wire"`
	Plain        int             `json:"plain"`
	Completeness string          `json:"completeness"`
	Missing      []missing       `json:"missing"`
	Services     traced          `json:"services"`
	Body         json.RawMessage `json:"body"`
}

// wire is what came over the connection, in bytes.
type wire struct {
	Head     int64  `json:"head"`
	Body     int64  `json:"body"`
	Encoding string `json:"encoding"`
}

// missing is a part that a screen has been answered without.
type missing struct {
	Part   string `json:"part"`
	Source string `json:"source"`
	Code   string `json:"code"`
}

func (p *Page) ask(w http.ResponseWriter, r *http.Request) error {
	d, ok := p.devices[r.PathValue("device")]
	if !ok {
		return &problem{http.StatusNotFound, "unknown-device", "The devices that can be asked are phone and tv, not " + quoted(r.PathValue("device")) + "."}
	}
	var in request
	if err := read(w, r, &in); err != nil {
		return err
	}
	if string(in.Body) == "null" {
		in.Body = nil
	}
	if err := p.check(in); err != nil {
		return err
	}
	out, err := p.send(r.Context(), d, in)
	if err != nil {
		return err
	}
	return answer(w, out)
}

func (p *Page) check(in request) error {
	if !slices.ContainsFunc(p.config.Users, func(u User) bool { return u.ID == in.User }) {
		return &problem{http.StatusBadRequest, "unknown-user", "Nobody is named " + quoted(in.User) + "; GET /api/world says who there is."}
	}
	methods := []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete}
	if !slices.Contains(methods, in.Method) {
		return bad("The method is one of " + strings.Join(methods, ", ") + ", not " + quoted(in.Method) + ".")
	}
	if in.Method == http.MethodGet && len(in.Body) > 0 {
		return bad("GET has no body.")
	}
	_, err := url.ParseRequestURI(in.Path)
	if err != nil || !strings.HasPrefix(in.Path, "/") || strings.HasPrefix(in.Path, "//") || strings.ContainsAny(in.Path, "# ") || len(in.Path) > mostPath {
		return bad("The path is that of a URL with its query, such as /v1/home, not " + quoted(in.Path) + ".")
	}
	return nil
}

// send sends the request as the device does.
func (p *Page) send(ctx context.Context, d *emulated, in request) (*exchange, error) {
	token, err := p.tokens.of(ctx, owner{d.client, in.User})
	if err != nil {
		return nil, &problem{http.StatusBadGateway, "no-token", err.Error()}
	}
	id, parent := newTrace()
	header := http.Header{"Accept": {"application/json"}, "Authorization": {"Bearer " + token}, "Traceparent": {parent}}
	if len(in.Body) > 0 {
		header.Set("Content-Type", "application/json")
	}
	got, err := d.Do(ctx, in.Method, in.Path, header, in.Body)
	if err != nil {
		return nil, failed(err)
	}
	if got.Status == http.StatusUnauthorized {
		p.tokens.forget(owner{d.client, in.User})
	}
	out := &exchange{
		Trace: id, Method: in.Method, Path: in.Path, Status: got.Status,
		MS:   float64(got.Took.Round(10*time.Microsecond)) / float64(time.Millisecond),
		Wire: wire{got.Head, got.Body, got.Encoding}, Plain: len(got.Plain),
		Services: p.trace(ctx, id), Body: body(got.Plain),
	}
	out.Completeness, out.Missing = completeness(got)
	return out, nil
}

// failed is the problem of an exchange that did not come to an answer.
func failed(err error) error {
	switch {
	case errors.Is(err, device.ErrUnreachable):
		return &problem{http.StatusBadGateway, "gateway-unreachable", err.Error()}
	case errors.Is(err, context.DeadlineExceeded):
		return &problem{http.StatusGatewayTimeout, "gateway-timeout", "The gateway has not answered within " + device.Patience.String() + "."}
	case errors.Is(err, context.Canceled): // or the browser has left, and reads nothing
		return &problem{http.StatusServiceUnavailable, "stopping", "The demo is being stopped."}
	}
	return &problem{http.StatusBadGateway, "bad-answer", "The gateway's answer cannot be read: " + err.Error() + "."}
}

// completeness is what a screen says about itself.
func completeness(a *device.Answer) (word string, parts []missing) {
	var screen struct {
		Meta struct {
			Errors []missing `json:"errors"`
		} `json:"_meta"`
	}
	if json.Unmarshal(a.Plain, &screen) != nil || screen.Meta.Errors == nil {
		screen.Meta.Errors = []missing{} // not null, in JSON
	}
	word, _, _ = strings.Cut(a.Header.Get("BFF-Completeness"), ",")
	switch {
	case a.Status >= http.StatusBadRequest:
		word = "none"
	case word == "":
		word = "full" // of what is no screen
	}
	return word, screen.Meta.Errors
}

// body is an answer's body as a part of ours.
func body(plain []byte) json.RawMessage {
	switch {
	case len(plain) == 0:
		return json.RawMessage("null")
	case json.Valid(plain):
		return plain
	}
	text, _ := json.Marshal(strings.ToValidUTF8(string(plain), "\uFFFD")) // a string
	return text
}
