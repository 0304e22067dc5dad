package page

import (
	"embed"
	"io/fs"
	"net/http"
	"strings"

	"github.com/triptych-bff/triptych/deploy/internal/static"
)

//go:embed static
var embedded embed.FS

// files are the built-in ones by their path below static.
func files() map[string]static.File {
	all := map[string]static.File{}
	_ = fs.WalkDir(embedded, "static", func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		body, err := embedded.ReadFile(name)
		all[strings.TrimPrefix(name, "static/")] = static.New(name, body)
		return err
	}) // built in: cannot fail
	return all
}

// index is the page. The gateways let exactly one origin show the browser app in a
// frame, so a browser that came by another of this machine's names is sent there.
func (p *Page) index(w http.ResponseWriter, r *http.Request) {
	if origin := "http://" + r.Host; origin != p.config.Origin {
		http.Redirect(w, r, p.config.Origin+"/", http.StatusTemporaryRedirect)
		return
	}
	p.files["index.html"].ServeHTTP(w, r)
}

func (p *Page) static(w http.ResponseWriter, r *http.Request) {
	f, ok := p.files[r.PathValue("file")]
	if !ok {
		(&problem{http.StatusNotFound, "no-route", "The page has no file " + quoted(r.PathValue("file")) + "."}).write(w)
		return
	}
	f.ServeHTTP(w, r)
}
