package configure

import (
	"cmp"
	"strings"

	"billingportal/functions/app/operator"
)

// ruleAdvice says what to do about each rule of the verifier that can refuse a token. Those about its shape share one text: the
// token was changed on its way, or its issuer makes tokens that no verifier should accept.
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
	"malformed audience":                      "The audience has to be a string or an array of strings. Only the provider can correct that.",
	"malformed expiry":                        timeAdvice,
	"malformed not-before time":               timeAdvice,
	"malformed time of issue":                 timeAdvice,
	"larger than 8 KiB":                       "Have the provider put less into it: groups and permissions make tokens large.",
	"algorithm not accepted":                  "Switch the provider to RS256, ES256 or EdDSA.",
	"crit in header":                          "Its issuer requires an extension of JWS that the portal does not know. Ask for a plain token.",
	"b64 in header":                           "Its issuer requires an extension of JWS that the portal does not know. Ask for a plain token.",
	"typ not accepted":                        "It was made for another purpose, such as a logout or a refresh. Send the access token or the ID token.",
	"no issuer":                               "Ask the provider for an access token or an ID token of OpenID Connect: these say who made them (iss).",
	"no audience":                             "The token does not say whom it is for: it has neither aud nor client_id nor azp. Ask the provider to put an audience in.",
	"no expiry":                               "It would be valid forever. Ask the provider for tokens that expire (exp).",
	"expired":                                 "Sign in again and try a fresh token.",
	"not valid yet":                           earlyAdvice,
	"issued in the future":                    earlyAdvice,
	"user with control characters":            "Choose another claim as JWT_USER_CLAIM.",
	"user longer than 255 characters":         "Choose another claim as JWT_USER_CLAIM.",
	"bad signature":                           "The token was changed or cut, or another issuer made it: another tenant or environment of the same name. Compare where it came from.",
	"algorithm is not the key's":              "The key that it names is for another algorithm. Only the provider can correct that.",
	"unknown key":                             "The issuer's key set does not have the key that the token names: another tenant or environment made it, or JWT_JWKS_URL or JWT_JWKS belongs to another.",
	"no keys for the issuer":                  keysAdvice,
	"discovery: not a configuration document": discoveryAdvice,
	"discovery: configuration document of another issuer": "Discovery names another issuer than the token, often one with or without the last slash. JWT_ISSUER has to be the token's; " +
		"set JWT_JWKS_URL to the jwks_uri of that document.",
	ruleNoSetting:   "JWT_ISSUER cannot have this value: an issuer with spaces, commas, control characters or a query. Only the provider can correct that.",
	ruleNoDiscovery: "Keys are discovered only from an https URL. Set JWT_JWKS_URL to the address of the provider's key set, or JWT_JWKS to the keys.",
}

const (
	shapeAdvice = "The token was cut or changed on its way here, or it is not a token of OpenID Connect. Copy all of it again. A terminal keeps about 4,000\n" +
		"characters of a pasted line, so use < token.txt."
	timeAdvice      = "Times in a token are whole seconds since 1970 (RFC 7519, section 2). Only the provider can correct that."
	earlyAdvice     = "The token's time has not come. Compare this machine's clock with the provider's; a difference of whole hours is a time zone's."
	discoveryAdvice = "The issuer has no configuration document below /.well-known/openid-configuration. Set JWT_JWKS_URL to the address of its key set."
	keysAdvice      = "Try its address from here with curl. If the provider has no discovery, set JWT_JWKS_URL to the address of its key set."
)

// timeClaims are the claims that rules are about.
var timeClaims = map[string]string{"malformed expiry": "exp", "malformed not-before time": "nbf", "malformed time of issue": "iat"}

// advice says what to change so that a token is accepted with variables.
func (c *configuration) advice(variables map[string]string, refusal *operator.Refusal) string {
	advice := cmp.Or(ruleAdvice[refusal.Rule], keysAdvice)
	switch {
	case refusal.Rule == "issuer mismatch":
		return c.issuerAdvice(variables["JWT_ISSUER"], listed(variables["JWT_ISSUER_ALIASES"]))
	case refusal.Rule == "audience mismatch":
		return c.audienceAdvice(variables["JWT_AUDIENCE"])
	case refusal.Rule == "no issuer":
		return sentence(c.token.UserProblem("iss"), advice)
	case refusal.Rule == "no user":
		return c.userAdvice(c.userClaim(variables))
	case timeClaims[refusal.Rule] != "":
		return sentence(c.token.TimeProblem(timeClaims[refusal.Rule]), advice)
	case refusal.Rule == "bad signature" && c.token.IsForMicrosoftGraph():
		return "This token is for Microsoft Graph, which alone can verify it. Have the login ask for a scope of your own API (api://…), or send the ID token."
	case strings.HasPrefix(refusal.Rule, "token lacks the scope"):
		return "Its scopes are: " + cmp.Or(strings.Join(c.token.Scopes(), " "), "none") + ". Have the login ask for it, or remove JWT_REQUIRED_SCOPE."
	case strings.HasPrefix(refusal.Rule, "token's claim"):
		return "JWT_REQUIRED_CLAIM is " + variables["JWT_REQUIRED_CLAIM"] + ". The list above has the claims that could say who may manage billing: this user may not, or the claim has another name."
	}
	return advice
}

func sentence(problem, advice string) string {
	if problem == "" {
		return advice
	}
	return problem + ". " + advice
}

func (c *configuration) audienceAdvice(configured string) string {
	claim, audiences := c.token.Audiences()
	if configured == "" {
		return "No item of JWT_AUDIENCE can have this audience: it has a space, a comma or a character outside of ASCII. Only the provider can correct that."
	}
	text := "JWT_AUDIENCE is " + configured + "; the token is for " + cmp.Or(strings.Join(audiences, ", ")+inClaim(claim), "none") + ". "
	if audience := c.token.Audience(); audience == "" || c.token.SharedAudience(audience) != "" {
		return text + "That is not your API: have the login ask for your API."
	}
	return text + "Set JWT_AUDIENCE to one of these, if it is your own API or app; else have the login ask for your API."
}

func (c *configuration) userAdvice(claim string) string {
	text := sentence(c.token.UserProblem(claim), "")
	if user, ok := c.token.User(); ok && user.Name != claim {
		return text + "Set JWT_USER_CLAIM to one of the claims above that could be the user."
	}
	return text + "No other claim can be the user. Have the provider put a user's ID into " + claim + ", as a string: machines' tokens have none."
}

func (c *configuration) issuerAdvice(configured string, aliases []string) string {
	own := c.token.Issuer()
	text := "JWT_ISSUER is " + configured
	if len(aliases) > 0 {
		text += " with the aliases " + strings.Join(aliases, ", ")
	}
	text += "; the token's issuer is " + own + "."
	switch {
	case strings.TrimSuffix(configured, "/") == strings.TrimSuffix(own, "/"):
		return text + " They differ in the last slash, and must be the same to the letter."
	case strings.EqualFold(configured, own):
		return text + " They differ in upper and lower case, and must be the same to the letter."
	}
	return text
}
