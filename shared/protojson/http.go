package protojson

import (
	"errors"
	"fmt"
	"strings"

	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// A Rule is one HTTP form of a method (google/api/http.proto).
type Rule struct {
	Method       string // GET, PUT, POST, DELETE, PATCH, or the custom kind as written ("*" is any)
	Template     string // the path template, /v1/books/{id}; its syntax is the reader's to check
	Body         string // the request field that the body is: "*" is the whole message, "" is none
	ResponseBody string // the answer's field that the body is; "" is the whole message
}

func rulesOf(method protoreflect.MethodDescriptor) ([]Rule, error) {
	options := method.Options()
	if options == nil || !proto.HasExtension(options, annotations.E_Http) {
		return nil, nil
	}
	main, ok := proto.GetExtension(options, annotations.E_Http).(*annotations.HttpRule)
	if !ok {
		return nil, errors.New("google.api.http: the option is no HttpRule")
	}
	var rules []Rule
	for i, binding := range append([]*annotations.HttpRule{main}, main.GetAdditionalBindings()...) {
		if i > 0 && len(binding.GetAdditionalBindings()) > 0 {
			return nil, errors.New("google.api.http: an additional binding has additional bindings of its own")
		}
		rule, err := ruleOf(binding, method)
		if err != nil {
			return nil, fmt.Errorf("google.api.http: %w", err)
		}
		rules = append(rules, rule)
	}
	return rules, nil
}

func ruleOf(binding *annotations.HttpRule, method protoreflect.MethodDescriptor) (Rule, error) {
	rule := Rule{Body: binding.GetBody(), ResponseBody: binding.GetResponseBody()}
	switch pattern := binding.GetPattern().(type) {
	case *annotations.HttpRule_Get:
		rule.Method, rule.Template = "GET", pattern.Get
	case *annotations.HttpRule_Put:
		rule.Method, rule.Template = "PUT", pattern.Put
	case *annotations.HttpRule_Post:
		rule.Method, rule.Template = "POST", pattern.Post
	case *annotations.HttpRule_Delete:
		rule.Method, rule.Template = "DELETE", pattern.Delete
	case *annotations.HttpRule_Patch:
		rule.Method, rule.Template = "PATCH", pattern.Patch
	case *annotations.HttpRule_Custom:
		rule.Method, rule.Template = pattern.Custom.GetKind(), pattern.Custom.GetPath()
	}
	if rule.Method == "" || !strings.HasPrefix(rule.Template, "/") {
		return rule, fmt.Errorf("expected a method and a path that begins with '/', not %q %q", rule.Method, rule.Template)
	}
	if rule.Body != "" && rule.Body != "*" {
		if _, err := field(method.Input(), rule.Body); err != nil {
			return rule, fmt.Errorf("body: %w", err)
		}
	}
	if rule.ResponseBody != "" {
		if _, err := field(method.Output(), rule.ResponseBody); err != nil {
			return rule, fmt.Errorf("response_body: %w", err)
		}
	}
	return rule, nil
}
