package idp

import (
	_ "embed"
	"html/template"
	"net/http"
	"net/url"
)

//go:embed pages.html
var pagesHTML string

// A page is what one of the few screens shows.
type page struct {
	Title, Message    string
	Form, Device      bool
	Request, UserCode string
	Users             []user
}

// pages renders the screens; the template is compiled once.
type pages struct{ template *template.Template }

func newPages() pages {
	return pages{template.Must(template.New("pages").Parse(pagesHTML))}
}

func (p pages) show(w http.ResponseWriter, status int, content page) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'")
	h.Set("Referrer-Policy", "no-referrer")
	w.WriteHeader(status)
	_ = p.template.Execute(w, content) // the reader is gone: there is nobody to tell
}

// askName answers GET /login, where the library sends somebody who has to sign in.
func (p *Provider) askName(w http.ResponseWriter, r *http.Request) {
	id := r.FormValue("request")
	request, err := p.store.AuthRequestByID(r.Context(), id)
	if err != nil {
		p.pages.show(w, http.StatusBadRequest, page{Title: "Sign in", Message: err.Error()})
		return
	}
	p.pages.show(w, http.StatusOK, page{
		Title: "Sign in", Message: "Who is signing in to " + request.GetClientID() + "?",
		Form: true, Request: id, Users: users(),
	})
}

// takeName answers POST /login and sends the browser back to the library, which
// makes the code and redirects to the application.
func (p *Provider) takeName(w http.ResponseWriter, r *http.Request) {
	id := r.PostFormValue("request")
	u, ok := userByID(r.PostFormValue("user"))
	if !ok {
		p.pages.show(w, http.StatusBadRequest, page{Title: "Sign in", Message: "Nobody here has that name."})
		return
	}
	if err := p.store.signIn(id, u.ID); err != nil {
		p.pages.show(w, http.StatusBadRequest, page{Title: "Sign in", Message: err.Error()})
		return
	}
	http.Redirect(w, r, "/authorize/callback?id="+url.QueryEscape(id), http.StatusSeeOther)
}

// askCode answers GET /device, the address that a television shows.
func (p *Provider) askCode(w http.ResponseWriter, r *http.Request) {
	p.pages.show(w, http.StatusOK, page{
		Title: "Connect a device", Message: "Type the code that the device shows, then choose who you are.",
		Form: true, Device: true, UserCode: r.FormValue("user_code"), Users: users(),
	})
}

// takeCode answers POST /device.
func (p *Provider) takeCode(w http.ResponseWriter, r *http.Request) {
	deny := r.PostFormValue("deny") != ""
	u, ok := userByID(r.PostFormValue("user"))
	if !ok && !deny {
		p.pages.show(w, http.StatusBadRequest, page{Title: "Connect a device", Message: "Nobody here has that name."})
		return
	}
	if err := p.store.decide(r.PostFormValue("user_code"), u.ID, !deny); err != nil {
		p.pages.show(w, http.StatusBadRequest, page{Title: "Connect a device", Message: err.Error()})
		return
	}
	done := "The device is connected: look at its screen."
	if deny {
		done = "The device stays disconnected."
	}
	p.pages.show(w, http.StatusOK, page{Title: "Connect a device", Message: done})
}

func (p *Provider) signedOut(w http.ResponseWriter, _ *http.Request) {
	p.pages.show(w, http.StatusOK, page{Title: "Signed out", Message: "The session has ended. This window can be closed."})
}
