package edge

import (
	"io"
	"net/http"
)

// body bounds what can be read of the request's body.
func (e *edge) body(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		LimitBody(w, r, int64(e.MaxBody))
		next.ServeHTTP(w, r)
	})
}

// LimitBody bounds the request's body, in place of the bound it had. Reading on
// fails with an [http.MaxBytesError], which [WriteError] answers with 413; a body
// that announces its length fails at its first byte.
func LimitBody(w http.ResponseWriter, r *http.Request, most int64) {
	if r.Body == nil || r.Body == http.NoBody {
		return
	}
	raw := r.Body
	if b, ok := raw.(*bounded); ok {
		raw = b.raw
	}
	// MaxBytesReader tells the server to close the connection behind a body that
	// was not read to its end; only the server's own writer understands it.
	r.Body = &bounded{ReadCloser: http.MaxBytesReader(bare(w), raw, most), raw: raw, most: most, length: r.ContentLength}
}

type bounded struct {
	io.ReadCloser
	raw          io.ReadCloser
	most, length int64
}

func (b *bounded) Read(p []byte) (int, error) {
	if b.length > b.most {
		return 0, &http.MaxBytesError{Limit: b.most}
	}
	return b.ReadCloser.Read(p)
}
