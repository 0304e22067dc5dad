package compression

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	stdgzip "compress/gzip"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"
	"github.com/triptych-bff/triptych/shared/config"
)

// orders is JSON of at least n bytes, as services answer it.
func orders(n int) []byte {
	var b bytes.Buffer
	b.WriteString(`{"items":[`)
	for i := 0; b.Len() < n; i++ {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"id":"o-%d","user_id":"ada","state":"active","price":{"amount":%d,"currency":"EUR"},"placed_at":"2026-11-%02dT08:00:00Z"}`, 1000+i*7, 499+i*i%977, 1+i%28)
	}
	b.WriteString(`]}`)
	return b.Bytes()
}

func noise(n int) []byte {
	random := rand.New(rand.NewPCG(1, 2))
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(random.Uint32())
	}
	return b
}

// decode uses decoders that have no code in common with the encoders, where
// there are any.
func decode(t testing.TB, data []byte, encoding string) []byte {
	t.Helper()
	var r io.Reader = bytes.NewReader(data)
	switch encoding {
	case "gzip":
		z, err := stdgzip.NewReader(r)
		if err != nil {
			t.Fatal(err)
		}
		r = z
	case "zstd":
		z, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(zstdWindow))
		if err != nil {
			t.Fatal(err)
		}
		defer z.Close()
		r = z
	}
	out, err := io.ReadAll(r)
	if err != nil {
		t.Fatalf("%s: %v", encoding, err)
	}
	return out
}

func TestEncode(t *testing.T) {
	k := newTest(t, both())
	for _, e := range []Encoding{Gzip, Zstd} {
		for _, size := range []int{1024, 5874, 68181, 1 << 20} {
			src := orders(size)
			out, ok := k.Encode([]byte("before"), src, e)
			if !ok || !bytes.HasPrefix(out, []byte("before")) || len(out) > len(src)/2 {
				t.Fatalf("%s of %d bytes: %d, %v", e, size, len(out), ok)
			}
			if !bytes.Equal(decode(t, out[len("before"):], e.String()), src) {
				t.Errorf("%s of %d bytes does not decode to what it was", e, size)
			}
		}
	}
}

func TestEncodeRefuses(t *testing.T) {
	k := newTest(t, both())
	for name, c := range map[string]struct {
		src []byte
		e   Encoding
	}{
		"identity":         {orders(5000), Identity},
		"below minimum":    {orders(900)[:1023], Gzip},
		"empty":            {nil, Zstd},
		"incompressible":   {noise(5000), Zstd},
		"saves too little": {append(noise(5000), make([]byte, 400)...), Gzip},
	} {
		dst := []byte("before")
		if out, ok := k.Encode(dst, c.src, c.e); ok || string(out) != "before" {
			t.Errorf("%s: %d bytes, %v", name, len(out), ok)
		}
	}
	if _, ok := newTest(t, Config{Encodings: []string{"gzip"}}).Encode(nil, orders(5000), Zstd); ok {
		t.Error("a coding that is not offered was applied")
	}
}

func TestEncodeConcurrently(t *testing.T) {
	k := newTest(t, both())
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			src, e := orders(1024+i*997), Zstd+Encoding(i%2)
			for range 20 {
				if out, ok := k.Encode(nil, src, e); !ok || !bytes.Equal(decode(t, out, e.String()), src) {
					t.Error("mixed up")
				}
			}
		})
	}
	wg.Wait()
}

func FuzzEncode(f *testing.F) {
	f.Add(orders(100), true)
	f.Add(noise(100), false)
	k := newTest(f, Config{Encodings: []string{"zstd", "gzip"}})
	f.Fuzz(func(t *testing.T, src []byte, isGzip bool) {
		e := Zstd
		if isGzip {
			e = Gzip
		}
		if out, ok := k.Encode(nil, src, e); ok && !bytes.Equal(decode(t, out, e.String()), src) {
			t.Fatal("does not decode to what it was")
		}
	})
}

func TestConfig(t *testing.T) {
	load := func(text string) (Config, error) {
		var f struct {
			Compression Config `config:"compression"`
		}
		_, err := config.Load(&f, config.Source{Name: "bff.yaml", Data: []byte(text)})
		return f.Compression, err
	}
	for text, want := range map[string]Config{
		"{}":                               both(),
		"compression: {encodings: [gzip]}": {Encodings: []string{"gzip"}, MinSize: 1024},
		"compression: {encodings: [], min_size: 0}": {Encodings: []string{}},
	} {
		got, err := load(text)
		if err != nil || !cmp.Equal(want, got) {
			t.Errorf("%s: %v %s", text, err, cmp.Diff(want, got))
		}
	}
	for text, key := range map[string]string{
		"compression: {encodings: [br]}":         "encodings",
		"compression: {encodings: [identity]}":   "encodings",
		"compression: {encodings: [gzip, gzip]}": "encodings",
		"compression: {min_size: 1MiB}":          "min_size",
	} {
		if _, err := load(text); err == nil || !strings.Contains(err.Error(), " compression."+key) {
			t.Errorf("%s: got %v, want a fault of %s", text, err, key)
		}
	}
	if _, err := New(Config{Encodings: []string{"br"}}); err == nil {
		t.Error("New takes what does not exist")
	}
}

func BenchmarkEncode(b *testing.B) {
	k := newTest(b, both())
	for _, size := range []int{5874, 68181} {
		src := orders(size)
		for _, e := range []Encoding{Zstd, Gzip} {
			b.Run(fmt.Sprintf("%s/%d", e, size), func(b *testing.B) {
				dst, _ := k.Encode(nil, src, e)
				b.ReportAllocs()
				b.SetBytes(int64(len(src)))
				for b.Loop() {
					dst, _ = k.Encode(dst[:0], src, e)
				}
				b.ReportMetric(float64(len(dst)), "B/out")
			})
		}
	}
}
