// Package stripewire is Stripe for a laptop and for tests: the real client libraries talk to it over HTTP.
//
// Two layers answer a request. stripe-mock, running in-process, checks it against the OpenAPI document that Stripe
// publishes; a small stateful layer in front knows customers, subscriptions, portal configurations, coupons and
// sessions, and answers with real state and Stripe's own error shapes. The stateful layer also closes what stripe-mock
// leaves open: whether a customer exists, whether a URL is one, unknown nested names, a flow type without its block,
// negative quantities, and the dead URL of its fixture.
//
// A session's URL leads to a page of this package that shows what the customer would see in Stripe's portal. A Checkout Session
// has one where it is paid for. What happens is told to a webhook endpoint by events with real signatures.
//
// Known differences from Stripe: objects have the shape of API version 2024-06-20 whatever version is asked for, portal
// configurations that of the OpenAPI document, and they are written with its version alone;
// discounts show on the pages alone; on_behalf_of is checked and shown but hides no subscription; endpoints and
// parameters that the product does not use are refused, never answered with a fixture. Wordings of errors that Stripe
// does not document follow what its users have reported; those for which no report was found are marked where they
// are made.
package stripewire

import (
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

// Config says what the stand-in is for and where it is reached.
type Config struct {
	// PublicURL is the origin at which a browser reaches the handler, such as "http://127.0.0.1:8080".
	// A session's url is PublicURL + "/p/session/" + an unguessable name.
	PublicURL string
	// Keys are the API keys that are accepted, each sk_test_… or rk_test_…; see [Stripe.SetKeys].
	Keys []string
	// Livemode makes it a stand-in of live mode for portal configurations: keys are sk_live_… or rk_live_….
	Livemode bool
	// Data is the account's state; nil means [DemoData].
	Data *Data
	// Now is the clock; nil means time.Now.
	Now func() time.Time
	// Record keeps every API request for [Stripe.Requests]. It is for tests: the record grows without bound.
	Record bool
}

// Stripe is the stand-in. It serves the API under /v1/ and the pages of portal and checkout under /p/.
type Stripe struct {
	publicURL string
	livemode  bool
	now       func() time.Time
	record    bool
	document  *document
	templates *template.Template
	mux       *http.ServeMux

	mu       sync.Mutex // guards everything below
	data     Data
	listed   []Customer // see newestCustomers
	keys     map[string]bool
	withheld map[string]map[string]bool
	sessions map[string]*visit   // by the last part of the session's URL
	attempts map[string]*attempt // by idempotency key
	requests []Request
	forgot   time.Time // when forget last ran

	checkouts map[string]checkout // by the last part of the page's URL
	send      func(event []byte)  // nil: nobody is told
}

// New makes a stand-in, which takes some milliseconds: only what is needed of Stripe's OpenAPI document is read.
//
// It is an error if PublicURL is not an http or https origin or a key is not one of the mode.
func New(cfg Config) (*Stripe, error) {
	u, err := url.Parse(cfg.PublicURL)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return nil, fmt.Errorf("stripewire: PublicURL %q is not an http or https URL", cfg.PublicURL)
	}
	s := &Stripe{
		publicURL: strings.TrimSuffix(cfg.PublicURL, "/"),
		livemode:  cfg.Livemode,
		now:       cfg.Now,
		record:    cfg.Record,
		withheld:  make(map[string]map[string]bool),
		sessions:  make(map[string]*visit),
		attempts:  make(map[string]*attempt),
		checkouts: make(map[string]checkout),
	}
	if s.now == nil {
		s.now = time.Now
	}
	if cfg.Data != nil {
		s.data = *cfg.Data
	} else {
		s.data = DemoData(s.now())
	}
	if err := s.SetKeys(cfg.Keys...); err != nil {
		return nil, err
	}
	if s.templates, err = parseTemplates(); err != nil {
		return nil, fmt.Errorf("stripewire: %w", err)
	}
	if s.document, err = loadDocument(); err != nil {
		return nil, fmt.Errorf("stripewire: %w", err)
	}
	s.mux = s.routes()
	return s, nil
}

func (s *Stripe) routes() *http.ServeMux {
	mux := http.NewServeMux()
	mux.HandleFunc("/v1/", s.unknownEndpoint)
	mux.Handle("POST /v1/billing_portal/sessions", s.endpoint(endpoint{
		path: "/v1/billing_portal/sessions", needs: portalWrite, handle: s.createSession,
	}))
	mux.Handle("GET /v1/subscriptions", s.endpoint(endpoint{
		path: "/v1/subscriptions", needs: subscriptionRead, handle: s.listSubscriptions,
	}))
	mux.Handle("GET /v1/subscriptions/{id}", s.endpoint(endpoint{
		path: "/v1/subscriptions/{subscription_exposed_id}", needs: subscriptionRead, handle: s.retrieveSubscription,
	}))
	mux.Handle("GET /v1/products", s.endpoint(endpoint{
		path: "/v1/products", needs: productRead, handle: s.listProducts,
	}))
	for _, e := range []struct {
		pattern string
		endpoint
	}{
		{"/v1/customers", endpoint{"/v1/customers", customerRead, s.listCustomers}},
		{"/v1/customers/{id}", endpoint{"/v1/customers/{customer}", customerRead, s.retrieveCustomer}},
		{"/v1/billing_portal/configurations", endpoint{"/v1/billing_portal/configurations", portalWrite, s.listConfigurations}},
		{"/v1/billing_portal/configurations/{id}", endpoint{"/v1/billing_portal/configurations/{configuration}", portalWrite, s.retrieveConfiguration}},
		{"/v1/coupons/{id}", endpoint{"/v1/coupons/{coupon}", couponRead, s.retrieveCoupon}},
		{"/v1/promotion_codes/{id}", endpoint{"/v1/promotion_codes/{promotion_code}", promotionRead, s.retrievePromotionCode}},
		{"/v1/account", endpoint{"/v1/account", ownAccountRead, s.retrieveOwnAccount}},
		{"/v1/accounts/{id}", endpoint{"/v1/accounts/{account}", accountRead, s.retrieveAccount}},
		{"/v1/webhook_endpoints", endpoint{"/v1/webhook_endpoints", webhookRead, s.listWebhookEndpoints}},
	} {
		mux.Handle("GET "+e.pattern, s.endpoint(e.endpoint))
	}
	mux.Handle("POST /v1/billing_portal/configurations", s.endpoint(endpoint{
		path: "/v1/billing_portal/configurations", needs: portalWrite, handle: s.createConfiguration,
	}))
	mux.Handle("POST /v1/billing_portal/configurations/{id}", s.endpoint(endpoint{
		path: "/v1/billing_portal/configurations/{configuration}", needs: portalWrite, handle: s.updateConfiguration,
	}))
	mux.HandleFunc("GET /v2/core/event_destinations", s.destinations(s.listEventDestinations))
	mux.HandleFunc("GET /v2/core/event_destinations/{id}", s.destinations(s.retrieveEventDestination))
	mux.HandleFunc("GET /p/session/portal.css", portalCSS)
	mux.HandleFunc("GET /p/session/{name}", s.portalPage)
	mux.HandleFunc("GET /p/checkout/{name}", s.checkoutPage)
	mux.HandleFunc("POST /p/checkout/{name}", s.payCheckout)
	mux.HandleFunc("GET /p/session/{name}/{step}", s.portalPage)
	mux.HandleFunc("POST /p/session/{name}/complete", s.completeFlow)
	mux.HandleFunc("POST /p/session/{name}/renew", s.renew)
	return mux
}

// ServeHTTP serves the API and the portal's pages.
func (s *Stripe) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mux.ServeHTTP(w, r)
}

// Change lets f change the account's state, for example to cancel a subscription in the middle of a test.
// No request is answered while f runs, and f must not keep the pointer.
func (s *Stripe) Change(f func(*Data)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f(&s.data)
	s.listed = nil
}
