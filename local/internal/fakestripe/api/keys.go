package api

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
)

// permission is a permission of restricted keys, as Stripe's errors name it.
type permission struct{ label, name string }

var (
	portalWrite      = permission{"Customer portal Write", "customer_portal_write"}
	subscriptionRead = permission{"Subscriptions Read", "subscription_read"}
	productRead      = permission{"Products Read", "product_read"}
	customerRead     = permission{"Customers Read", "customer_read"}
	couponRead       = permission{"Coupons Read", "coupon_read"}
	promotionRead    = permission{"Promotion Codes Read", "promotion_code_read"}
	accountRead      = permission{"Connected Accounts Read", "connected_account_read"}
	ownAccountRead   = permission{"Account Read", "accounts_kyc_basic_read"}
	webhookRead      = permission{"Webhook Endpoints Read", "webhook_read"}
)

var errKey = errors.New("fakestripe: a key must be sk_test_ or rk_test_ (in live mode sk_live_ or rk_live_) followed " +
	"by letters and digits")

// SetKeys replaces the accepted API keys, like rolling a key in the Stripe dashboard: keys that are
// left out stop working with the next request. Only keys of the mode of this fake are accepted.
func (s *API) SetKeys(keys ...string) error {
	accepted := make(map[string]bool)
	mode := "test"
	if s.config.Livemode {
		mode = "live"
	}
	for _, key := range keys {
		parts := strings.Split(key, "_")
		if len(parts) != 3 || parts[0] != "sk" && parts[0] != "rk" || parts[1] != mode || parts[2] == "" {
			return errKey
		}
		accepted[key] = true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keys = accepted
	return nil
}

// Withhold removes a permission, for example subscription_read, from a restricted key. Requests
// that need it get Stripe's 403.
func (s *API) Withhold(key, name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.withheld[key] == nil {
		s.withheld[key] = make(map[string]bool)
	}
	s.withheld[key][name] = true
}

// authorize checks the Authorization header and the permission that an endpoint needs. The zero
// permission allows every key. Errors contain at most the public prefix of the key.
func (s *API) authorize(r *http.Request, needs permission) *apiError {
	unauthorized := func(message string) *apiError {
		return &apiError{status: http.StatusUnauthorized, Type: "invalid_request_error", Message: message}
	}
	key, isBearer := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !isBearer || key == "" {
		return unauthorized("You did not provide an API key. You need to provide your API key in the Authorization " +
			"header, using Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY').")
	}
	s.mu.Lock()
	isAccepted, isWithheld := s.keys[key], s.withheld[key][needs.name]
	s.mu.Unlock()
	if !isAccepted {
		return unauthorized("Invalid API Key provided: " + redact(key))
	}
	if !isWithheld {
		return nil
	}
	s.account.Lock()
	defer s.account.Unlock()
	return &apiError{
		status: http.StatusForbidden,
		Type:   "invalid_request_error",
		Message: fmt.Sprintf("Permission denied. The provided key '%s' does not have the required permissions for "+
			"this endpoint on account '%s'. "+
			"Enabling \"%s\" ('%s') permissions on this key would allow this request to continue.", redact(key),
			s.account.Data.Account, needs.label, needs.name),
	}
}

func redact(key string) string {
	for _, prefix := range []string{"sk_test_", "rk_test_", "sk_live_", "rk_live_"} {
		if strings.HasPrefix(key, prefix) {
			return prefix + "***"
		}
	}
	return "***"
}
