package upstream

// documentedCodes are the error codes that DynamoDB and Secrets Manager document
// for the calls made here, and those that all AWS services share. A closed list,
// because a code comes off the wire: whatever else stands in its place is somebody
// else's text.
//
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html
// https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html
// https://docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html
var documentedCodes = map[string]bool{
	// DynamoDB
	"InternalServerError":                    true,
	"ProvisionedThroughputExceededException": true,
	"RequestLimitExceeded":                   true,
	"ResourceNotFoundException":              true,
	"SerializationException":                 true,

	// Secrets Manager
	"DecryptionFailure":         true,
	"InternalServiceError":      true,
	"InvalidParameterException": true,
	"InvalidRequestException":   true,

	// all services
	"AccessDenied":                        true,
	"AccessDeniedException":               true,
	"ExpiredToken":                        true,
	"ExpiredTokenException":               true,
	"IncompleteSignature":                 true,
	"IncompleteSignatureException":        true,
	"InternalFailure":                     true,
	"InvalidClientTokenId":                true,
	"InvalidSignatureException":           true,
	"MalformedHttpRequestException":       true,
	"MissingAuthenticationToken":          true,
	"MissingAuthenticationTokenException": true,
	"NotAuthorized":                       true,
	"OptInRequired":                       true,
	"RequestAbortedException":             true,
	"RequestEntityTooLargeException":      true,
	"RequestExpired":                      true,
	"RequestTimeoutException":             true,
	"ServiceUnavailable":                  true,
	"ServiceUnavailableException":         true,
	"Throttling":                          true,
	"ThrottlingException":                 true,
	"UnknownOperationException":           true,
	"UnrecognizedClientException":         true,
	"ValidationError":                     true,
	"ValidationException":                 true,
}
