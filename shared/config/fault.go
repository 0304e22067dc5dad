package config

import (
	"fmt"
	"strings"
)

// A Fault is one thing that is wrong, or unwise when it is a warning, with its place.
type Fault struct {
	File    string // the document's name, the name of an environment variable, or "--set"
	Line    int    // from 1; 0 when there is no line to point at
	Column  int    // from 1, in characters; 0 when there is none
	Key     string // the full key, such as "upstreams.users.timeout" or "routes[2].path"; "" for the whole
	Message string // what is wrong, and what would be right
}

// String is the fault in one line, in the form that editors and terminals know
// how to jump to: file:line:column: key: message.
func (f Fault) String() string {
	var b strings.Builder
	b.WriteString(f.File)
	if f.Line > 0 {
		fmt.Fprintf(&b, ":%d", f.Line)
	}
	if f.Line > 0 && f.Column > 0 {
		fmt.Fprintf(&b, ":%d", f.Column)
	}
	b.WriteString(": ")
	if f.Key != "" {
		b.WriteString(f.Key + ": ")
	}
	b.WriteString(f.Message)
	return b.String()
}

// Faults are all faults of one load: those of the document by line, then those
// of the environment by name, then those of --set.
type Faults []Fault

// Error has one line for each fault.
func (f Faults) Error() string {
	lines := make([]string, len(f))
	for i, fault := range f {
		lines[i] = fault.String()
	}
	return strings.Join(lines, "\n")
}

// A Validator checks what types cannot say: ranges, choices, fields that need or
// exclude each other. Validate is called on every struct of the configuration,
// by value or pointer, after the structs inside it. It only looks and reports:
// it may meet zero values where the document was at fault, and the Validate of
// an embedded struct runs more than once, which shows each finding once.
type Validator interface {
	Validate(c *Check)
}

// A Check collects what one [Validator] finds.
type Check struct {
	load *load
	key  string
}

// Fault reports something wrong. The key is relative to the struct ("timeout",
// "routes[2].path", see [Key]); "" is the struct itself.
func (c *Check) Fault(key, format string, args ...any) {
	c.load.invalid(within(c.key, key), fmt.Sprintf(format, args...))
}

// Warn reports something legal but unwise, and should say why. The key is as for [Check.Fault].
func (c *Check) Warn(key, format string, args ...any) {
	c.load.warn(within(c.key, key), fmt.Sprintf(format, args...))
}
