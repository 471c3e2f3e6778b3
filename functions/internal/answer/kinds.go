package answer

// kind is what all problems of one code have in common. Its texts are fixed: a
// caller never sees what an upstream said.
type kind struct {
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

// kinds is the contract with callers: every code, its status and its words.
var kinds = map[string]kind{
	"invalid-request":               {400, "Invalid request", "The request is malformed.", askDeveloper},
	"invalid-signature":             {400, "Invalid signature", "No signature of the webhook's sender was found that is valid now.", askDeveloper},
	"unknown-parameter":             {400, "Unknown parameter", "The request has a parameter that does not exist.", askDeveloper},
	"invalid-parameter":             {400, "Invalid parameter", "A parameter has a value that is not possible.", askDeveloper},
	"invalid-return-url":            {400, "Invalid return URL", "The return URL is not an https URL of an allowed origin.", askDeveloper},
	"missing-credentials":           {401, "Not signed in", "The request has no credentials.", signInAgain},
	"invalid-token":                 {401, "Session expired", "The token is expired or not valid here.", signInAgain},
	"insufficient-scope":            {403, "Not permitted", "The token lacks a scope that billing requires.", "Please sign in with an account that may manage billing."},
	"insufficient-role":             {403, "Not permitted", "The user lacks the role that billing requires.", "Please ask an administrator of your team to manage billing."},
	"cross-origin-request":          {403, "Request from another site", "A request with a cookie came from an origin that is not allowed.", "Please go back to the app and use its own button."},
	"parameter-not-allowed":         {403, "Parameter not allowed", "This deployment does not let callers choose this value.", askDeveloper},
	"not-found":                     {404, "Not found", "There is nothing at this address.", "Please go back to the app."},
	"no-billing-account":            {404, "No billing account", "The user has no billing account yet.", "There is nothing to manage yet: billing starts with your first purchase."},
	"subscription-not-found":        {404, "Subscription not found", "The customer has no such subscription.", "Please go back to the app and choose one of your subscriptions."},
	"method-not-allowed":            {405, "Method not allowed", "Use one of the methods that Allow lists.", "Please go back to the app and use its button."},
	"subscription-ambiguous":        {409, "Which subscription?", "The customer has several subscriptions that this flow can act on; name one.", "Please choose the subscription that you mean."},
	"flow-unavailable":              {409, "Not available", "The portal configuration in use lacks the feature that this flow needs.", "Please go back to the app and try another way, or contact support."},
	"subscription-not-eligible":     {409, "Not possible for this subscription", "The subscription cannot go through this flow, for example because it is already cancelled.", "Please go back to the app and check the state of your subscription."},
	"payload-too-large":             {413, "Request too large", "The body is longer than the limit: 8,192 bytes for a request, 262,144 for an event.", askDeveloper},
	"unsupported-media-type":        {415, "Unsupported media type", "Send application/x-www-form-urlencoded or application/json in UTF-8.", askDeveloper},
	"billing-misconfigured":         {500, "Billing is not set up correctly", "The operator of this service has to correct its billing settings.", contactSupport},
	"webhook-misconfigured":         {500, "The webhook is not set up correctly", "The operator of this service has to correct its settings.", contactSupport},
	"internal":                      {500, "Something went wrong", "An unexpected error occurred.", contactSupport},
	"billing-unavailable":           {502, "Billing is unavailable", "The billing provider cannot be reached.", tryAgain},
	"billing-bad-response":          {502, "Billing is unavailable", "The billing provider gave an answer that cannot be used.", tryAgain},
	"identity-provider-unavailable": {503, "Sign-in cannot be checked", "The keys of the identity provider cannot be fetched.", tryAgain},
	"customer-store-unavailable":    {503, "Billing is unavailable", "The store of billing accounts cannot be reached.", tryAgain},
	"secrets-unavailable":           {503, "Billing is unavailable", "The store of secrets cannot be reached.", tryAgain},
	"billing-busy":                  {503, "Billing is busy", "The billing provider asks to slow down.", tryAgain},
	"upstream-timeout":              {504, "Billing takes too long", "A service that is needed did not answer in time.", tryAgain},
}
