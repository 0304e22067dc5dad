// Package static serves files that are built into a program.
package static

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"path"
	"time"
)

// A File is ready to be sent.
type File struct {
	Type string // Content-Type; empty for an ending that is none of ours
	Body []byte
	etag string
}

// types are those that our pages have; the machine is not asked.
var types = map[string]string{
	".html": "text/html; charset=utf-8",
	".css":  "text/css; charset=utf-8",
	".js":   "text/javascript; charset=utf-8",
	".svg":  "image/svg+xml",
}

// New is the file of that name, whose ending says its type.
func New(name string, body []byte) File {
	sum := sha256.Sum256(body)
	return File{types[path.Ext(name)], body, `"` + hex.EncodeToString(sum[:8]) + `"`}
}

// ServeHTTP sends the file, or that the browser's copy is still good.
func (f File) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", f.Type)
	h.Set("Cache-Control", "no-cache")
	h.Set("ETag", f.etag)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(f.Body))
}
