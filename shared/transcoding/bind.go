package transcoding

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/triptych-bff/triptych/shared/problem"
	"github.com/triptych-bff/triptych/shared/projection"
	"github.com/triptych-bff/triptych/shared/protojson"
)

// message is the request message: the body, then the query, then what the path
// says, which has the last word.
func (r *rule) message(w http.ResponseWriter, req *http.Request, values []string) (proto.Message, error) {
	body, err := readBody(w, req)
	if err != nil {
		return nil, err
	}
	message, err := r.decode(body)
	if err != nil {
		return nil, err
	}
	var faults []problem.Field
	if req.URL.RawQuery != "" {
		if faults, err = r.bindQuery(message.ProtoReflect(), req.URL.RawQuery); err != nil {
			return nil, err
		}
	}
	if len(faults) > 0 {
		p := problem.BadRequest.New("The query has parameters that cannot be used.")
		p.Fields = faults
		return nil, p
	}
	for i, path := range r.path {
		if err := bind(message.ProtoReflect(), path, values[i]); err != nil {
			return nil, problem.BadRequest.New(fmt.Sprintf("In the path, %s: %v.", r.template.fields[i].path, err))
		}
	}
	return message, nil
}

// maxBody is how long a body may be at most, whatever the edge allows: what gRPC
// servers accept by default.
const maxBody = 4 << 20

// readBody is the request's JSON, or nothing.
func readBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	if r.Body == nil || r.Body == http.NoBody {
		return nil, nil
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	switch {
	case err != nil:
		return nil, bodyError(err)
	case len(body) == 0:
		return nil, nil
	}
	return body, checkType(r.Header)
}

// bodyError keeps what is a problem already; all else is a client that broke off.
func bodyError(err error) error {
	if p := problem.From(err); p.Kind != problem.Internal {
		return p
	}
	return problem.BadRequest.Wrap(err, "The body is incomplete.")
}

// checkType takes JSON in UTF-8 and nothing that it would have to guess.
func checkType(h http.Header) error {
	media, params, err := mime.ParseMediaType(h.Get("Content-Type"))
	charset := params["charset"]
	switch {
	case err != nil || media != "application/json" || charset != "" && !strings.EqualFold(charset, "utf-8"):
		p := problem.UnsupportedMediaType.New("The body must be application/json.")
		p.Header = http.Header{"Accept": {"application/json"}} // RFC 9110 §15.5.16
		return p
	case h.Get("Content-Encoding") != "":
		p := problem.UnsupportedMediaType.New("The body must not have a content coding.")
		p.Header = http.Header{"Accept-Encoding": {"identity"}}
		return p
	}
	return nil
}

// decode is the message of the body alone.
func (r *rule) decode(body []byte) (proto.Message, error) {
	switch {
	case len(body) == 0:
		return r.rpc.NewInput(), nil
	case r.body == "":
		return nil, problem.BadRequest.New("This request must not have a body.")
	case r.body == "*":
		return input(r.rpc.Decode(body))
	}
	// The field's value is decoded as a member of the message. It is validated
	// alone first, so that it cannot end and go on with another member.
	if err := projection.Valid(body); err != nil {
		return nil, problem.BadRequest.Wrap(err, "The body is not JSON.")
	}
	member := append(append([]byte(`{"`+r.body+`":`), body...), '}')
	return input(r.rpc.Decode(member))
}

func input(m proto.Message, err error) (proto.Message, error) {
	var wrong *protojson.InputError
	switch {
	case errors.As(err, &wrong):
		return nil, problem.BadRequest.Wrap(err, "The body does not fit: "+wrong.Detail)
	case err != nil:
		return nil, problem.BadRequest.Wrap(err, "The body does not fit.")
	}
	return m, nil
}

// bindQuery sets the fields that the query names, and collects all that cannot
// be set.
func (r *rule) bindQuery(m protoreflect.Message, query string) ([]problem.Field, error) {
	values, err := url.ParseQuery(query)
	if err != nil {
		return nil, problem.BadRequest.Wrap(err, "The query is malformed.")
	}
	var faults []problem.Field
	var seen []string
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if seen, err = r.bindParameter(m, name, values[name], seen); err != nil {
			faults = append(faults, problem.Field{Pointer: "?" + name, Detail: err.Error()})
		}
	}
	return faults, nil
}

// bindParameter sets one field, unless it was set: a field has two spellings.
func (r *rule) bindParameter(m protoreflect.Message, name string, values, seen []string) ([]string, error) {
	if r.body == "*" {
		return seen, errors.New("everything but the path stands in the body")
	}
	path, err := resolve(m.Descriptor(), name)
	if err != nil {
		return seen, err
	}
	full := spell(path)
	switch {
	case r.bound(full):
		return seen, errors.New("stands in the path")
	case r.body != "" && overlap(full, r.body):
		return seen, errors.New("stands in the body")
	case slices.ContainsFunc(seen, func(s string) bool { return overlap(s, full) }):
		return seen, errors.New("is given twice")
	}
	last := path[len(path)-1]
	switch {
	case last.IsMap() || !single(last):
		return seen, errors.New("cannot be given in a query")
	case !last.IsList() && len(values) > 1:
		return seen, errors.New("is given twice")
	}
	for _, value := range values {
		if err := bind(m, path, value); err != nil {
			return seen, err
		}
	}
	return append(seen, full), nil
}

func (r *rule) bound(full string) bool {
	return slices.ContainsFunc(r.path, func(p []protoreflect.FieldDescriptor) bool { return overlap(spell(p), full) })
}

// spell is a field path in the names of the .proto file.
func spell(path []protoreflect.FieldDescriptor) string {
	names := make([]string, len(path))
	for i, f := range path {
		names[i] = string(f.Name())
	}
	return strings.Join(names, ".")
}
