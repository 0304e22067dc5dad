package http1

import "testing"

func BenchmarkParseResponse(b *testing.B) {
	const text = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1493\r\nDate: Tue, 24 Nov 2026 12:00:00 GMT\r\nServer: fasthttp\r\nCache-Control: max-age=60\r\nETag: \"abc\"\r\n\r\n"
	var h Head
	for b.Loop() {
		var f Finder
		if _, err := f.End([]byte(text), Limits{Head: 1 << 14}); err != nil {
			b.Fatal(err)
		}
		if err := h.ParseResponse(text, Limits{Head: 1 << 14}); err != nil {
			b.Fatal(err)
		}
	}
}
