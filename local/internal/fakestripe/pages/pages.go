// Package pages has the pages of Stripe that customers see: the customer portal and Checkout.
package pages

import (
	"bytes"
	"fmt"
	"html/template"
	"net/http"

	"billingportal/local/internal/fakestripe/account"
)

// Pages serves the pages of an account that customers see, below /p/.
type Pages struct {
	account   *account.Account
	origin    string // of the pages, for a browser
	templates *template.Template
	mux       *http.ServeMux
}

// New returns the pages of an account. A browser reaches them at origin, for example
// "http://127.0.0.1:8080".
func New(account *account.Account, origin string) (*Pages, error) {
	templates, err := template.ParseFS(portalFiles, "portal/*.html")
	if err != nil {
		return nil, fmt.Errorf("fakestripe: %w", err)
	}
	s := &Pages{account: account, origin: origin, templates: templates, mux: http.NewServeMux()}
	s.mux.HandleFunc("GET /p/session/portal.css", portalCSS)
	s.mux.HandleFunc("GET /p/session/{name}", s.portalPage)
	s.mux.HandleFunc("GET /p/checkout/{name}", s.checkoutPage)
	s.mux.HandleFunc("POST /p/checkout/{name}", s.payCheckout)
	s.mux.HandleFunc("GET /p/session/{name}/{step}", s.portalPage)
	s.mux.HandleFunc("POST /p/session/{name}/complete", s.completeFlow)
	s.mux.HandleFunc("POST /p/session/{name}/{step}", s.completeFlow)
	s.mux.HandleFunc("POST /p/session/{name}/renew", s.renew)
	return s, nil
}

// ServeHTTP serves one page.
func (s *Pages) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.mux.ServeHTTP(w, r) }

func (s *Pages) writePage(w http.ResponseWriter, template string, data any, status int) {
	var body bytes.Buffer
	if err := s.templates.ExecuteTemplate(&body, template, data); err != nil {
		http.Error(w, "The page cannot be shown.", http.StatusInternalServerError)
		return
	}
	header := w.Header()
	header.Set("Content-Type", "text/html; charset=utf-8")
	// The policy leaves form-action out: browsers also apply it to the redirect after a form, which
	// may lead to the app.
	header.Set("Content-Security-Policy",
		"default-src 'none'; style-src 'self'; img-src data:; base-uri 'none'; frame-ancestors 'none'")
	header.Set("Cache-Control", "no-store")
	header.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = body.WriteTo(w) // the browser may have hung up
}
