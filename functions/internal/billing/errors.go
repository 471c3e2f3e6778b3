package billing

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/stripe/stripe-go/v79"
)

// Class is the kind of a failure at Stripe. Failures with the same remedy share a class.
type Class int

// The classes of errors.
const (
	// Unavailable means that every try failed: without a connection, or with a 5xx.
	Unavailable Class = iota + 1
	// Timeout means that the time for the call ran out, or that the caller gave up.
	Timeout
	// BadResponse means that the answer is not from Stripe's API or breaks its contract.
	BadResponse
	// KeyRefused means that the key is invalid, expired or revoked.
	KeyRefused
	// PermissionMissing means that the restricted key may not make this call.
	PermissionMissing
	// ModeMismatch means a test key with live objects or the reverse, or a session of the other
	// mode.
	ModeMismatch
	// NoSuchCustomer means that the mapped customer does not exist at Stripe, or no longer exists.
	NoSuchCustomer
	// NoSuchConfiguration means that the portal configuration does not exist.
	NoSuchConfiguration
	// NoSuchAccount means that the account of on_behalf_of does not exist or may not be used.
	NoSuchAccount
	// PortalNotConfigured means that the account's portal settings were never saved.
	PortalNotConfigured
	// FlowUnavailable means that the portal configuration in use lacks the flow's feature.
	FlowUnavailable
	// NoSuchSubscription means that the flow's subscription does not exist.
	NoSuchSubscription
	// SubscriptionRefused means that the flow cannot act on the subscription, for example because
	// it is cancelled.
	SubscriptionRefused
	// ParameterRefused means that Stripe refuses the value of Error.Param.
	ParameterRefused
	// RequestRefused means that Stripe refuses the request without naming a parameter of a portal
	// session.
	RequestRefused
	// Busy means a rate limit or a lock timeout. Try again after Error.RetryAfter.
	Busy
)

var classTexts = map[Class]string{
	Unavailable:         "unavailable",
	Timeout:             "no answer in time",
	BadResponse:         "an answer that breaks the API's contract",
	KeyRefused:          "the API key is invalid, expired or revoked",
	PermissionMissing:   "the restricted API key lacks a permission",
	ModeMismatch:        "test mode and live mode are mixed",
	NoSuchCustomer:      "no such customer: the mapping is stale",
	NoSuchConfiguration: "no such portal configuration",
	NoSuchAccount:       "the account of on_behalf_of does not exist or may not be used",
	PortalNotConfigured: "the customer portal's settings were never saved",
	FlowUnavailable:     "the portal configuration in use lacks the flow's feature",
	NoSuchSubscription:  "no such subscription",
	SubscriptionRefused: "the flow cannot act on the subscription",
	ParameterRefused:    "a parameter is refused",
	RequestRefused:      "the request is refused, and no parameter is named",
	Busy:                "rate limit or lock timeout",
}

// String describes the class for an operator.
func (c Class) String() string { return classTexts[c] }

// Error is a failed call to Stripe. It contains no text from Stripe.
type Error struct {
	Class Class
	// Param is the parameter that Stripe refused, in bracket notation; "" if Stripe named no
	// parameter of a portal session.
	Param string
	// Type and Code are Stripe's type and code of the error; "" if stripe-go does not know them.
	Type stripe.ErrorType
	Code stripe.ErrorCode
	// RetryAfter is how long Stripe asked to wait, at most an hour; 0 if it did not say.
	RetryAfter time.Duration
	// Calls describes the requests that were sent.
	Calls Calls

	retryable bool
	needs     permission
}

// Error describes the class, and names the permission that a key lacks.
func (e *Error) Error() string {
	if e.Class == PermissionMissing && e.needs != "" {
		return "stripe: " + e.Class.String() + " (" + string(e.needs) + ")"
	}
	return "stripe: " + e.Class.String()
}

// classify turns an error of stripe-go and the try's observation into an Error.
func classify(err error, seen *observation) *Error {
	if seen.broken != nil {
		return broken(seen.broken)
	}
	if seen.status >= http.StatusInternalServerError {
		return &Error{Class: Unavailable, retryable: seen.retry != "false"}
	}
	var refusal *stripe.Error
	if !errors.As(err, &refusal) {
		// The body is HTML, a JSON document of another kind, or empty. A proxy in front of the
		// Stripe API may send a 429 with a body of its own.
		if seen.status == http.StatusTooManyRequests {
			return &Error{Class: Busy, RetryAfter: retryAfter(seen.retryAfter)}
		}
		return &Error{Class: BadResponse}
	}
	name, isParam := paramOf(refusal.Param)
	if isParam {
		refusal.Param = name
	}
	failure := &Error{Class: classOf(refusal, seen.status)}
	if isParam {
		failure.Param = name
	} else if failure.Class == ParameterRefused {
		failure.Class = RequestRefused
	}
	if slices.Contains(errorTypes, refusal.Type) {
		failure.Type = refusal.Type
	}
	if slices.Contains(errorCodes, refusal.Code) {
		failure.Code = refusal.Code
	}
	if failure.Class == Busy {
		isOurs := isKeyInUse(refusal, seen.status) && seen.afterLoss
		failure.retryable = (refusal.Code == stripe.ErrorCodeLockTimeout || isOurs) && seen.retry != "false"
		failure.RetryAfter = retryAfter(seen.retryAfter)
	}
	return failure
}

// retryAfter reads Retry-After in seconds, the form that APIs use (RFC 9110, section 10.2.3). It
// returns at most an hour.
func retryAfter(header string) time.Duration {
	seconds, err := strconv.ParseUint(header, 10, 32)
	if err != nil {
		return 0
	}
	return min(time.Duration(seconds)*time.Second, time.Hour)
}

// broken classifies a try that got no complete answer.
func broken(err error) *Error {
	var timeout net.Error
	var certificate *tls.CertificateVerificationError
	switch {
	case errors.Is(err, errTooLarge):
		return &Error{Class: BadResponse}
	case errors.As(err, &certificate):
		return &Error{Class: Unavailable} // a retry would get the same certificate
	case errors.Is(err, context.Canceled):
		return &Error{Class: Timeout}
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return &Error{Class: Timeout, retryable: true}
	}
	return &Error{Class: Unavailable, retryable: true}
}

// classOf classifies a refusal. If Stripe uses one code for several errors, its wording decides.
// The tests quote each wording.
//
// https://docs.stripe.com/api/errors
func classOf(refusal *stripe.Error, status int) Class {
	message := strings.ToLower(refusal.Msg)
	says := func(words string) bool { return strings.Contains(message, words) }
	otherMode := refusal.Code == stripe.ErrorCodeLivemodeMismatch ||
		says("a similar object exists in live mode") || says("a similar object exists in test mode")
	switch {
	case status == http.StatusUnauthorized:
		return KeyRefused
	case status == http.StatusTooManyRequests, refusal.Code == stripe.ErrorCodeLockTimeout,
		refusal.Code == stripe.ErrorCodeRateLimit,
		isKeyInUse(refusal, status):
		return Busy
	case otherMode && !isCallers(refusal.Param):
		return ModeMismatch
	case says("customer portal settings"):
		return PortalNotConfigured
	case says("portal configuration") && (says("disabled") || says("not enabled")):
		return FlowUnavailable
	case refusal.Param == "on_behalf_of", refusal.Code == stripe.ErrorCodeAccountInvalid:
		return NoSuchAccount
	case status == http.StatusForbidden:
		return PermissionMissing
	case refusal.Type != stripe.ErrorTypeInvalidRequest:
		return BadResponse
	case refusal.Code == stripe.ErrorCodeResourceMissing && refusal.Param == "customer":
		return NoSuchCustomer
	case refusal.Code == stripe.ErrorCodeResourceMissing && refusal.Param == "configuration":
		return NoSuchConfiguration
	case refusal.Code == stripe.ErrorCodeResourceMissing && isSubscription(refusal.Param):
		return NoSuchSubscription
	case isSubscription(refusal.Param), refusal.Param == "" && says("subscription"):
		return SubscriptionRefused
	case refusal.Param != "":
		return ParameterRefused
	}
	return RequestRefused
}

// isKeyInUse reports whether Stripe is still processing another request with the same idempotency
// key. After a lost connection that request is our earlier try. Otherwise it comes from someone
// else, because keys are random. Older answers have only the type, which is unambiguous with status
// 409; the oldest have only the text.
//
// https://docs.stripe.com/error-codes#idempotency-key-in-use
func isKeyInUse(refusal *stripe.Error, status int) bool {
	if refusal.Code != "" || status != http.StatusConflict {
		return refusal.Code == stripe.ErrorCodeIdempotencyKeyInUse
	}
	return refusal.Type == stripe.ErrorTypeIdempotency ||
		strings.Contains(strings.ToLower(refusal.Msg), "another in-progress request using this idempotent key")
}

// isCallers reports whether the caller chooses a parameter. An error in another parameter is an
// error of the deployment.
func isCallers(param string) bool { return strings.HasPrefix(param, "flow_data") || param == "id" }

// isSubscription reports whether a parameter is the ID of a subscription, in a flow or in the path
// of its own call.
func isSubscription(param string) bool {
	return strings.HasSuffix(param, "[subscription]") || param == "id"
}
