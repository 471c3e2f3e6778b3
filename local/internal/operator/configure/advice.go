package configure

import (
	"cmp"
	"strings"

	"billingportal/functions/app/operator"
)

const (
	noSettingAdvice = "JWT_ISSUER cannot have this value: an issuer with spaces, commas, control characters or a " +
		"query. Only the provider can correct that."
	noDiscoveryAdvice = "Keys are discovered only from an https URL. Set JWT_JWKS_URL to the address of the " +
		"provider's key set, or JWT_JWKS to the keys."
)

// advice says what to change so that the variables accept the token.
func (c *configuration) advice(variables map[string]string, refusal *operator.Refusal) string {
	switch refusal.Cause {
	case operator.OtherIssuer:
		return c.issuerAdvice(variables["JWT_ISSUER"], listed(variables["JWT_ISSUER_ALIASES"]))
	case operator.OtherAudience:
		return c.audienceAdvice(variables["JWT_AUDIENCE"])
	case operator.NoIssuer:
		return sentence(c.token.UserProblem("iss"), refusal.Advice)
	case operator.NoUser:
		return c.userAdvice(c.userClaim(variables))
	case operator.MalformedTime:
		return sentence(c.token.TimeProblem(refusal.Claim), refusal.Advice)
	case operator.BadSignature:
		if c.token.IsForMicrosoftGraph() {
			return "This token is for Microsoft Graph, and only Microsoft Graph can verify it. Request a scope of " +
				"your own API (api://…) at sign-in, or send the ID token."
		}
	case operator.LacksScope:
		return "Its scopes are: " + cmp.Or(strings.Join(c.token.Scopes(), " "), "none") +
			". Request the scope at sign-in, or remove JWT_REQUIRED_SCOPE."
	case operator.LacksRole:
		return "JWT_REQUIRED_CLAIM is " + variables["JWT_REQUIRED_CLAIM"] +
			". The list above has the claims that could say who may manage billing: this user may not, or the claim " +
			"has another name."
	}
	return refusal.Advice
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
		return "No item of JWT_AUDIENCE can have this audience: it has a space, a comma or a character outside " +
			"ASCII. Only the provider can correct that."
	}
	text := "JWT_AUDIENCE is " + configured + "; the token is for " +
		cmp.Or(strings.Join(audiences, ", ")+inClaim(claim), "none") + ". "
	if audience := c.token.Audience(); audience == "" || c.token.SharedAudience(audience) != "" {
		return text + "That is not your API: request a token for your API at sign-in."
	}
	return text +
		"Set JWT_AUDIENCE to one of these, if it is your own API or app. If not, request a token for your API at " +
		"sign-in."
}

func (c *configuration) userAdvice(claim string) string {
	text := sentence(c.token.UserProblem(claim), "")
	if user, ok := c.token.User(); ok && user.Name != claim {
		return text + "Set JWT_USER_CLAIM to one of the claims above that could be the user."
	}
	return text + "No other claim can be the user. Configure the provider to write the user's ID into " + claim +
		", as a string. The tokens of machines have no user."
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
		return text + " They differ in the last slash, and must be exactly equal."
	case strings.EqualFold(configured, own):
		return text + " They differ in upper and lower case, and must be exactly equal."
	}
	return text
}
