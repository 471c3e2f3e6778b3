package upstream

// A Reason is an error code that AWS documents, or one of the fixed texts below.
type Reason string

// The reasons of failures without a documented code.
const (
	NoAnswer         Reason = "no answer in time"
	Cancelled        Reason = "the request was cancelled"
	UndocumentedCode Reason = "an error without a documented code"
	UnreadableAnswer Reason = "an answer that cannot be read"
	NoConnection     Reason = "no connection"
)

// The documented codes that code compares reasons with.
const (
	AccessDenied                    Reason = "AccessDenied"
	AccessDeniedException           Reason = "AccessDeniedException"
	ExpiredToken                    Reason = "ExpiredToken"
	ExpiredTokenException           Reason = "ExpiredTokenException"
	IncompleteSignature             Reason = "IncompleteSignature"
	InvalidClientTokenID            Reason = "InvalidClientTokenId"
	InvalidSignature                Reason = "InvalidSignatureException"
	ItemCollectionSizeLimitExceeded Reason = "ItemCollectionSizeLimitExceededException"
	RequestExpired                  Reason = "RequestExpired"
	ResourceNotFound                Reason = "ResourceNotFoundException"
	UnrecognizedClient              Reason = "UnrecognizedClientException"
	ValidationException             Reason = "ValidationException"
)

// IsExpired reports whether the credentials have expired. RequestExpired is not about credentials:
// the date of the request is wrong by more than 15 minutes.
//
// https://docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html
func (r Reason) IsExpired() bool { return r == ExpiredToken || r == ExpiredTokenException }

// IsUnknownCaller reports whether AWS does not know the access key, or refuses the signature made
// with the secret key.
func (r Reason) IsUnknownCaller() bool {
	return r == UnrecognizedClient || r == InvalidClientTokenID || r == InvalidSignature || r == IncompleteSignature
}

// IsDenied reports whether the permission for the operation itself is missing. A missing permission
// for a KMS key does not count.
func (r Reason) IsDenied() bool { return r == AccessDenied || r == AccessDeniedException }

// IsThrottling reports whether AWS throttled the call.
//
// https://docs.aws.amazon.com/general/latest/gr/api-retries.html
func (r Reason) IsThrottling() bool { return documentedCodes[r] == throttling }

// failureKind says whether a retry may succeed.
type failureKind int

const (
	passingFailure   failureKind = iota // overload, an outage, or credentials that are about to be replaced
	throttling                          // passing too: AWS throttled the call
	permanentFailure                    // the operator must fix something
)

// documentedCodes are the error codes that AWS documents for the calls of DynamoDB and Secrets
// Manager made here, and those that all AWS services share. The list is closed, because a code
// comes from the network: any other value in its place may be any text.
//
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html
// https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html
// https://docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html
// https://docs.aws.amazon.com/kms/latest/APIReference/API_Decrypt.html
var documentedCodes = map[Reason]failureKind{
	// DynamoDB
	"ConditionalCheckFailedException":        passingFailure,
	"InternalServerError":                    passingFailure,
	ItemCollectionSizeLimitExceeded:          permanentFailure,
	"ProvisionedThroughputExceededException": throttling,
	"ReplicatedWriteConflictException":       passingFailure,
	"RequestLimitExceeded":                   throttling,
	"ResourceInUseException":                 passingFailure,
	ResourceNotFound:                         permanentFailure,
	"SerializationException":                 permanentFailure,
	"TransactionConflictException":           passingFailure,

	// Secrets Manager
	"DecryptionFailure":         permanentFailure,
	"InternalServiceError":      passingFailure,
	"InvalidParameterException": permanentFailure,
	"InvalidRequestException":   permanentFailure, // for example for a secret that is marked as deleted

	// KMS, on behalf of DynamoDB or Secrets Manager
	"DisabledException":          permanentFailure,
	"InvalidKeyUsageException":   permanentFailure,
	"KMSAccessDeniedException":   permanentFailure,
	"KMSDisabledException":       permanentFailure,
	"KMSInternalException":       passingFailure,
	"KMSInvalidStateException":   permanentFailure,
	"KMSNotFoundException":       permanentFailure,
	"KMSThrottlingException":     throttling,
	"KeyUnavailableException":    passingFailure,
	"DependencyTimeoutException": passingFailure,
	"NotFoundException":          permanentFailure,

	// all services
	AccessDenied:                          permanentFailure,
	AccessDeniedException:                 permanentFailure,
	ExpiredToken:                          passingFailure,
	ExpiredTokenException:                 passingFailure,
	IncompleteSignature:                   permanentFailure,
	"IncompleteSignatureException":        permanentFailure,
	"InternalFailure":                     passingFailure,
	InvalidClientTokenID:                  permanentFailure,
	InvalidSignature:                      permanentFailure,
	"MalformedHttpRequestException":       permanentFailure,
	"MissingAuthenticationToken":          permanentFailure,
	"MissingAuthenticationTokenException": permanentFailure,
	"NotAuthorized":                       permanentFailure,
	"OptInRequired":                       permanentFailure,
	"RequestAbortedException":             passingFailure,
	"RequestEntityTooLargeException":      permanentFailure,
	RequestExpired:                        passingFailure,
	"RequestTimeoutException":             passingFailure,
	"ServiceUnavailable":                  passingFailure,
	"ServiceUnavailableException":         passingFailure,
	"Throttling":                          throttling,
	"ThrottlingException":                 throttling,
	"TooManyRequestsException":            throttling, // Lambda's
	"UnknownOperationException":           permanentFailure,
	UnrecognizedClient:                    permanentFailure,
	"ValidationError":                     permanentFailure,
	ValidationException:                   permanentFailure,
}
