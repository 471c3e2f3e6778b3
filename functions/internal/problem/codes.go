package problem

// A Code names what went wrong. Callers compare it, so a code never gets another name.
type Code string

// The codes, each with its status in definitions.
const (
	InvalidRequest              Code = "invalid-request"
	InvalidSignature            Code = "invalid-signature"
	UnknownParameter            Code = "unknown-parameter"
	InvalidParameter            Code = "invalid-parameter"
	InvalidReturnURL            Code = "invalid-return-url"
	MissingCredentials          Code = "missing-credentials"
	InvalidToken                Code = "invalid-token"
	InsufficientScope           Code = "insufficient-scope"
	InsufficientRole            Code = "insufficient-role"
	CrossOriginRequest          Code = "cross-origin-request"
	ParameterNotAllowed         Code = "parameter-not-allowed"
	NotFound                    Code = "not-found"
	NoBillingAccount            Code = "no-billing-account"
	SubscriptionNotFound        Code = "subscription-not-found"
	MethodNotAllowed            Code = "method-not-allowed"
	SubscriptionAmbiguous       Code = "subscription-ambiguous"
	FlowUnavailable             Code = "flow-unavailable"
	SubscriptionNotEligible     Code = "subscription-not-eligible"
	PayloadTooLarge             Code = "payload-too-large"
	UnsupportedMediaType        Code = "unsupported-media-type"
	BillingMisconfigured        Code = "billing-misconfigured"
	WebhookMisconfigured        Code = "webhook-misconfigured"
	Internal                    Code = "internal"
	BillingUnavailable          Code = "billing-unavailable"
	BillingBadResponse          Code = "billing-bad-response"
	IdentityProviderUnavailable Code = "identity-provider-unavailable"
	CustomerStoreUnavailable    Code = "customer-store-unavailable"
	SecretsUnavailable          Code = "secrets-unavailable"
	BillingBusy                 Code = "billing-busy"
	UpstreamTimeout             Code = "upstream-timeout"
)

// A definition is what all problems of one code have in common. Its texts are fixed: a
// caller never sees what an upstream said.
type definition struct {
	status int
	title  string
	detail string
	advice string // what the page of a navigation says to do next
}

const (
	tryAgain       = "Please try again in a moment. Nothing was changed."
	signInAgain    = "Please go back, sign in and try again."
	contactSupport = "Please contact support and mention the reference below. Nothing was changed."
	askDeveloper   = "This is a mistake in the link or button that you used. Please go back and try another way, or contact support."
)

// definitions is the contract with callers: the status and the words of every code.
var definitions = map[Code]definition{
	InvalidRequest:              {400, "Invalid request", "The request is malformed.", askDeveloper},
	InvalidSignature:            {400, "Invalid signature", "No signature of the webhook's sender was found that is valid now.", askDeveloper},
	UnknownParameter:            {400, "Unknown parameter", "The request has a parameter that does not exist.", askDeveloper},
	InvalidParameter:            {400, "Invalid parameter", "A parameter has a value that is not possible.", askDeveloper},
	InvalidReturnURL:            {400, "Invalid return URL", "The return URL is not an https URL of an allowed origin.", askDeveloper},
	MissingCredentials:          {401, "Not signed in", "The request has no credentials.", signInAgain},
	InvalidToken:                {401, "Session expired", "The token is expired or not valid here.", signInAgain},
	InsufficientScope:           {403, "Not permitted", "The token lacks a scope that billing requires.", "Please sign in with an account that may manage billing."},
	InsufficientRole:            {403, "Not permitted", "The user lacks the role that billing requires.", "Please ask an administrator of your team to manage billing."},
	CrossOriginRequest:          {403, "Request from another site", "A request with a cookie came from an origin that is not allowed.", "Please go back to the app and use its own button."},
	ParameterNotAllowed:         {403, "Parameter not allowed", "This deployment does not let callers choose this value.", askDeveloper},
	NotFound:                    {404, "Not found", "There is nothing at this address.", "Please go back to the app."},
	NoBillingAccount:            {404, "No billing account", "The user has no billing account yet.", "There is nothing to manage yet: billing starts with your first purchase."},
	SubscriptionNotFound:        {404, "Subscription not found", "The customer has no such subscription.", "Please go back to the app and choose one of your subscriptions."},
	MethodNotAllowed:            {405, "Method not allowed", "Use one of the methods that Allow lists.", "Please go back to the app and use its button."},
	SubscriptionAmbiguous:       {409, "Which subscription?", "The customer has several subscriptions that this flow can act on; name one.", "Please choose the subscription that you mean."},
	FlowUnavailable:             {409, "Not available", "The portal configuration in use lacks the feature that this flow needs.", "Please go back to the app and try another way, or contact support."},
	SubscriptionNotEligible:     {409, "Not possible for this subscription", "The subscription cannot go through this flow, for example because it is already cancelled.", "Please go back to the app and check the state of your subscription."},
	PayloadTooLarge:             {413, "Request too large", "The body is longer than the limit: 8,192 bytes for a request, 262,144 for an event.", askDeveloper},
	UnsupportedMediaType:        {415, "Unsupported media type", "Send application/x-www-form-urlencoded or application/json in UTF-8.", askDeveloper},
	BillingMisconfigured:        {500, "Billing is not set up correctly", "The operator of this service has to correct its billing settings.", contactSupport},
	WebhookMisconfigured:        {500, "The webhook is not set up correctly", "The operator of this service has to correct its settings.", contactSupport},
	Internal:                    {500, "Something went wrong", "An unexpected error occurred.", contactSupport},
	BillingUnavailable:          {502, "Billing is unavailable", "The billing provider cannot be reached.", tryAgain},
	BillingBadResponse:          {502, "Billing is unavailable", "The billing provider gave an answer that cannot be used.", tryAgain},
	IdentityProviderUnavailable: {503, "Sign-in cannot be checked", "The keys of the identity provider cannot be fetched.", tryAgain},
	CustomerStoreUnavailable:    {503, "Billing is unavailable", "The store of billing accounts cannot be reached.", tryAgain},
	SecretsUnavailable:          {503, "Billing is unavailable", "The store of secrets cannot be reached.", tryAgain},
	BillingBusy:                 {503, "Billing is busy", "The billing provider asks to slow down.", tryAgain},
	UpstreamTimeout:             {504, "Billing takes too long", "A service that is needed did not answer in time.", tryAgain},
}
