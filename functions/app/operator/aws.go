package operator

import (
	"errors"

	"billingportal/functions/internal/upstream"
)

// A Service is the name of an AWS service in messages.
type Service = upstream.Service

// The services that the operators' tools call.
const (
	CloudFormation = Service("cloudformation")
	DynamoDB       = upstream.DynamoDB
	Lambda         = upstream.Lambda
	SecretsManager = upstream.SecretsManager
	STS            = Service("sts")
)

// AWSFailure describes a failed call to an AWS service, without AWS's own text.
func AWSFailure(service Service, err error) error { return upstream.FromAWS(service, err) }

// AWSCode returns AWS's documented code in an error of AWSFailure, or in the Failure of a finding;
// "" if it has none.
func AWSCode(err error) string { return string(reasonOf(err)) }

// IsExpired reports whether AWS refused a request because the credentials have expired. This and
// the next functions take an error of AWSFailure, or the Failure of a finding.
func IsExpired(err error) bool { return reasonOf(err).IsExpired() }

// IsUnknownCaller reports whether AWS does not know the access key, or refuses the signature made
// with the secret key.
func IsUnknownCaller(err error) bool { return reasonOf(err).IsUnknownCaller() }

// IsWrongTime reports whether the date of the request is wrong by more than 15 minutes.
func IsWrongTime(err error) bool { return reasonOf(err) == upstream.RequestExpired }

// IsDenied reports whether the permission for the operation is missing.
func IsDenied(err error) bool { return reasonOf(err).IsDenied() }

// IsMissing reports whether the resource does not exist.
func IsMissing(err error) bool { return reasonOf(err) == upstream.ResourceNotFound }

// IsInvalid reports whether the service refused the parameters of a call, for example a key that
// does not have the table's format.
func IsInvalid(err error) bool { return reasonOf(err) == upstream.ValidationException }

func reasonOf(err error) upstream.Reason {
	var failure *upstream.Error
	if !errors.As(err, &failure) {
		return ""
	}
	return failure.Reason
}
