// Package config turns one YAML document, the environment and the command line
// into plain Go structs, strictly, and tells every fault at once with its place.
//
// # What is configured
//
// A package keeps its Config struct beside the code that reads it, and an
// application's Config is made of these. A field is configuration when it has a
// config tag; all others are left alone:
//
//	type Config struct {
//		Listen  string        `config:"listen" default:"127.0.0.1:8080" doc:"Address to listen on."`
//		Timeout time.Duration `config:"timeout" default:"2s" doc:"Longest time for one request."`
//		Users   Upstream      `config:"users" doc:"Where the users live."`
//	}
//
// The tags are config (the key: lower-case letters, digits, - and _), default,
// required ("true") and doc. Fields are text, true or false, numbers, durations,
// [Size], [Secret], types with UnmarshalText, structs, and lists, maps by name
// and pointers of these. A pointer stays nil until something is set below it. An
// embedded struct without a tag is inlined. Defaults also hold inside entries of
// maps and elements of lists. A struct type that breaks these rules is a fault
// of the program, not of its configuration: [Load] and [Reference] panic.
//
// # Which value wins
//
// Every single value, such as upstreams.users.timeout, is layered on its own:
//
//	default tag  <  document  <  environment  <  --set
//
// The environment variable of a key is the prefix and the key in upper case,
// with _ for everything that is no letter or digit: BFF_UPSTREAMS_USERS_TIMEOUT.
// It reaches entries of maps that the document or --set has named, since the
// variable alone cannot tell how a new name is written. --set takes keys as they
// are written in faults, upstreams.users.timeout=150ms, and may name new entries.
// Above the document, a list of single values is set as a whole (a,b,c or a YAML
// list in brackets), and a list of sections cannot be set: position 3 is another
// route after the next edit.
//
// The layers are those of a fresh spf13/viper instance for every Load, never the
// global one, and nothing is watched: to reload is to Load again. viper folds
// the case of keys and reads the process's environment itself; package config
// therefore gives it escaped keys and the environment that was handed in, and
// takes positions, lists and names from the YAML tree.
//
// # What strict means
//
// A key that no field has, a key that stands twice, a value of the wrong type, a
// key without a value, a variable with the prefix that matches no key: each is a
// fault, because each is a setting that somebody believes to be in force. One
// rule reads all single values: they are text as written, and the type of the
// field decides what the text means, in every layer alike. So quotes never
// matter, a text field may hold 1.20 or true, and true is never spelt yes.
//
// The document is UTF-8 without byte order mark, one YAML document, at most
// 1 MiB, 20 000 values and 32 levels deep. Anchors, aliases, merge keys and
// explicit tags are refused: what a line means never depends on another line.
//
// After decoding, every struct that is a [Validator] is asked, inner structs
// first. What it finds is reported beside the other faults, unless the value it
// speaks of was itself not readable. Legal but unwise settings are warnings.
//
// # Secrets
//
// A [Secret] never stands in the document or in a --set. The document says where
// it is, {file: /run/secrets/x} or {env: NAME}, and nothing prints it.
package config
