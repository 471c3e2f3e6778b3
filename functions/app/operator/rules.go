package operator

import (
	"errors"

	"billingportal/functions/internal/auth"
)

// A Refusal says why a token is not accepted.
type Refusal struct {
	Rule   string // rule that refuses the token, in the verifier's words
	Advice string // what to do about it, whatever the other claims are
	Cause  Cause
	Claim  string // claim with a MalformedTime
}

// A Cause is a refusal that a tool explains with the token's content, or corrects.
type Cause int

// The causes. Other refusals have only their advice.
const (
	OtherCause Cause = iota
	Expired
	TooEarly
	MalformedTime
	NoIssuer
	OtherIssuer
	OtherAudience
	NoUser
	UnusableUser
	UnknownKey
	BadSignature
	LacksScope
	LacksRole
	KeysUnavailable // the keys could not be fetched, so the token was not checked
)

// refusals has every reason of the verifier. Reasons about a token's format share one advice: the
// token was changed on its way, or its issuer makes tokens that verifiers should not accept.
var refusals = map[auth.Reason]Refusal{
	auth.Empty:              {Advice: shapeAdvice},
	auth.NotThreeSegments:   {Advice: shapeAdvice},
	auth.HeaderNotBase64:    {Advice: shapeAdvice},
	auth.PayloadNotBase64:   {Advice: shapeAdvice},
	auth.SignatureNotBase64: {Advice: shapeAdvice},
	auth.NoSignature:        {Advice: shapeAdvice},
	auth.MalformedHeader:    {Advice: shapeAdvice},
	auth.KidNotText:         {Advice: shapeAdvice},
	auth.HeaderNotObject:    {Advice: shapeAdvice},
	auth.PayloadNotObject:   {Advice: shapeAdvice},
	auth.TooLarge: {
		Advice: "Have the provider put less into it: groups and permissions make tokens large.",
	},
	auth.AlgorithmNotAccepted: {Advice: "Switch the provider to RS256, ES256 or EdDSA."},
	auth.CritInHeader:         {Advice: extensionAdvice},
	auth.B64InHeader:          {Advice: extensionAdvice},
	auth.TypNotAccepted: {Advice: "It was made for another purpose, such as a logout or a refresh. " +
		"Send the access token or the ID token."},
	auth.NoIssuer: {Cause: NoIssuer, Advice: "Ask the provider for an access token or an ID token of OpenID Connect: " +
		"these say who made them (iss)."},
	auth.IssuerMismatch: {Cause: OtherIssuer},
	auth.NoAudience: {Advice: "The token does not say whom it is for: it has neither aud nor client_id nor azp. " +
		"Ask the provider to put an audience in."},
	auth.MalformedAudience: {Advice: "The audience has to be a string or an array of strings. " +
		onlyTheProvider},
	auth.AudienceMismatch: {Cause: OtherAudience},
	auth.NoExpiry: {
		Advice: "It would be valid forever. Ask the provider for tokens that expire (exp).",
	},
	auth.Expired:                   {Cause: Expired, Advice: "Sign in again and try a fresh token."},
	auth.NotYetValid:               {Cause: TooEarly, Advice: earlyAdvice},
	auth.IssuedInTheFuture:         {Cause: TooEarly, Advice: earlyAdvice},
	auth.MalformedExpiry:           {Cause: MalformedTime, Claim: "exp", Advice: timeAdvice},
	auth.MalformedNotBefore:        {Cause: MalformedTime, Claim: "nbf", Advice: timeAdvice},
	auth.MalformedIssuedAt:         {Cause: MalformedTime, Claim: "iat", Advice: timeAdvice},
	auth.NoUser:                    {Cause: NoUser},
	auth.UserWithControlCharacters: {Cause: UnusableUser, Advice: "Choose another claim as JWT_USER_CLAIM."},
	auth.UserTooLong:               {Cause: UnusableUser, Advice: "Choose another claim as JWT_USER_CLAIM."},
	auth.NoKeysForIssuer:           {Advice: keysAdvice},
	auth.UnknownKey: {Cause: UnknownKey, Advice: "The issuer's key set does not have the key that the token names: " +
		"another tenant or environment made it, or JWT_JWKS_URL or JWT_JWKS belongs to another."},
	auth.KeyOfOtherAlgorithm: {Advice: "The key that it names is for another algorithm. " + onlyTheProvider},
	auth.BadSignature: {Cause: BadSignature, Advice: "The token was changed or cut, or another issuer made it: " +
		"another tenant or environment of the same name. Compare where it came from."},
}

const (
	onlyTheProvider = "Only the provider can correct that."

	shapeAdvice = "The token was cut or changed on its way here, or it is not a token of OpenID Connect. " +
		"Copy all of it again. A terminal keeps about 4,000\ncharacters of a pasted line, so use < token.txt."
	extensionAdvice = "Its issuer requires an extension of JWS that the portal does not know. Ask for a plain token."
	timeAdvice      = "Times in a token are whole seconds since 1970 (RFC 7519, section 2). " + onlyTheProvider
	earlyAdvice     = "The token's time has not come. Compare this machine's clock with the provider's; " +
		"a difference of whole hours is a time zone's."
	discoveryAdvice = "The issuer has no configuration document below /.well-known/openid-configuration. " +
		"Set JWT_JWKS_URL to the address of its key set."
	otherIssuerAdvice = "Discovery names another issuer than the token, often one with or without the last slash. " +
		"JWT_ISSUER has to be the token's; set JWT_JWKS_URL to the jwks_uri of that document."
	keysAdvice = "Try its address from here with curl. If the provider has no discovery, " +
		"set JWT_JWKS_URL to the address of its key set."
)

// refusalOf describes an error of the verifier. It returns nil for nil.
func refusalOf(err error) *Refusal {
	var (
		invalid     *auth.InvalidTokenError
		scope       *auth.InsufficientScopeError
		unavailable *auth.KeysUnavailableError
	)
	switch {
	case err == nil:
		return nil
	case errors.As(err, &invalid):
		refusal := refusals[invalid.Reason]
		refusal.Rule = invalid.Rule()
		return &refusal
	case errors.As(err, &scope):
		return &Refusal{Rule: err.Error(), Cause: LacksScope}
	case !errors.As(err, &unavailable):
		return &Refusal{Rule: err.Error(), Cause: LacksRole}
	case errors.Is(err, auth.ErrNotConfiguration):
		return &Refusal{Rule: unavailable.Err.Error(), Cause: KeysUnavailable, Advice: discoveryAdvice}
	case errors.Is(err, auth.ErrOtherIssuer):
		return &Refusal{Rule: unavailable.Err.Error(), Cause: KeysUnavailable, Advice: otherIssuerAdvice}
	}
	return &Refusal{Rule: unavailable.Err.Error(), Cause: KeysUnavailable, Advice: keysAdvice}
}
