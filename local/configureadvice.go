package main

import (
	"strings"

	"billingportal/functions/app"
)

// ruleAdvice says what to do about each rule of the verifier's that can refuse a token. Those about its shape are one: it was
// changed on its way, or its issuer makes tokens that nobody should take.
var ruleAdvice = map[string]string{
	"empty":                                   shapeAdvice,
	"not three segments":                      shapeAdvice,
	"header is not canonical base64url":       shapeAdvice,
	"payload is not canonical base64url":      shapeAdvice,
	"signature is not canonical base64url":    shapeAdvice,
	"no signature":                            shapeAdvice,
	"malformed header":                        shapeAdvice,
	"kid is not a string":                     shapeAdvice,
	"header: not a JSON object":               shapeAdvice,
	"header: not valid Unicode":               shapeAdvice,
	"header: duplicate member":                shapeAdvice,
	"header: nested too deep":                 shapeAdvice,
	"payload: not a JSON object":              shapeAdvice,
	"payload: not valid Unicode":              shapeAdvice,
	"payload: duplicate member":               shapeAdvice,
	"payload: nested too deep":                shapeAdvice,
	"malformed audience":                      shapeAdvice,
	"malformed expiry":                        shapeAdvice,
	"malformed not-before time":               shapeAdvice,
	"malformed time of issue":                 shapeAdvice,
	"larger than 8 KiB":                       "Have the provider put less into it: groups and permissions are what makes tokens large.",
	"algorithm not accepted":                  "Switch the provider to RS256, ES256 or EdDSA.",
	"crit in header":                          "Its issuer asks for an extension of JWS that no portal knows. Ask for a plain token.",
	"b64 in header":                           "Its issuer asks for an extension of JWS that no portal knows. Ask for a plain token.",
	"typ not accepted":                        "It was made for another purpose, such as a logout or a refresh. Send the access token or the ID token.",
	"no issuer":                               "It does not say who made it. Ask the provider for an access token or an ID token of OpenID Connect.",
	"no audience":                             "It does not say whom it is for: it has neither aud nor client_id nor azp. Ask the provider to put an audience in.",
	"no expiry":                               "It would be valid for ever. Ask the provider for tokens that expire.",
	"expired":                                 "Sign in again and try a fresh token.",
	"not valid yet":                           "Its time has not come. Compare this machine's clock and the provider's.",
	"issued in the future":                    "Its time has not come. Compare this machine's clock and the provider's.",
	"user with control characters":            "Choose another claim as JWT_USER_CLAIM.",
	"user longer than 255 characters":         "Choose another claim as JWT_USER_CLAIM.",
	"bad signature":                           "It was changed, or another issuer made it: another tenant or environment of the same name. Compare where it was fetched.",
	"algorithm is not the key's":              "The key that it names is for another algorithm. That is for the provider to mend.",
	"unknown key":                             "The issuer's key set does not have the key that it names: another tenant or environment made it, or JWT_JWKS_URL or JWT_JWKS is of another.",
	"discovery: not a configuration document": discoveryAdvice,
	"discovery: configuration document of another issuer": "Discovery names another issuer than the token, often one with or without the last slash. JWT_ISSUER must be the token's; " +
		"set JWT_JWKS_URL to the jwks_uri of that document.",
}

const (
	shapeAdvice     = "It was cut or changed on its way here, or it is no token of OpenID Connect. Copy it again, all of it."
	discoveryAdvice = "The issuer has no configuration document below /.well-known/openid-configuration. Set JWT_JWKS_URL to the address of its key set."
	keysAdvice      = "Try its address from here with curl. Where the provider has no discovery, set JWT_JWKS_URL to the address of its key set."
)

// advice says what to change so that a token is taken.
func (c *configuration) advice(refusal *app.Refusal) string {
	switch {
	case refusal.Rule == "issuer mismatch":
		return c.issuerAdvice(c.getenv("JWT_ISSUER"))
	case refusal.Rule == "audience mismatch":
		claim, audiences := c.token.Audiences()
		return "JWT_AUDIENCE is " + c.getenv("JWT_AUDIENCE") + "; the token is for " + strings.Join(audiences, ", ") + inClaim(claim) +
			". Set JWT_AUDIENCE to one of these, if it is your own API or app; else have the login ask for your API."
	case refusal.Rule == "no user":
		return "The token has no text under " + orDefault(c.getenv("JWT_USER_CLAIM"), "sub") + ". Set JWT_USER_CLAIM to one of those above that could be the user."
	case strings.HasPrefix(refusal.Rule, "token lacks the scope"):
		return "Its scopes are: " + orNone(strings.Join(c.token.Scopes(), " ")) + ". Have the login ask for it, or leave JWT_REQUIRED_SCOPE out."
	case strings.HasPrefix(refusal.Rule, "token's claim"):
		return "JWT_REQUIRED_CLAIM is " + c.getenv("JWT_REQUIRED_CLAIM") + ". Above is what could say who may manage billing; this user may not, or the claim has another name."
	}
	if advice, ok := ruleAdvice[refusal.Rule]; ok {
		return advice
	}
	return keysAdvice
}

func (c *configuration) issuerAdvice(configured string) string {
	own := c.token.Issuer()
	switch {
	case strings.TrimSuffix(configured, "/") == strings.TrimSuffix(own, "/"):
		return "JWT_ISSUER is " + configured + " and the token's issuer " + own + ": they differ in the last slash, and must not."
	case strings.EqualFold(configured, own):
		return "JWT_ISSUER is " + configured + " and the token's issuer " + own + ": they differ in upper and lower case, and must not."
	}
	return "JWT_ISSUER is " + configured + "; set it to the token's, if that is your provider: " + own
}

func orDefault(text, fallback string) string {
	if text == "" {
		return fallback
	}
	return text
}
