package api

import (
	"fmt"
	"net/http"
)

// apiError is an error in Stripe's format (https://docs.stripe.com/api/errors).
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

// noSuch returns the error for an ID that does not exist or that the request may not use.
func noSuch(kind, id, param string) *apiError {
	return invalid("resource_missing", param, "No such %s: '%s'", kind, id)
}

func missingParam(param string) *apiError {
	return invalid("parameter_missing", param, "Missing required param: %s.", param)
}

// refusal returns the error for a valid request that the state or settings of the account do not
// allow. Such errors of portal flows, as users have reported them, have no code and no param, so
// refusal sets none.
func refusal(format string, args ...any) *apiError {
	return invalid("", "", format, args...)
}

// notHere returns the error for a feature of Stripe that this fake does not support. A clear error
// is better than an invented response.
func notHere(param, format string, args ...any) *apiError {
	return invalid("", param, "Not in this stand-in for Stripe: %s", fmt.Sprintf(format, args...))
}
