// Package fakestripe is Stripe for a laptop and for tests: the real client libraries talk to it
// over HTTP.
//
// Package account has the state of a Stripe account, package api answers requests from it, package
// pages shows it to customers, and package events makes and delivers the webhook events. api and
// pages know account and not each other.
//
// Two layers answer a request. stripe-mock, running in-process, checks it against the OpenAPI
// document that Stripe publishes; a small stateful layer in front knows customers, subscriptions,
// portal configurations, coupons and sessions, and answers with real state and Stripe's own error
// shapes. The stateful layer also closes what stripe-mock leaves open: whether a customer exists,
// whether a URL is one, unknown nested names, a flow type without its block, negative quantities,
// and the dead URL of its fixture.
//
// A session's URL leads to a page that shows what the customer would see in Stripe's portal. A
// Checkout Session has one where it is paid for. What happens is told to a webhook endpoint by
// events with real signatures.
//
// Known differences from Stripe: objects have the shape of API version 2024-06-20 whatever version
// is asked for, portal configurations that of the OpenAPI document, and they are written with its
// version alone; discounts show on the pages alone; on_behalf_of is checked and shown but hides no
// subscription; endpoints and parameters that the product does not use are refused, never answered
// with a fixture. Wordings of errors that Stripe does not document follow what its users have
// reported; those for which no report was found are marked where they are made.
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

// Config says what the stand-in is for and where it is reached.
type Config struct {
	// PublicURL is the origin at which a browser reaches the handler, such as
	// "http://127.0.0.1:8080". A session's url is PublicURL + "/p/session/" + an unguessable name.
	PublicURL string
	// Keys are the API keys that are accepted, each sk_test_… or rk_test_…; see [api.API.SetKeys].
	Keys []string
	// Livemode makes it a stand-in of live mode for portal configurations: keys are sk_live_… or
	// rk_live_….
	Livemode bool
	// Data is the account's state; nil means [account.DemoData].
	Data *account.Data
	// Now is the clock; nil means time.Now.
	Now func() time.Time
	// Record keeps every API request for [api.API.Requests]. It is for tests: the record grows
	// without bound.
	Record bool
}

// Stripe is the stand-in: an account, the API, and the pages that customers see.
type Stripe struct {
	*account.Account
	*api.API
	*pages.Pages
}

// New makes a stand-in, which takes some milliseconds: only what is needed of Stripe's OpenAPI
// document is read.
//
// It is an error if PublicURL is not an http or https origin or a key is not one of the mode.
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
