// Package upstream turns what an AWS client reports into an error that may be
// logged.
//
// The texts of AWS errors hold ARNs, account numbers and whatever a server
// between here and AWS chose to write. An [Error] keeps what an operator needs
// (which service, which documented error code, whether time ran out) and drops
// the rest, so that it can be wrapped, printed and logged without a second
// thought.
package upstream

import (
	"context"
	"errors"
	"net"

	"github.com/aws/smithy-go"
)

// Error is the failure of a call to an AWS service.
type Error struct {
	// Service is the name of the upstream, such as "dynamodb".
	Service string
	// Reason is an error code that the service documents, or a fixed text.
	Reason string
	// Timeout says that the call was given up because its time ran out.
	Timeout bool
}

// Error names the service and the reason; it never holds upstream text.
func (e *Error) Error() string { return e.Service + ": " + e.Reason }

// FromAWS describes the failure of a call made with an AWS SDK client.
func FromAWS(service string, err error) *Error {
	if isTimeout(err) {
		return &Error{Service: service, Reason: "no answer in time", Timeout: true}
	}
	if errors.Is(err, context.Canceled) {
		return &Error{Service: service, Reason: "the request was cancelled"}
	}
	var apiError smithy.APIError
	if errors.As(err, &apiError) {
		if code := apiError.ErrorCode(); documentedCodes[code] {
			return &Error{Service: service, Reason: code}
		}
		return &Error{Service: service, Reason: "an error without a documented code"}
	}
	var deserialization *smithy.DeserializationError
	if errors.As(err, &deserialization) {
		return &Error{Service: service, Reason: "an answer that cannot be read"}
	}
	return &Error{Service: service, Reason: "no connection"}
}

// isTimeout reports whether err means that time ran out, be it the caller's
// deadline or a bound of the client's own.
func isTimeout(err error) bool {
	var timeout net.Error
	return errors.Is(err, context.DeadlineExceeded) || (errors.As(err, &timeout) && timeout.Timeout())
}
