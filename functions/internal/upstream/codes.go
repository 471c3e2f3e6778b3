package upstream

// failureKind says whether a failure may be over in a moment.
type failureKind int

const (
	passingFailure   failureKind = iota // overload, outage, credentials that are about to be replaced
	permanentFailure                    // an operator has to mend it
)

// documentedCodes are the error codes that DynamoDB and Secrets Manager document
// for the calls made here, and those that all AWS services share. A closed list,
// because a code comes off the wire: whatever else stands in its place is somebody
// else's text.
//
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html
// https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html
// https://docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html
// https://docs.aws.amazon.com/kms/latest/APIReference/API_Decrypt.html
var documentedCodes = map[string]failureKind{
	// DynamoDB
	"ConditionalCheckFailedException":          passingFailure,
	"InternalServerError":                      passingFailure,
	"ItemCollectionSizeLimitExceededException": permanentFailure,
	"ProvisionedThroughputExceededException":   passingFailure,
	"ReplicatedWriteConflictException":         passingFailure,
	"RequestLimitExceeded":                     passingFailure,
	"ResourceInUseException":                   passingFailure,
	"ResourceNotFoundException":                permanentFailure,
	"SerializationException":                   permanentFailure,
	"TransactionConflictException":             passingFailure,

	// Secrets Manager
	"DecryptionFailure":         permanentFailure,
	"InternalServiceError":      passingFailure,
	"InvalidParameterException": permanentFailure,
	"InvalidRequestException":   permanentFailure, // such as of a secret that is marked as deleted

	// KMS, on behalf of either
	"DisabledException":          permanentFailure,
	"InvalidKeyUsageException":   permanentFailure,
	"KMSAccessDeniedException":   permanentFailure,
	"KMSDisabledException":       permanentFailure,
	"KMSInternalException":       passingFailure,
	"KMSInvalidStateException":   permanentFailure,
	"KMSNotFoundException":       permanentFailure,
	"KMSThrottlingException":     passingFailure,
	"KeyUnavailableException":    passingFailure,
	"DependencyTimeoutException": passingFailure,
	"NotFoundException":          permanentFailure,

	// all services
	"AccessDenied":                        permanentFailure,
	"AccessDeniedException":               permanentFailure,
	"ExpiredToken":                        passingFailure,
	"ExpiredTokenException":               passingFailure,
	"IncompleteSignature":                 permanentFailure,
	"IncompleteSignatureException":        permanentFailure,
	"InternalFailure":                     passingFailure,
	"InvalidClientTokenId":                permanentFailure,
	"InvalidSignatureException":           permanentFailure,
	"MalformedHttpRequestException":       permanentFailure,
	"MissingAuthenticationToken":          permanentFailure,
	"MissingAuthenticationTokenException": permanentFailure,
	"NotAuthorized":                       permanentFailure,
	"OptInRequired":                       permanentFailure,
	"RequestAbortedException":             passingFailure,
	"RequestEntityTooLargeException":      permanentFailure,
	"RequestExpired":                      passingFailure,
	"RequestTimeoutException":             passingFailure,
	"ServiceUnavailable":                  passingFailure,
	"ServiceUnavailableException":         passingFailure,
	"Throttling":                          passingFailure,
	"ThrottlingException":                 passingFailure,
	"TooManyRequestsException":            passingFailure, // Lambda's
	"UnknownOperationException":           permanentFailure,
	"UnrecognizedClientException":         permanentFailure,
	"ValidationError":                     permanentFailure,
	"ValidationException":                 permanentFailure,
}
