package compression

import (
	"fmt"
	"io"
	"slices"
	"sync"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/triptych-bff/triptych/shared/config"
)

// Config says what is offered. The zero value compresses nothing.
type Config struct {
	Encodings []string    `config:"encodings" default:"zstd,gzip" doc:"Codings to offer, the preferred one first: zstd, gzip. An empty list turns compression off."`
	MinSize   config.Size `config:"min_size" default:"1KiB" doc:"Smaller answers are sent as they are: they fit into one packet either way."`
}

// Validate reports codings that are not offered here.
func (c Config) Validate(check *config.Check) {
	if _, err := c.encodings(); err != nil {
		check.Fault("encodings", "%s", err)
	}
	if c.MinSize < 0 || c.MinSize > maxMinSize {
		check.Fault("min_size", "must be from 0 to %s: so much of every answer is held back until its length is known", config.Size(maxMinSize))
	}
}

const maxMinSize = 64 * config.KiB

func (c Config) encodings() ([]Encoding, error) {
	var list []Encoding
	for _, name := range c.Encodings {
		e, known := parseEncoding(name)
		if !known || e == Identity {
			return nil, fmt.Errorf("%q is not zstd or gzip", name)
		}
		if slices.Contains(list, e) {
			return nil, fmt.Errorf("%q stands twice", name)
		}
		list = append(list, e)
	}
	return list, nil
}

// A Compressor is safe for use by many goroutines.
type Compressor struct {
	encodings []Encoding
	minSize   int
	pools     [encodings]sync.Pool // of *encoder
}

// New is a compressor. Its error names a coding that does not exist.
func New(c Config) (*Compressor, error) {
	list, err := c.encodings()
	if err != nil {
		return nil, fmt.Errorf("compression: %w", err)
	}
	k := &Compressor{encodings: list, minSize: int(c.MinSize)}
	for _, e := range list {
		first, err := newEncoder(e)
		if err != nil {
			return nil, fmt.Errorf("compression: %w", err)
		}
		k.pools[e].Put(first)
	}
	return k, nil
}

// Encode appends src, encoded, to dst. It reports whether that is worth
// sending; if not, dst is returned at its old length, and src is what to send:
// for Identity, for bodies below the minimum size, and for those that do not
// become at least a tenth smaller.
func (c *Compressor) Encode(dst, src []byte, e Encoding) ([]byte, bool) {
	if !slices.Contains(c.encodings, e) || len(src) == 0 || len(src) < c.minSize {
		return dst, false
	}
	coder := c.get(e)
	defer c.put(coder)
	out := coder.append(dst, src)
	if len(out)-len(dst) > len(src)-len(src)/10 {
		return out[:len(dst)], false
	}
	return out, true
}

// encoder is a pooled encoder of one coding. One of the two is set.
type encoder struct {
	stream
	encoding Encoding
	zstd     *zstd.Encoder
	whole    sink // where gzip writes a whole body
}

// stream is what both encoders have in common.
type stream interface {
	io.WriteCloser
	Flush() error
	Reset(w io.Writer)
}

const (
	gzipLevel  = 5
	zstdWindow = 128 << 10
)

func newEncoder(e Encoding) (*encoder, error) {
	if e == Gzip {
		w, err := gzip.NewWriterLevel(nil, gzipLevel)
		return &encoder{stream: w, encoding: e}, err
	}
	w, err := zstd.NewWriter(nil,
		zstd.WithEncoderLevel(zstd.SpeedFastest),
		zstd.WithEncoderConcurrency(1),
		zstd.WithWindowSize(zstdWindow),
		zstd.WithLowerEncoderMem(true),
		zstd.WithEncoderCRC(false), // four bytes for what TLS ensures
	)
	return &encoder{stream: w, encoding: e, zstd: w}, err
}

// append encodes a whole body.
func (e *encoder) append(dst, src []byte) []byte {
	if e.zstd != nil {
		return e.zstd.EncodeAll(src, dst)
	}
	e.whole.b = dst
	e.Reset(&e.whole)
	_, _ = e.Write(src) // into memory: cannot fail
	_ = e.Close()
	dst, e.whole.b = e.whole.b, nil
	return dst
}

// sink is a slice that is written to.
type sink struct{ b []byte }

func (s *sink) Write(p []byte) (int, error) {
	s.b = append(s.b, p...)
	return len(p), nil
}

// get is an encoder for one of the offered codings.
func (c *Compressor) get(e Encoding) *encoder {
	if pooled, ok := c.pools[e].Get().(*encoder); ok {
		return pooled
	}
	fresh, err := newEncoder(e)
	if err != nil {
		panic(err) // New made one with the same options
	}
	return fresh
}

func (c *Compressor) put(e *encoder) { c.pools[e.encoding].Put(e) }
