// Package demo is the page at the root of the laptop's server: the billing page of an example app,
// with a button for everything that the portal function can be asked.
//
// It works without a script: who is signed in and what the buttons send along is in the page's
// address, and every button is a form. With it the first ones are the product's own element, and
// the page shows what they send and what came back.
package demo

import (
	"bytes"
	"embed"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"billingportal/local/internal/loopback"
)

//go:embed web
var files embed.FS

// Config says whom the page signs in and where its buttons lead.
type Config struct {
	// Token mints an access token for a user's ID. When it fails, the page is a 500 that does not
	// quote the error.
	Token func(user string) (string, error)
	// Endpoint is the path of the portal function; "" means /billing/portal.
	Endpoint string
	// Origin is the page's own, as the function's ALLOWED_ORIGINS lists it, such as
	// "http://127.0.0.1:8080". With it the buttons send a return_url that leads back to the same
	// user, and flows may end here; without it they leave both out.
	Origin string
	// Cookie names the session cookie that the function takes tokens from; "" for none. With it the
	// page offers to be signed in by that cookie.
	Cookie string
	// Users can be switched between, starting with the first; nil means [Users].
	Users []User
	// Choices are what the buttons ask for; nil means [DefaultChoices].
	Choices *Choices
	// State says what there is of a user; nil where nothing is known.
	State func(user string) State
	// CheckOut opens a Checkout Session for a user and returns its URL, as the example app's server
	// does; nil where it sells nothing.
	CheckOut func(user string) string
	// DeleteCustomers deletes a user's customers at Stripe and returns how many they were; nil
	// where nobody may.
	DeleteCustomers func(user string) int
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
	mux.HandleFunc("GET /{$}", d.servePage)
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

// checkOut is the example app's own server: it opens a Checkout Session for the user and sends them
// there.
func (d *demo) checkOut(w http.ResponseWriter, r *http.Request) {
	user, ok := d.user(r.PostFormValue("user"))
	if !ok {
		http.Error(w, "There is no such demo user.", http.StatusNotFound)
		return
	}
	http.Redirect(w, r, d.cfg.CheckOut(user.ID), http.StatusSeeOther)
}

// deleteCustomers stands for somebody at Stripe's dashboard.
func (d *demo) deleteCustomers(w http.ResponseWriter, r *http.Request) {
	user, ok := d.user(r.PostFormValue("user"))
	if !ok {
		http.Error(w, "There is no such demo user.", http.StatusNotFound)
		return
	}
	d.cfg.DeleteCustomers(user.ID)
	http.Redirect(w, r, "/?"+url.Values{"user": {user.ID}, "back": {"deleted"}}.Encode(), http.StatusSeeOther)
}

func (d *demo) servePage(w http.ResponseWriter, r *http.Request) {
	view, ok := d.view(r.URL.Query())
	if !ok {
		http.Error(w, "There is no such demo user.", http.StatusNotFound)
		return
	}
	token, err := d.cfg.Token(view.User.ID)
	if err != nil {
		http.Error(w, "No access token could be made for this user.", http.StatusInternalServerError)
		return
	}
	if view.Credential == credentialCookie {
		http.SetCookie(w, d.sessionCookie(token, 0))
	} else {
		view.AccessToken = token
		if d.cfg.Cookie != "" { // two credentials are one too many
			http.SetCookie(w, d.sessionCookie("", -1))
		}
	}

	var body bytes.Buffer
	if err := d.page.ExecuteTemplate(&body, "page.html", view); err != nil {
		http.Error(w, "The page could not be made.", http.StatusInternalServerError)
		return
	}
	header := w.Header()
	header.Set("Content-Type", "text/html; charset=utf-8")
	// Browsers hold form-action against redirects too, so it names where the function's 303 leads:
	// here for the stand-in, Stripe's portal for its test mode.
	header.Set("Content-Security-Policy",
		"default-src 'none'; style-src 'self'; script-src 'self'; img-src data:; connect-src 'self'; "+
			"form-action 'self' https://billing.stripe.com; base-uri 'none'; frame-ancestors 'none'")
	// Not no-referrer, under which a form's own Origin header would be "null".
	header.Set("Referrer-Policy", "same-origin")
	w.WriteHeader(http.StatusOK)
	_, _ = body.WriteTo(w) // a browser that has gone needs no page
}

// sessionCookie is what an app would sign in with, but for Secure: the laptop has no TLS.
func (d *demo) sessionCookie(value string, maxAge int) *http.Cookie {
	return &http.Cookie{ //nolint:gosec // a Secure cookie would not come back
		Name: d.cfg.Cookie, Value: value, MaxAge: maxAge, Path: "/",
		HttpOnly: true, SameSite: http.SameSiteStrictMode, Secure: false,
	}
}

// withPage is an action and the page that it is on, for the template of a form.
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

// onlyLoopback refuses requests under a name that is not this machine's: the page hands out tokens,
// and a foreign name that resolves to 127.0.0.1 would let a foreign page read them (DNS rebinding).
func onlyLoopback(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		header.Set("Cache-Control", "no-store")
		header.Set("X-Content-Type-Options", "nosniff")
		header.Set("X-Frame-Options", "DENY")
		header.Set("Cross-Origin-Opener-Policy", "same-origin")
		header.Set("Cross-Origin-Resource-Policy", "same-origin")
		if !loopback.IsHost(r.Host) {
			http.Error(w, "The demo page is served on this machine's own names only, such as 127.0.0.1 and localhost.",
				http.StatusMisdirectedRequest)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// chosen is the value of a choice in the page's address, "" unless it is one of those offered.
func chosen(query url.Values, name string, offered []string) string {
	if value := query.Get(name); slices.Contains(offered, value) {
		return value
	}
	return ""
}
