// Package fakestripe is a fake of Stripe for development servers and tests: the real client
// libraries use it over HTTP.
//
// Package account holds the state of a Stripe account, package api handles API requests, package
// pages shows the pages for customers, and package events creates and delivers webhook events. api
// and pages import account but not each other.
//
// Two layers handle a request. stripe-mock, which runs in-process, checks it against Stripe's
// OpenAPI document. A small stateful layer in front of it knows customers, subscriptions, portal
// configurations, coupons and sessions, and responds with real state and Stripe's error format. The
// stateful layer also fixes the gaps of stripe-mock: it checks that the customer exists and that
// URLs are valid, rejects unknown nested names, flow types without their block and negative
// quantities, and returns a working session URL.
//
// The URL of a session leads to a page that shows the contents of the portal. A Checkout
// Session has a page with a button to pay. A webhook endpoint receives events with real signatures.
//
// Known differences from Stripe: objects have the format of API version 2024-06-20 for every
// requested version. Portal configurations have the format of the OpenAPI document, and can be
// written only with its version. Discounts appear only on the pages. on_behalf_of is checked and
// shown but does not hide subscriptions. Endpoints and parameters that the product does not use are
// rejected, never answered with a fixture. Error messages that Stripe does not document follow
// reports of its users; a comment marks each message without a report.
package fakestripe

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"billingportal/local/internal/fakestripe/account"
	"billingportal/local/internal/fakestripe/api"
	"billingportal/local/internal/fakestripe/pages"
)

// Config configures a fake.
type Config struct {
	// PublicURL is the origin at which a browser reaches the handler, for example
	// "http://127.0.0.1:8080". The URL of a session is PublicURL + "/p/session/" + an unguessable
	// name.
	PublicURL string
	// Keys are the accepted API keys, each sk_test_… or rk_test_…; see [api.API.SetKeys].
	Keys []string
	// Livemode makes this a fake of live mode, for portal configurations: keys are sk_live_… or
	// rk_live_….
	Livemode bool
	// Data is the state of the account; nil means [account.DemoData].
	Data *account.Data
	// Now returns the current time; nil means time.Now.
	Now func() time.Time
	// Record stores every API request for [api.API.Requests]. Use it only in tests, because the
	// record grows without limit.
	Record bool
}

// Stripe is the fake: an account, the API, and the pages for customers.
type Stripe struct {
	*account.Account
	*api.API
	*pages.Pages
}

// New returns a fake. It takes some milliseconds, because it reads only the necessary parts of
// Stripe's OpenAPI document.
//
// New returns an error if PublicURL is not an http or https origin, or if a key does not belong to
// the mode.
func New(cfg Config) (*Stripe, error) {
	u, err := url.Parse(cfg.PublicURL)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return nil, fmt.Errorf("fakestripe: PublicURL %q is not an http or https URL", cfg.PublicURL)
	}
	acct, origin := account.New(cfg.Data, cfg.Now), strings.TrimSuffix(cfg.PublicURL, "/")
	served, err := api.New(acct,
		api.Config{PublicURL: origin, Keys: cfg.Keys, Livemode: cfg.Livemode, Record: cfg.Record})
	if err != nil {
		return nil, err
	}
	shown, err := pages.New(acct, origin)
	if err != nil {
		return nil, err
	}
	return &Stripe{acct, served, shown}, nil
}

// ServeHTTP serves the pages below /p/, and the API.
func (s *Stripe) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(r.URL.Path, "/p/") {
		s.Pages.ServeHTTP(w, r)
		return
	}
	s.API.ServeHTTP(w, r)
}
