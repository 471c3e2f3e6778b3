// Package upstream has the parts for calls to AWS and Stripe that other packages share: transports,
// time limits, the configuration of AWS clients, and errors that may be logged.
//
// The texts of AWS errors contain ARNs, account numbers, and any text from a server between here
// and AWS. An [Error] keeps the parts that an operator needs (the service, the documented error
// code, and whether time ran out) and drops the rest, so that it can always be wrapped, printed and
// logged.
package upstream

import (
	"context"
	"errors"
	"net"

	"github.com/aws/smithy-go"
)

// A Service is the name of an AWS service in logs and metrics.
type Service string

// The services that the functions call.
const (
	CodeDeploy     Service = "codedeploy"
	DynamoDB       Service = "dynamodb"
	Lambda         Service = "lambda"
	SecretsManager Service = "secretsmanager"
)

// Error is the failure of a call to an AWS service.
type Error struct {
	Service Service
	// Operation is the name of the call, such as "GetItem", or "" if it is unknown.
	Operation string
	Reason    Reason
	// Timeout means that the call was given up because its time ran out.
	Timeout bool
	// Permanent means that the same call will fail in the same way until the operator fixes
	// something: a permission, a name or a key.
	Permanent bool
}

// Error names the service, the operation and the reason. It never contains upstream text.
func (e *Error) Error() string {
	if e.Operation == "" {
		return string(e.Service) + ": " + string(e.Reason)
	}
	return string(e.Service) + " " + e.Operation + ": " + string(e.Reason)
}

// FromAWS returns the error for a failed call of an AWS SDK client.
func FromAWS(service Service, err error) *Error {
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

// isTimeout reports whether err means that time ran out: the caller's deadline, or a time limit of
// the client.
func isTimeout(err error) bool {
	var timeout net.Error
	return errors.Is(err, context.DeadlineExceeded) || (errors.As(err, &timeout) && timeout.Timeout())
}
