package page

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"time"
)

//go:embed static
var embedded embed.FS

// A file is ready to be sent.
type file struct {
	contentType, etag string
	body              []byte
}

// types are those that the page has; the machine is not asked.
var types = map[string]string{
	".html": "text/html; charset=utf-8",
	".css":  "text/css; charset=utf-8",
	".js":   "text/javascript; charset=utf-8",
	".svg":  "image/svg+xml",
}

// files are the built-in ones by their path below static.
func files() map[string]file {
	all := map[string]file{}
	_ = fs.WalkDir(embedded, "static", func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		body, err := embedded.ReadFile(name)
		sum := sha256.Sum256(body)
		all[strings.TrimPrefix(name, "static/")] = file{types[path.Ext(name)], `"` + hex.EncodeToString(sum[:8]) + `"`, body}
		return err
	}) // built in: cannot fail
	return all
}

// serve sends the file, or that the browser's copy is still good.
func (f file) serve(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", f.contentType)
	h.Set("Cache-Control", "no-cache")
	h.Set("ETag", f.etag)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(f.body))
}

// index is the page. The gateways let exactly one origin show the browser app in a
// frame, so a browser that came by another of this machine's names is sent there.
func (p *Page) index(w http.ResponseWriter, r *http.Request) {
	if origin := "http://" + r.Host; origin != p.config.Origin {
		http.Redirect(w, r, p.config.Origin+"/", http.StatusTemporaryRedirect)
		return
	}
	p.files["index.html"].serve(w, r)
}

func (p *Page) static(w http.ResponseWriter, r *http.Request) {
	f, ok := p.files[r.PathValue("file")]
	if !ok {
		(&problem{http.StatusNotFound, "no-route", "The page has no file " + quoted(r.PathValue("file")) + "."}).write(w)
		return
	}
	f.serve(w, r)
}
