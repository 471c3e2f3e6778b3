package api

import (
	"fmt"
	"net/http"
)

// apiError is an answer other than 200, in Stripe's shape (https://docs.stripe.com/api/errors).
type apiError struct {
	status  int
	Code    string `json:"code,omitempty"`
	Message string `json:"message"`
	Param   string `json:"param,omitempty"`
	Type    string `json:"type"`
}

func invalid(code, param, format string, args ...any) *apiError {
	return &apiError{
		status:  http.StatusBadRequest,
		Type:    "invalid_request_error",
		Code:    code,
		Param:   param,
		Message: fmt.Sprintf(format, args...),
	}
}

// noSuch is how Stripe says that an ID names nothing, or nothing that this request may use.
func noSuch(kind, id, param string) *apiError {
	return invalid("resource_missing", param, "No such %s: '%s'", kind, id)
}

func missingParam(param string) *apiError {
	return invalid("parameter_missing", param, "Missing required param: %s.", param)
}

// refusal is a request that is well formed but that the account's state or settings do not allow.
// Those that were reported for portal flows carry neither code nor param, so none is invented here.
func refusal(format string, args ...any) *apiError {
	return invalid("", "", format, args...)
}

// notHere refuses what Stripe can do and this stand-in cannot: better a clear refusal than an
// invented answer.
func notHere(param, format string, args ...any) *apiError {
	return invalid("", param, "Not in this stand-in for Stripe: %s", fmt.Sprintf(format, args...))
}
