package ratelimit

import (
	"fmt"
	"net/http"
	"testing"
	"time"
)

func BenchmarkDecide(b *testing.B) {
	b.ReportAllocs()
	r := Rate{Interval: time.Millisecond, Burst: 100}
	var tat time.Time
	for b.Loop() {
		tat, _ = Decide(start, tat, r, 1)
	}
}

func BenchmarkAllow(b *testing.B) {
	l := NewLimiter(time.Now, 100_000)
	p := &Policy{Name: "user", Requests: 600, Per: time.Minute}
	keys := make([]string, 50_000)
	for i := range keys {
		keys[i] = fmt.Sprint("user https://id.example/ ", i)
		l.Allow(p, keys[i], 1)
	}
	b.ReportAllocs()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for i := 0; pb.Next(); i++ {
			l.Allow(p, keys[i%len(keys)], 1)
		}
	})
}

func BenchmarkAllowAll(b *testing.B) {
	l := NewLimiter(time.Now, 100_000)
	user := &Policy{Name: "user", Requests: 600, Per: time.Minute}
	address := &Policy{Name: "address", Requests: 6000, Per: time.Minute}
	var buffer [2]Decision
	b.ReportAllocs()
	for b.Loop() {
		l.AllowAll(buffer[:0], Charge{user, "user ada", 1}, Charge{address, "address 192.0.2.1", 1})
	}
}

// Callers that are all new, in a full table: the worst case.
func BenchmarkAllowFlood(b *testing.B) {
	l := NewLimiter(time.Now, 10_000)
	p := &Policy{Name: "user", Requests: 600, Per: time.Hour}
	keys := make([]string, 200_000)
	for i := range keys {
		keys[i] = fmt.Sprint(i)
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		l.Allow(p, keys[i%len(keys)], 1)
	}
}

func BenchmarkSetHeaders(b *testing.B) {
	l := NewLimiter(time.Now, 100)
	d := l.Allow(&Policy{Name: "user", Requests: 600, Per: time.Minute}, "ada", 1)
	h := http.Header{}
	b.ReportAllocs()
	for b.Loop() {
		clear(h)
		d.SetHeaders(h)
	}
}
