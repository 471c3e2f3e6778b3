// Package demo is the page at the root of the development server: the billing page of an example
// app, with a button for each kind of request to the portal function.
//
// The page works without a script: its address has the user and the options, and every button is a
// form. With a script the buttons are the product's own element, and the page shows their requests
// and responses.
package demo

import (
	"bytes"
	"embed"
	"html/template"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"

	"billingportal/local/internal/loopback"
)

//go:embed web
var files embed.FS

// Config configures the page.
type Config struct {
	// Token mints an access token for a user's ID. If it fails, the page is a 500 that does not
	// quote the error.
	Token func(user string) (string, error)
	// TokenFlags are the flags of the command that prints such a token, after
	// "go run ./local token --user alice"; "" if the server has its default address.
	TokenFlags string
	// Endpoint is the path of the portal function; "" means /billing/portal.
	Endpoint string
	// Origin is the page's own, as the function's ALLOWED_ORIGINS lists it, for example
	// "http://127.0.0.1:8080". With it the buttons send a return_url that leads back to the same
	// user, and flows may end here. Without it they leave both out.
	Origin string
	// Cookie names the session cookie that the function takes tokens from; "" for none. With it the
	// page offers to sign in with that cookie.
	Cookie string
	// Users are the users to choose from, starting with the first; nil means [Users].
	Users []User
	// Choices are the values that the buttons send; nil means [DefaultChoices].
	Choices *Choices
	// State returns the state of a user; nil if it is unknown.
	State func(user string) State
	// CheckOut opens a Checkout Session for a user and returns its URL, as the example app's server
	// does; nil if users cannot buy a plan.
	CheckOut func(user string) string
	// DeleteCustomers deletes a user's customers at Stripe and returns their number; nil if they
	// cannot be deleted.
	DeleteCustomers func(user string) int
	// OwnLogin is set if the function takes the tokens of an app's own login. The demo users'
	// tokens are refused then, so the page explains how to use the app instead.
	OwnLogin *OwnLogin
}

// OwnLogin describes an app's own login.
type OwnLogin struct {
	Variables []string // the environment variables that set it
	Issuer    string   // of the tokens
	Origins   []string // of the pages that may call the function
	Everyone  string   // customer of the users who have no other; "" for none
}

type demo struct {
	cfg     Config
	choices Choices
	page    *template.Template
}

// New returns the page with its stylesheet and script: GET /, /demo.css and /demo.js.
func New(cfg Config) http.Handler {
	if cfg.Endpoint == "" {
		cfg.Endpoint = "/billing/portal"
	}
	if cfg.Users == nil {
		cfg.Users = Users()
	}
	choices := DefaultChoices()
	if cfg.Choices != nil {
		choices = *cfg.Choices
	}
	cfg.Origin = strings.TrimSuffix(cfg.Origin, "/")
	page := template.New("").Funcs(template.FuncMap{"with_page": withPage})
	d := &demo{cfg: cfg, choices: choices, page: template.Must(page.ParseFS(files, "web/*.html"))}

	mux := http.NewServeMux()
	if cfg.OwnLogin != nil {
		mux.HandleFunc("GET /{$}", d.serveOwnLogin)
	} else {
		mux.HandleFunc("GET /{$}", d.servePage)
	}
	mux.HandleFunc("GET /demo.css", serveFile("web/demo.css"))
	mux.HandleFunc("GET /demo.js", serveFile("web/demo.js"))
	if cfg.CheckOut != nil {
		mux.HandleFunc("POST /demo/checkout", d.checkOut)
	}
	if cfg.DeleteCustomers != nil {
		mux.HandleFunc("POST /demo/delete", d.deleteCustomers)
	}
	return onlyLoopback(http.NewCrossOriginProtection().Handler(mux))
}

// checkOut does the work of the example app's server: it opens a Checkout Session for the user and
// redirects to it.
func (d *demo) checkOut(w http.ResponseWriter, r *http.Request) {
	user, ok := d.user(r.PostFormValue("user"))
	if !ok {
		http.Error(w, "This demo user does not exist.", http.StatusNotFound)
		return
	}
	http.Redirect(w, r, d.cfg.CheckOut(user.ID), http.StatusSeeOther)
}

// deleteCustomers deletes the user's customers, as an operator can in Stripe's dashboard.
func (d *demo) deleteCustomers(w http.ResponseWriter, r *http.Request) {
	user, ok := d.user(r.PostFormValue("user"))
	if !ok {
		http.Error(w, "This demo user does not exist.", http.StatusNotFound)
		return
	}
	d.cfg.DeleteCustomers(user.ID)
	http.Redirect(w, r, "/?"+url.Values{"user": {user.ID}, "back": {"deleted"}}.Encode(), http.StatusSeeOther)
}

func (d *demo) servePage(w http.ResponseWriter, r *http.Request) {
	view, ok := d.view(r.URL.Query())
	if !ok {
		http.Error(w, "This demo user does not exist.", http.StatusNotFound)
		return
	}
	token, err := d.cfg.Token(view.User.ID)
	if err != nil {
		http.Error(w, "The server cannot create an access token for this user.", http.StatusInternalServerError)
		return
	}
	if view.Credential == credentialCookie {
		http.SetCookie(w, d.sessionCookie(token, 0))
	} else {
		view.AccessToken = token
		if d.cfg.Cookie != "" { // the function refuses two credentials
			http.SetCookie(w, d.sessionCookie("", -1))
		}
	}

	d.write(w, "page.html", view)
}

// serveOwnLogin explains how to use the server with an app's own login.
func (d *demo) serveOwnLogin(w http.ResponseWriter, _ *http.Request) {
	d.write(w, "ownlogin.html", struct {
		*OwnLogin

		Endpoint, Module string // addresses
		Cookie           string
	}{d.cfg.OwnLogin, d.cfg.Origin + d.cfg.Endpoint, d.cfg.Origin + d.module(), d.cfg.Cookie})
}

func (d *demo) module() string { return path.Join(path.Dir(d.cfg.Endpoint), "button.js") }

func (d *demo) write(w http.ResponseWriter, template string, data any) {
	var body bytes.Buffer
	if err := d.page.ExecuteTemplate(&body, template, data); err != nil {
		http.Error(w, "The page cannot be shown.", http.StatusInternalServerError)
		return
	}
	header := w.Header()
	header.Set("Content-Type", "text/html; charset=utf-8")
	// Browsers apply form-action to redirects too, so it allows both targets of the 303: this
	// origin for the stand-in, and Stripe's portal for test mode.
	header.Set("Content-Security-Policy",
		"default-src 'none'; style-src 'self'; script-src 'self'; img-src data:; connect-src 'self'; "+
			"form-action 'self' https://billing.stripe.com; base-uri 'none'; frame-ancestors 'none'")
	// With no-referrer, the Origin header of a form would be "null".
	header.Set("Referrer-Policy", "same-origin")
	w.WriteHeader(http.StatusOK)
	_, _ = body.WriteTo(w) // the browser may have hung up
}

// sessionCookie returns the cookie of a signed-in user. An app's cookie is also Secure; the
// development server has no TLS.
func (d *demo) sessionCookie(value string, maxAge int) *http.Cookie {
	return &http.Cookie{ //nolint:gosec // browsers do not return Secure cookies here
		Name: d.cfg.Cookie, Value: value, MaxAge: maxAge, Path: "/",
		HttpOnly: true, SameSite: http.SameSiteStrictMode, Secure: false,
	}
}

// withPage returns an action with its page, for the template of an action.
func withPage(a action, page *view) any {
	return struct {
		Action action
		Page   *view
	}{a, page}
}

func serveFile(name string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		http.ServeFileFS(w, r, files, name)
	}
}

// onlyLoopback refuses requests whose Host is not a name of this machine. The page contains tokens:
// with another name that resolves to 127.0.0.1, a foreign page could read them (DNS rebinding).
func onlyLoopback(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		header.Set("Cache-Control", "no-store")
		header.Set("X-Content-Type-Options", "nosniff")
		header.Set("X-Frame-Options", "DENY")
		header.Set("Cross-Origin-Opener-Policy", "same-origin")
		header.Set("Cross-Origin-Resource-Policy", "same-origin")
		if !loopback.IsHost(r.Host) {
			http.Error(w, "Open the demo page at a name of this machine, for example 127.0.0.1 or localhost.",
				http.StatusMisdirectedRequest)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// chosen returns the value of a choice in the page's address, or "" if it is not offered.
func chosen(query url.Values, name string, offered []string) string {
	if value := query.Get(name); slices.Contains(offered, value) {
		return value
	}
	return ""
}
