package config

import (
	"strings"

	"github.com/spf13/viper"
	"go.yaml.in/yaml/v3"
)

// A layer is where a value comes from; the higher one wins.
type layer uint8

const (
	byDefault layer = iota
	byDocument
	byEnvironment
	byCommand
)

// command stands where a fault of --set has its file.
const command = "--set"

// A place is where a value stands.
type place struct {
	layer        layer
	file         string
	line, column int
}

// A setting is the value that one layer gives to one key.
type setting struct {
	place
	node *yaml.Node
}

// A variable is the value that the environment gives to one key. To viper it is
// a flag that was given: viper's own layer for the environment reads that of the
// process, which cannot be handed in.
type variable struct{ name, text string }

func (v *variable) HasChanged() bool    { return true }
func (v *variable) Name() string        { return v.name }
func (v *variable) ValueString() string { return v.text }
func (v *variable) ValueType() string   { return "string" }

// layers decides for every key which value wins. The deciding is viper's: a
// default, the document as its configuration, the environment as its flags, and
// --set as its overrides. Keys are folded, because viper does not tell userId
// from userid. They stand side by side in one map of viper's, and have no
// delimiter, so that viper nests nothing else; into its outer map viper merges in
// time by the square of the keys.
type layers struct {
	viper     *viper.Viper
	variables map[string]*variable // by folded key: which variable a text of viper's came from
}

func newLayers() *layers {
	return &layers{viper.NewWithOptions(viper.KeyDelimiter(delimiter)), make(map[string]*variable)}
}

func (l *layers) setDefault(key string, node *yaml.Node) {
	l.viper.SetDefault(path(key), &setting{place{layer: byDefault}, node})
}

func (l *layers) setDocument(document map[string]*setting) {
	folded := make(map[string]any, len(document))
	for key, s := range document {
		folded[fold(key)] = s
	}
	_ = l.viper.MergeConfigMap(map[string]any{values: folded}) // never fails
}

func (l *layers) setEnvironment(key string, v *variable) {
	l.variables[fold(key)] = v
	_ = l.viper.BindFlagValue(path(key), v) // fails only for nil
}

func (l *layers) setCommand(key string, node *yaml.Node) {
	l.viper.Set(path(key), &setting{place{layer: byCommand, file: command}, node})
}

// winner is the value that a key has, as a setting or, from the environment, as
// a variable that is still to be read; both are nil when no layer has one.
func (l *layers) winner(key string) (*setting, *variable) {
	switch v := l.viper.Get(path(key)).(type) {
	case *setting:
		return v, nil
	case string:
		return nil, l.variables[fold(key)]
	default:
		return nil, nil
	}
}

const (
	delimiter = "\x00"
	values    = "values" // the one map
)

// path is where viper finds a key.
func path(key string) string { return values + delimiter + fold(key) }

const hex = "0123456789abcdef"

// fold writes a key so that no two keys are the same to viper: bytes that
// lower-casing could touch are written as \x01 and two hexadecimal digits.
func fold(key string) string {
	var b strings.Builder
	for i := range len(key) {
		switch c := key[i]; {
		case c >= 'A' && c <= 'Z', c >= 0x80, c <= 0x01:
			b.Write([]byte{0x01, hex[c>>4], hex[c&15]})
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}
