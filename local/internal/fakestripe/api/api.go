// Package api handles requests to Stripe's API for an account, with the errors of Stripe: forms and
// their schemas, keys and their permissions, idempotency, lists, and the rules of portal sessions.
// Package fakestripe lists the differences from Stripe.
package api

import (
	"fmt"
	"net/http"
	"regexp"
	"sync"
	"time"

	"billingportal/local/internal/fakestripe/account"
)

// Config configures the API.
type Config struct {
	PublicURL string   // the origin of the pages; URLs of sessions start with it
	Keys      []string // see [API.SetKeys]
	Livemode  bool     // keys are sk_live_… or rk_live_…
	Record    bool     // record every request for [API.Requests]
}

// API handles requests below /v1/ and /v2/ for an account.
type API struct {
	account  *account.Account
	config   Config
	document *document
	mux      *http.ServeMux

	mu       sync.Mutex // guards the fields below; never held together with the lock of the account
	keys     map[string]bool
	withheld map[string]map[string]bool
	attempts map[string]*attempt // by idempotency key
	requests []Request
	forgot   time.Time // when firstUse last dropped attempts
}

// New returns the API of an account. It returns an error if a key does not belong to the mode.
func New(account *account.Account, config Config) (*API, error) {
	s := &API{account: account, config: config, withheld: make(map[string]map[string]bool),
		attempts: make(map[string]*attempt)}
	err := s.SetKeys(config.Keys...)
	if err != nil {
		return nil, err
	}
	if s.document, err = loadDocument(); err != nil {
		return nil, fmt.Errorf("fakestripe: %w", err)
	}
	s.mux = s.routes()
	return s, nil
}

// ServeHTTP handles a request.
func (s *API) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.mux.ServeHTTP(w, r) }

const (
	get, post      = http.MethodGet, http.MethodPost
	paging         = "limit starting_after ending_before"
	session        = "customer configuration expand flow_data locale on_behalf_of return_url"
	configurations = "/v1/billing_portal/configurations"
)

// endpoints are the operations of version 1 of the API that this package supports.
var endpoints = []endpoint{
	{post, "/v1/billing_portal/sessions", portalWrite, session, (*API).createSession},
	{get, configurations, portalWrite, paging + " is_default active", (*API).listConfigurations},
	{post, configurations, portalWrite, "*", (*API).createConfiguration},
	{get, configurations + "/{configuration}", portalWrite, "expand", (*API).retrieveConfiguration},
	{post, configurations + "/{configuration}", portalWrite, "*", (*API).updateConfiguration},
	{get, "/v1/subscriptions", subscriptionRead, paging + " customer status price expand", (*API).listSubscriptions},
	{get, "/v1/subscriptions/{subscription_exposed_id}", subscriptionRead, "*", (*API).retrieveSubscription},
	{get, "/v1/products", productRead, paging + " ids", (*API).listProducts},
	{get, "/v1/customers", customerRead, paging + " email expand", (*API).listCustomers},
	{get, "/v1/customers/{customer}", customerRead, "", (*API).retrieveCustomer},
	{get, "/v1/coupons/{coupon}", couponRead, "", (*API).retrieveCoupon},
	{get, "/v1/promotion_codes/{promotion_code}", promotionRead, "", (*API).retrievePromotionCode},
	{get, "/v1/account", ownAccountRead, "", (*API).retrieveOwnAccount},
	{get, "/v1/accounts/{account}", accountRead, "", (*API).retrieveAccount},
	{get, "/v1/webhook_endpoints", webhookRead, paging, (*API).listWebhookEndpoints},
}

// placeholder matches the part of a path that names the object.
var placeholder = regexp.MustCompile(`\{.*\}`)

func (s *API) routes() *http.ServeMux {
	mux := http.NewServeMux()
	mux.HandleFunc("/v1/", s.unknownEndpoint)
	for _, e := range endpoints {
		mux.Handle(e.method+" "+placeholder.ReplaceAllString(e.path, "{id}"), s.endpoint(e))
	}
	mux.HandleFunc("GET /v2/core/event_destinations", s.destinations(s.listEventDestinations))
	mux.HandleFunc("GET /v2/core/event_destinations/{id}", s.destinations(s.retrieveEventDestination))
	return mux
}
