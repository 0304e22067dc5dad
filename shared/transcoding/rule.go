package transcoding

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/triptych-bff/triptych/shared/projection"
	"github.com/triptych-bff/triptych/shared/protojson"
)

// A rule is one HTTP form of a method, compiled.
type rule struct {
	rpc      *protojson.Method
	template *template
	path     [][]protoreflect.FieldDescriptor // the fields of the template, by capture
	body     string                           // "", "*" or a field
	response *projection.Path                 // nil: the whole message
}

var anyMethod = []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete}

func (t *Transcoder) compile(files *protojson.Files, names []string) error {
	faults := known(files, names)
	for _, service := range files.Services() {
		if len(names) > 0 && !slices.Contains(names, string(service.FullName())) {
			continue
		}
		for i := range service.Methods().Len() {
			if err := t.addMethod(files, service, service.Methods().Get(i)); err != nil {
				faults = append(faults, fmt.Errorf("transcoding: %s: %w", service.Methods().Get(i).FullName(), err))
			}
		}
	}
	return errors.Join(append(faults, t.sort()...)...)
}

func known(files *protojson.Files, names []string) (faults []error) {
	for _, name := range names {
		has := func(s protoreflect.ServiceDescriptor) bool { return string(s.FullName()) == name }
		if !slices.ContainsFunc(files.Services(), has) {
			faults = append(faults, fmt.Errorf("transcoding: the descriptors have no service %s", name))
		}
	}
	return faults
}

func (t *Transcoder) addMethod(files *protojson.Files, service protoreflect.ServiceDescriptor, m protoreflect.MethodDescriptor) error {
	rpc, err := files.Method(string(service.FullName()), string(m.Name()))
	if err != nil {
		return err
	}
	rules := rpc.HTTPRules()
	if len(rules) == 0 {
		return nil
	}
	if why := unserved(m); why != "" {
		t.skipped = append(t.skipped, fmt.Sprintf("%s is not served as REST: %s", m.FullName(), why))
		return nil
	}
	for _, r := range rules {
		if err := t.addRule(rpc, r); err != nil {
			return err
		}
	}
	return nil
}

func unserved(m protoreflect.MethodDescriptor) string {
	switch {
	case m.IsStreamingClient():
		return "it streams requests"
	case m.IsStreamingServer():
		return "it streams answers"
	case m.Output().FullName() == "google.api.HttpBody":
		return "it answers google.api.HttpBody"
	case m.Input().FullName() == "google.api.HttpBody":
		return "it asks for google.api.HttpBody"
	}
	return ""
}

func (t *Transcoder) addRule(rpc *protojson.Method, r protojson.Rule) error {
	compiled, err := compileRule(rpc, r)
	if err != nil {
		return err
	}
	methods := []string{r.Method}
	switch {
	case r.Method == "*":
		methods = anyMethod
	case !slices.Contains(anyMethod, r.Method):
		t.skipped = append(t.skipped, fmt.Sprintf("%s is not served as %s %s: only %v are", rpc.Descriptor().FullName(), r.Method, r.Template, anyMethod))
		return nil
	}
	for _, method := range methods {
		t.rules[method] = append(t.rules[method], compiled)
	}
	return nil
}

func compileRule(rpc *protojson.Method, r protojson.Rule) (*rule, error) {
	tpl, err := parseTemplate(r.Template)
	if err != nil {
		return nil, err
	}
	compiled := &rule{rpc: rpc, template: tpl, body: r.Body}
	for _, c := range tpl.fields {
		path, err := resolve(rpc.Descriptor().Input(), c.path)
		if err != nil {
			return nil, fmt.Errorf("template %q: %w", r.Template, err)
		}
		if last := path[len(path)-1]; last.IsList() || last.IsMap() || !single(last) {
			return nil, fmt.Errorf("template %q: the field %q cannot be bound to text", r.Template, c.path)
		}
		if r.Body != "" && r.Body != "*" && overlap(c.path, r.Body) {
			return nil, fmt.Errorf("template %q: the field %q is also in the body", r.Template, c.path)
		}
		compiled.path = append(compiled.path, path)
	}
	if r.ResponseBody != "" {
		if compiled.response, err = projection.CompilePath(r.ResponseBody); err != nil {
			return nil, fmt.Errorf("response_body: %w", err)
		}
	}
	return compiled, nil
}

// sort puts the rules in order of precedence and reports those that tie: one of
// them would never be reached.
func (t *Transcoder) sort() (faults []error) {
	for _, method := range slices.Sorted(slices.Values(anyMethod)) {
		rules := t.rules[method]
		slices.SortStableFunc(rules, func(a, b *rule) int { return a.template.compare(b.template) })
		for i, r := range rules {
			t.routes = append(t.routes, Route{Method: method, Template: r.template.text, RPC: r.rpc.Name()})
			if i > 0 && rules[i-1].template.compare(r.template) == 0 {
				faults = append(faults, fmt.Errorf("transcoding: %s %s of %s and %s of %s match the same paths",
					method, rules[i-1].template.text, rules[i-1].rpc.Name(), r.template.text, r.rpc.Name()))
			}
		}
	}
	slices.SortStableFunc(t.routes, func(a, b Route) int { return cmp.Compare(a.Method, b.Method) })
	return faults
}
