package config

import (
	"encoding"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// A scalar reads one single value from its text, the same way in every layer.
type scalar struct {
	word   string // in the reference: "duration"
	expect string // in a fault: "a duration such as 150ms"
	set    func(v reflect.Value, text string) error
}

// errForm says that the text does not have the expected form, and nothing more.
var errForm = errors.New("not of the expected form")

var (
	durationType    = reflect.TypeFor[time.Duration]()
	sizeType        = reflect.TypeFor[Size]()
	secretType      = reflect.TypeFor[Secret]()
	stringType      = reflect.TypeFor[string]()
	unmarshalerType = reflect.TypeFor[encoding.TextUnmarshaler]()
	validatorType   = reflect.TypeFor[Validator]()
)

// scalarOf is how a type is read as a single value, or nil when it is not one.
func scalarOf(t reflect.Type) *scalar {
	switch {
	case t == durationType:
		return &scalar{"duration", "a duration such as 150ms", setDuration}
	case t == sizeType:
		return &scalar{"size", "a size such as 64KiB or 1MiB", setSize}
	case reflect.PointerTo(t).Implements(unmarshalerType):
		return &scalar{t.String(), "a " + t.String(), setText}
	}
	switch t.Kind() {
	case reflect.String:
		return &scalar{"text", "text", setString}
	case reflect.Bool:
		return &scalar{"true or false", "true or false", setBool}
	case reflect.Int, reflect.Int64:
		return &scalar{"whole number", "a whole number such as 3", setInt}
	case reflect.Int8, reflect.Int16, reflect.Int32:
		most := uint64(1)<<(t.Bits()-1) - 1
		return wholeNumber(fmt.Sprintf("from -%d to %d", most+1, most), setInt)
	case reflect.Uint8, reflect.Uint16, reflect.Uint32:
		return wholeNumber(fmt.Sprintf("from 0 to %d", uint64(1)<<t.Bits()-1), setUint)
	case reflect.Uint, reflect.Uint64:
		return wholeNumber("from 0", setUint)
	case reflect.Float32, reflect.Float64:
		return &scalar{"number", "a number such as 0.5", setFloat}
	}
	return nil
}

func wholeNumber(within string, set func(reflect.Value, string) error) *scalar {
	return &scalar{"whole number " + within, "a whole number " + within, set}
}

// read sets v, or says in words what the text should have been.
func (s *scalar) read(v reflect.Value, text string) error {
	err := s.set(v, text)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, errForm):
		return fmt.Errorf("expected %s, not %s", s.expect, excerpt(text))
	}
	return fmt.Errorf("expected %s: %w", s.expect, err)
}

func setString(v reflect.Value, text string) error {
	v.SetString(text)
	return nil
}

func setBool(v reflect.Value, text string) error {
	if text != "true" && text != "false" {
		return errForm
	}
	v.SetBool(text == "true")
	return nil
}

func setInt(v reflect.Value, text string) error {
	n, err := strconv.ParseInt(text, 10, v.Type().Bits())
	if err != nil {
		return errForm
	}
	v.SetInt(n)
	return nil
}

func setUint(v reflect.Value, text string) error {
	n, err := strconv.ParseUint(text, 10, v.Type().Bits())
	if err != nil {
		return errForm
	}
	v.SetUint(n)
	return nil
}

// setFloat takes finite decimal numbers only: what is configured is a share or a
// factor, and nobody who writes Inf or 0x1p-2 means one.
func setFloat(v reflect.Value, text string) error {
	n, err := strconv.ParseFloat(text, v.Type().Bits())
	if err != nil || math.IsInf(n, 0) || math.IsNaN(n) || strings.ContainsAny(text, "xX_") {
		return errForm
	}
	v.SetFloat(n)
	return nil
}

func setDuration(v reflect.Value, text string) error {
	d, err := time.ParseDuration(text)
	if err != nil {
		return errForm
	}
	v.SetInt(int64(d))
	return nil
}

func setSize(v reflect.Value, text string) error {
	if v.Addr().Interface().(*Size).UnmarshalText([]byte(text)) != nil {
		return errForm
	}
	return nil
}

func setText(v reflect.Value, text string) error {
	return v.Addr().Interface().(encoding.TextUnmarshaler).UnmarshalText([]byte(text))
}
