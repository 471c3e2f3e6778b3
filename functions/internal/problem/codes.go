package problem

import "billingportal/functions/internal/language"

// A Code identifies a kind of problem. Callers compare codes, so a code is never renamed.
type Code string

// The codes. The comment above a group of codes tells the caller what to do about them. `go
// generate ./...` copies the comments into the table of errors.
const (
	// The body, path or credentials are malformed, or there are two credentials. `detail` says what
	// to correct
	InvalidRequest Code = "invalid-request"
	// Correct or remove the parameter that `param` names
	UnknownParameter Code = "unknown-parameter"
	InvalidParameter Code = "invalid-parameter"
	// Use an https URL on an origin of `ALLOWED_ORIGINS`
	InvalidReturnURL Code = "invalid-return-url"
	// Sign the user in again
	MissingCredentials Code = "missing-credentials"
	InvalidToken       Code = "invalid-token"
	// The user may not manage billing. Hide the button
	InsufficientScope Code = "insufficient-scope"
	InsufficientRole  Code = "insufficient-role"
	// Send the cookie only from an origin of `ALLOWED_ORIGINS`. A form on a page with
	// `Referrer-Policy: no-referrer` sends `Origin: null`: use another policy
	CrossOriginRequest Code = "cross-origin-request"
	// The operator has not allowed this value. Leave it out, or ask the operator to allow it
	ParameterNotAllowed Code = "parameter-not-allowed"
	// Send a POST to `/billing/portal` or a GET to `/billing/status`, after the prefix `BASE_PATH`
	NotFound         Code = "not-found"
	MethodNotAllowed Code = "method-not-allowed"
	// The user has not bought anything yet. Offer your pricing page, or set `NO_ACCOUNT_URL`
	NoBillingAccount Code = "no-billing-account"
	// The customer has no subscription with this ID. Use one of the customer's own
	SubscriptionNotFound Code = "subscription-not-found"
	// Let the user choose one of `subscriptions`, and send its `id`
	SubscriptionAmbiguous Code = "subscription-ambiguous"
	// Tell the user why: `detail` has the reason, for example that the subscription is already
	// cancelled
	SubscriptionNotEligible Code = "subscription-not-eligible"
	// The portal configuration in use lacks the flow's feature. Hide the button, or enable the
	// feature
	FlowUnavailable Code = "flow-unavailable"
	// Send at most 8 KiB of `application/x-www-form-urlencoded` or `application/json`, in UTF-8
	PayloadTooLarge      Code = "payload-too-large"
	UnsupportedMediaType Code = "unsupported-media-type"
	// Only the operator can fix this. The log line says what is wrong: key, secret, table,
	// permission, mode, portal settings or mapping
	BillingMisconfigured Code = "billing-misconfigured"
	// Tell the operator. The log line says where the error occurred
	Internal Code = "internal"
	// Only the webhook answers with these codes. Stripe sends the event again
	InvalidSignature     Code = "invalid-signature"
	WebhookMisconfigured Code = "webhook-misconfigured"
	// Stripe is down, or its answer cannot be used. Try again later
	BillingUnavailable Code = "billing-unavailable"
	BillingBadResponse Code = "billing-bad-response"
	// Try again after `Retry-After` seconds
	IdentityProviderUnavailable Code = "identity-provider-unavailable"
	CustomerStoreUnavailable    Code = "customer-store-unavailable"
	SecretsUnavailable          Code = "secrets-unavailable"
	BillingBusy                 Code = "billing-busy"
	// A service did not answer in time. Try again. The log line's step times show which service
	UpstreamTimeout Code = "upstream-timeout"
)

// A definition has the status and texts that all problems of one code share. The texts are fixed: a
// caller never sees an upstream's text.
type definition struct {
	status int
	title  language.Key
	advice language.Key // tells the user on the page what to do next
	detail string       // for developers, in English; "" if the problem always has a reason
}

// definitions is the contract with callers: the status and the texts of every code.
var definitions = map[Code]definition{
	InvalidRequest: {400, language.InvalidRequest, language.AskDeveloper, "The request is malformed."},
	UnknownParameter: {400, language.UnknownParameter, language.AskDeveloper,
		"The request has a parameter that does not exist."},
	InvalidParameter: {400, language.InvalidParameter, language.AskDeveloper,
		"A parameter has an invalid value."},
	InvalidReturnURL: {400, language.InvalidReturnURL, language.AskDeveloper,
		"The return URL is not an https URL of an allowed origin."},
	MissingCredentials: {401, language.MissingCredentials, language.SignInAgain,
		"The request has no credentials."},
	InvalidToken: {401, language.InvalidToken, language.SignInAgain,
		"The token is expired or not valid here."},
	InsufficientScope: {403, language.NotPermitted, language.UseBillingAccount,
		"The token lacks a scope that billing requires."},
	InsufficientRole: {403, language.NotPermitted, language.AskAdministrator,
		"The user lacks the role that billing requires."},
	CrossOriginRequest: {403, language.CrossOriginRequest, language.UseButton,
		"A request with a cookie came from an origin that is not allowed."},
	ParameterNotAllowed: {403, language.ParameterNotAllowed, language.AskDeveloper,
		"This deployment does not let callers choose this value."},
	NotFound: {404, language.NotFound, language.GoBack, "There is nothing at this address."},
	MethodNotAllowed: {405, language.MethodNotAllowed, language.UseButton,
		"Use one of the methods that Allow lists."},
	NoBillingAccount: {404, language.NoBillingAccount, language.NothingToManage,
		"The user has no billing account yet."},
	SubscriptionNotFound: {404, language.SubscriptionNotFound, language.ChooseOwnSubscription,
		"The customer has no such subscription."},
	SubscriptionAmbiguous: {409, language.SubscriptionAmbiguous, language.ChooseOwnSubscription,
		"The customer has several subscriptions that this flow can act on; name one."},
	SubscriptionNotEligible: {409, language.SubscriptionNotEligible, language.CheckSubscription, ""},
	FlowUnavailable: {409, language.FlowUnavailable, language.AskSupportIfNeeded,
		"The portal configuration in use lacks the feature that this flow needs."},
	PayloadTooLarge: {413, language.PayloadTooLarge, language.AskDeveloper,
		"The body is longer than the limit: 8,192 bytes for a request, 262,144 for an event."},
	UnsupportedMediaType: {415, language.UnsupportedMediaType, language.AskDeveloper,
		"Send application/x-www-form-urlencoded or application/json in UTF-8."},
	BillingMisconfigured: {500, language.BillingMisconfigured, language.ContactSupport,
		"The operator of this service has to correct its billing settings."},
	Internal: {500, language.Internal, language.ContactSupport, "An unexpected error occurred."},
	InvalidSignature: {400, language.InvalidSignature, language.AskDeveloper,
		"The request has no signature of Stripe that is valid now."},
	WebhookMisconfigured: {500, language.WebhookMisconfigured, language.ContactSupport,
		"The operator of this service has to correct its settings."},
	BillingUnavailable: {502, language.BillingUnavailable, language.TryAgain,
		"The billing provider cannot be reached."},
	BillingBadResponse: {502, language.BillingUnavailable, language.TryAgain,
		"The billing provider sent an answer that cannot be used."},
	IdentityProviderUnavailable: {503, language.IdentityProviderUnavailable, language.TryAgain,
		"The keys of the identity provider cannot be fetched."},
	CustomerStoreUnavailable: {503, language.BillingUnavailable, language.TryAgain,
		"The store of billing accounts cannot be reached."},
	SecretsUnavailable: {503, language.BillingUnavailable, language.TryAgain,
		"The store of secrets cannot be reached."},
	BillingBusy: {503, language.BillingBusy, language.TryAgain,
		"The billing provider asks to slow down."},
	UpstreamTimeout: {504, language.UpstreamTimeout, language.TryAgain,
		"A required service did not answer in time."},
}
