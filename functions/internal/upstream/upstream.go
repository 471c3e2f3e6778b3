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
	// Operation is the name of the call, such as "GetItem"; "" where it is not known.
	Operation string
	Reason    Reason
	// Timeout says that the call was given up because its time ran out.
	Timeout bool
	// Permanent says that the same call will fail the same way until an operator
	// has fixed something: a permission, a name, a key.
	Permanent bool
}

// Error names the service, the operation and the reason; it never holds upstream text.
func (e *Error) Error() string {
	if e.Operation == "" {
		return e.Service + ": " + string(e.Reason)
	}
	return e.Service + " " + e.Operation + ": " + string(e.Reason)
}

// FromAWS describes the failure of a call made with an AWS SDK client.
func FromAWS(service string, err error) *Error {
	failure := &Error{Service: service}
	var operation *smithy.OperationError
	if errors.As(err, &operation) {
		failure.Operation = operation.OperationName
	}
	var apiError smithy.APIError
	var deserialization *smithy.DeserializationError
	switch {
	case isTimeout(err):
		failure.Reason, failure.Timeout = NoAnswer, true
	case errors.Is(err, context.Canceled):
		failure.Reason = Cancelled
	case errors.As(err, &apiError):
		failure.Reason, failure.Permanent = describe(Reason(apiError.ErrorCode()))
	case errors.As(err, &deserialization):
		failure.Reason = UnreadableAnswer
	default:
		failure.Reason = NoConnection
	}
	return failure
}

func describe(code Reason) (reason Reason, permanent bool) {
	kind, isDocumented := documentedCodes[code]
	if !isDocumented {
		return UndocumentedCode, false
	}
	return code, kind == permanentFailure
}

// isTimeout reports whether err means that time ran out, be it the caller's
// deadline or a bound of the client's own.
func isTimeout(err error) bool {
	var timeout net.Error
	return errors.Is(err, context.DeadlineExceeded) || (errors.As(err, &timeout) && timeout.Timeout())
}
