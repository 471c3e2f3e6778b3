package portal

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// Problem is an answer that is not a session: what went wrong, in terms that a
// caller may know. It is an error, so that the steps of a request return it.
type Problem struct {
	Code string
	// Param is the parameter at fault in Stripe's bracket notation, or "".
	Param string
	// Detail replaces the code's own text where a more exact fixed text exists.
	Detail string
	// RetryAfter is sent as Retry-After, in whole seconds, where it is not 0.
	RetryAfter time.Duration
	// Scope is the scope that is missing, for insufficient-scope (RFC 6750, section 3.1).
	Scope string
	// Choices are the subscriptions to choose from, for subscription-ambiguous.
	Choices []Choice
	// Form is what to send again with a choice; nil where a page cannot.
	Form url.Values
	// Cause is for the log.
	Cause error
}

// Error names the code and the cause; it is for the log, not for the caller.
func (p *Problem) Error() string {
	if p.Cause != nil {
		return p.Cause.Error()
	}
	return p.detail()
}

func (p *Problem) Unwrap() error { return p.Cause }

// kind is what all problems of one code have in common. Its texts are fixed: a
// caller never sees what an upstream said.
type kind struct {
	status int
	title  string
	detail string
	advice string // what the page of a navigation says to do next
}

const (
	tryAgain       = "Please try again in a moment. Nothing was changed."
	signInAgain    = "Please go back, sign in and try again."
	contactSupport = "Please contact support and mention the reference below. Nothing was changed."
	askDeveloper   = "This is a mistake in the link or button that you used. Please go back and try another way, or contact support."
)

// kinds is the contract with callers: every code, its status and its words.
var kinds = map[string]kind{
	"invalid-request":               {400, "Invalid request", "The request is malformed.", askDeveloper},
	"unknown-parameter":             {400, "Unknown parameter", "The request has a parameter that does not exist.", askDeveloper},
	"invalid-parameter":             {400, "Invalid parameter", "A parameter has a value that is not possible.", askDeveloper},
	"invalid-return-url":            {400, "Invalid return URL", "The return URL is not an https URL of an allowed origin.", askDeveloper},
	"missing-credentials":           {401, "Not signed in", "The request has no credentials.", signInAgain},
	"invalid-token":                 {401, "Session expired", "The token is expired or not valid here.", signInAgain},
	"insufficient-scope":            {403, "Not permitted", "The token lacks a scope that billing requires.", "Please sign in with an account that may manage billing."},
	"insufficient-role":             {403, "Not permitted", "The user lacks the role that billing requires.", "Please ask an administrator of your team to manage billing."},
	"cross-origin-request":          {403, "Request from another site", "A request with a cookie came from an origin that is not allowed.", "Please go back to the app and use its own button."},
	"parameter-not-allowed":         {403, "Parameter not allowed", "This deployment does not let callers choose this value.", askDeveloper},
	"not-found":                     {404, "Not found", "There is nothing at this address.", "Please go back to the app."},
	"no-billing-account":            {404, "No billing account", "The user has no billing account yet.", "There is nothing to manage yet: billing starts with your first purchase."},
	"subscription-not-found":        {404, "Subscription not found", "The customer has no such subscription.", "Please go back to the app and choose one of your subscriptions."},
	"method-not-allowed":            {405, "Method not allowed", "Use POST.", "Please go back to the app and use its button."},
	"subscription-ambiguous":        {409, "Which subscription?", "The customer has several subscriptions that this flow can act on; name one.", "Please choose the subscription that you mean."},
	"subscription-not-eligible":     {409, "Not possible for this subscription", "The subscription cannot go through this flow, for example because it is already cancelled.", "Please go back to the app and check the state of your subscription."},
	"payload-too-large":             {413, "Request too large", "The body has more than 8,192 bytes.", askDeveloper},
	"unsupported-media-type":        {415, "Unsupported media type", "Send application/x-www-form-urlencoded or application/json in UTF-8.", askDeveloper},
	"billing-misconfigured":         {500, "Billing is not set up correctly", "The operator of this service has to correct its billing settings.", contactSupport},
	"internal":                      {500, "Something went wrong", "An unexpected error occurred.", contactSupport},
	"billing-unavailable":           {502, "Billing is unavailable", "The billing provider cannot be reached.", tryAgain},
	"billing-bad-response":          {502, "Billing is unavailable", "The billing provider gave an answer that cannot be used.", tryAgain},
	"identity-provider-unavailable": {503, "Sign-in cannot be checked", "The keys of the identity provider cannot be fetched.", tryAgain},
	"customer-store-unavailable":    {503, "Billing is unavailable", "The store of billing accounts cannot be reached.", tryAgain},
	"secrets-unavailable":           {503, "Billing is unavailable", "The store of secrets cannot be reached.", tryAgain},
	"billing-busy":                  {503, "Billing is busy", "The billing provider asks to slow down.", tryAgain},
	"upstream-timeout":              {504, "Billing takes too long", "A service that is needed did not answer in time.", tryAgain},
}

func (p *Problem) kind() kind { return kinds[p.Code] }

func (p *Problem) detail() string {
	if p.Detail != "" {
		return p.Detail
	}
	return p.kind().detail
}

// document is the problem as RFC 9457, section 3 has it, with members of our own.
type document struct {
	Type      string `json:"type"`
	Title     string `json:"title"`
	Status    int    `json:"status"`
	Detail    string `json:"detail"`
	Code      string `json:"code"`
	RequestID string `json:"request_id"`
	Param     string `json:"param,omitempty"`

	Subscriptions []Choice `json:"subscriptions,omitempty"`
}

func (p *Problem) document(requestID string) []byte {
	// A struct of strings and numbers always marshals.
	body, _ := json.Marshal(document{
		Type:      "urn:billing-portal:problem:" + p.Code,
		Title:     p.kind().title,
		Status:    p.kind().status,
		Detail:    p.detail(),
		Code:      p.Code,
		RequestID: requestID,
		Param:     p.Param,

		Subscriptions: p.Choices,
	})
	return body
}

// setHeaders adds what the status requires: WWW-Authenticate (RFC 6750, section
// 3), Allow (RFC 9110, section 15.5.6) and Retry-After (RFC 9110, section 10.2.3).
func (p *Problem) setHeaders(header http.Header) {
	switch p.Code {
	case "missing-credentials":
		header.Set("WWW-Authenticate", "Bearer")
	case "invalid-token":
		header.Set("WWW-Authenticate", `Bearer error="invalid_token"`)
	case "insufficient-scope":
		header.Set("WWW-Authenticate", `Bearer error="insufficient_scope", scope="`+p.Scope+`"`)
	case "method-not-allowed":
		header.Set("Allow", http.MethodPost)
	}
	if p.RetryAfter > 0 {
		header.Set("Retry-After", strconv.Itoa(int((p.RetryAfter+time.Second-1)/time.Second)))
	}
}
