package projection

import (
	"os"
	"strings"
	"syscall"
	"testing"
)

// TestReadsNothingBehind puts documents, and all their beginnings, before a page
// that must not be read: one byte too many is a fault of the processor.
func TestReadsNothingBehind(t *testing.T) {
	page := os.Getpagesize()
	memory, err := syscall.Mmap(-1, 0, 2*page, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Munmap(memory)
	if err := syscall.Mprotect(memory[page:], syscall.PROT_NONE); err != nil {
		t.Fatal(err)
	}
	documents := []string{
		`{"a":"` + strings.Repeat("é", 40) + `","b":[1,22,333,-4.5e+6,true,false,null],"\u0061b":"😀\ud83d\ude00\n\\"}`,
		`{"items":[{"id":123456789012345678,"name":"exactly8","eightkey":12345678}],"x":"seven 7"}`,
		` [ 1 , "東京" , { "a_long_key_name" : "\"" } ] `,
	}
	for i := range uint64(10) {
		documents = append(documents, document(i, i%2 == 0))
	}
	p := NewPass(mustCompile(t, `{id,a{b},items[]{id,name}}`), pathsOf(t, []string{"items.id", "a_long_key_name", "[]"}), Limits{Items: 3})
	for _, d := range documents {
		if len(d) > page {
			d = d[:page]
		}
		for n := range len(d) + 1 {
			src := memory[page-n : page : page]
			copy(src, d)
			valid := Valid([]byte(d[:n])) == nil
			if (Valid(src) == nil) != valid {
				t.Errorf("%q is judged by what stands behind it", d[:n])
			}
			_, _, _ = p.Run(nil, src, nil)
			_, _ = Members(nil, src)
			_, _ = Elements(nil, src)
			_, _ = Text(src)
		}
	}
}
