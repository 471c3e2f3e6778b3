package configure

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"billingportal/local/internal/commandline"
	"billingportal/local/internal/operator/tokenadvice"
)

// printf prints no control characters, except those of the format: the maker of the token chose
// most of the values.
func (c *configuration) printf(format string, values ...any) {
	for i, value := range values {
		if text, ok := value.(string); ok {
			values[i] = tokenadvice.Printable(text)
		}
	}
	fmt.Fprintf(c.out, format, values...)
}

func (c *configuration) printTarget() {
	set := variablesSet(c.getenv)
	if len(set) == 0 {
		c.printf("No variable JWT_… is set: looking for settings that accept the token on standard input.\n\n")
		return
	}
	c.printf("Checking the token on standard input against %s of the environment.\n\n", strings.Join(set, ", "))
}

func (c *configuration) printToken() {
	claim, audiences := c.token.Audiences()
	c.printf("The token\n")
	if c.token.Source != "" {
		c.printf("  taken from  %s\n", c.token.Source)
	}
	c.printf("  issuer      %s\n", cmp.Or(c.token.Issuer(), "none"))
	c.printf("  audience    %s\n", cmp.Or(strings.Join(audiences, ", ")+inClaim(claim), "none"))
	c.printf("  algorithm   %s\n", cmp.Or(c.token.Algorithm, "none"))
	for _, row := range []struct{ name, claim string }{{"issued", "iat"}, {"not before", "nbf"}, {"expires", "exp"}} {
		if problem := c.token.TimeProblem(row.claim); problem != "" {
			c.printf("  %-11s %s\n", row.name, problem)
		} else if at := c.token.Time(row.claim); !at.IsZero() {
			c.printf("  %-11s %s, %s\n", row.name, at.Format(time.DateTime+" UTC"), relative(at.Sub(c.now)))
		}
	}
	if scopes := c.token.Scopes(); len(scopes) > 0 {
		c.printf("  scopes      %s\n", shortened(strings.Join(scopes, " ")))
	}
	c.printCandidates("Who could be the user (JWT_USER_CLAIM)", c.token.Users())
	c.printCandidates("Who could be a team that shares a customer (JWT_USER_CLAIM too)", c.token.Teams())
	c.printCandidates("What could say who may manage billing (JWT_REQUIRED_CLAIM)", c.token.Roles())
}

func inClaim(claim string) string {
	if claim == "" || claim == "aud" {
		return ""
	}
	return " (in " + claim + ", because there is no aud)"
}

// relative returns a duration as a time ago or ahead, in its largest unit.
func relative(d time.Duration) string {
	unit, text := time.Second, "seconds"
	if d.Abs() >= time.Second && d.Abs() < 2*time.Second {
		text = "second" // a larger unit begins at 2
	}
	for _, larger := range []struct {
		unit time.Duration
		text string
	}{{time.Minute, "minutes"}, {time.Hour, "hours"}, {24 * time.Hour, "days"}} {
		if d.Abs() >= 2*larger.unit {
			unit, text = larger.unit, larger.text
		}
	}
	if d < 0 {
		return fmt.Sprintf("%d %s ago", -d/unit, text)
	}
	return fmt.Sprintf("in %d %s", d/unit, text)
}

func (c *configuration) printCandidates(title string, candidates []tokenadvice.Candidate) {
	if len(candidates) == 0 {
		return
	}
	c.printf("\n%s\n", title)
	for _, candidate := range candidates {
		note := ""
		if candidate.Note != "" {
			note = " (" + candidate.Note + ")"
		}
		c.printf("  %-28s %s%s\n", candidate.Name, shortened(strings.Join(candidate.Values, ", ")), note)
	}
}

func shortened(text string) string {
	const most = 70
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return text
}

func (c *configuration) printVerdict(variables map[string]string, v verdict) {
	c.printf("\n")
	switch {
	case v.refusal != nil:
		c.printf("REFUSED: %s\n%s\n", v.refusal.Rule, c.advice(c.environment(), v.refusal))
	case v.never:
		c.printf("EXPIRED. It was never valid, because it expired before its time of issue (iat) or its start (nbf): " +
			"no other rule could be checked.\n" +
			"Sign in again and try a new token. If it has the same times, only the provider can correct them.\n")
	case v.expired && c.offline:
		c.printf("EXPIRED. Everything else is in order, but the signature was not checked. Sign in again and try a " +
			"fresh token.\n")
	case v.expired:
		c.printf("EXPIRED. Apart from that the portal accepts it%s. Sign in again and try a fresh token.\n",
			c.ofKeys(variables))
	case c.offline:
		c.printf("ALL BUT THE SIGNATURE is in order. The signature was not checked, because nothing was fetched.\n")
	default:
		c.printf("ACCEPTED%s.\n", c.ofKeys(variables))
	}
}

// ofKeys continues a sentence with the result of the key checks.
func (c *configuration) ofKeys(variables map[string]string) string {
	switch {
	case c.offline:
		return ", if its signature is valid"
	case variables["JWT_JWKS"] == "" && variables["JWT_JWKS_URL"] == "":
		return ": discovery works, keys found, signature valid"
	}
	return ": keys found, signature valid"
}

// printParameters prints lines for the operator's file, which takes precedence over samconfig.toml.
func (c *configuration) printParameters(variables map[string]string) {
	c.printf("\nThe parameters for .deploy/ENV.toml (they take precedence over samconfig.toml)\n")
	for _, name := range tokenVariables {
		if value := variables[name]; value != "" && name != "JWT_JWKS" {
			c.printf("  %s=%s\n", ParameterName(name), inTOML(value))
		}
	}
	if _, audiences := c.token.Audiences(); c.isTaken("JWT_AUDIENCE") && len(audiences) > 1 {
		c.printf("The token has several audiences. Choose the one that only your API has.\n")
	}
}

// inTOML returns a value as a TOML basic string (TOML 1.0.0, "String").
func inTOML(value string) string {
	return `"` + tokenadvice.Printable(strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(value)) + `"`
}

// printCommand prints the command that starts the development server with these settings.
func (c *configuration) printCommand(variables map[string]string) {
	var words []string
	for _, name := range tokenVariables {
		if value := variables[name]; value != "" && name != "JWT_JWKS" {
			words = append(words, name+"="+commandline.Quote(value))
		}
	}
	words = append(words, "ALLOWED_ORIGINS=http://localhost:3000", "DEFAULT_RETURN_URL=http://localhost:3000/",
		"go run ./local --everyone alice")
	c.printf("\nTo try it with your own app on http://localhost:3000\n  %s\n", strings.Join(words, " "))
}

// printWarnings names settings that work but are not safe.
func (c *configuration) printWarnings(variables map[string]string) {
	warn := func(format string, values ...any) { c.printf("\nWARNING: "+format+"\n", values...) }
	configured := strings.Split(variables["JWT_AUDIENCE"], ",")
	_, audiences := c.token.Audiences()
	for _, audience := range audiences {
		reason := c.token.SharedAudience(audience)
		switch {
		case reason == "":
		case slices.ContainsFunc(configured, func(name string) bool { return strings.TrimSpace(name) == audience }):
			warn("the audience %s is %s. JWT_AUDIENCE must be the audience of your own API. Otherwise "+
				"the portal accepts tokens that were made for others: request a token for your API at sign-in.",
				audience, reason)
		default:
			warn("the audience %s is %s. It is left out of JWT_AUDIENCE.", audience, reason)
		}
	}
	c.warnOfUser(warn, variables)
	if claim, _, _ := strings.Cut(variables["JWT_REQUIRED_CLAIM"], "="); tokenadvice.IsSelfWritten(claim) {
		warn("users can write %s themselves, so JWT_REQUIRED_CLAIM protects nothing. Use a claim that only the "+
			"provider or your server writes.", claim)
	}
	if names := c.token.SelfWritten(); len(names) > 0 {
		warn("users can write these claims themselves, so do not use them in JWT_USER_CLAIM or JWT_REQUIRED_CLAIM: %s",
			shortenedList(names))
	}
}

func (c *configuration) warnOfUser(warn func(string, ...any), variables map[string]string) {
	claim := c.userClaim(variables)
	value, isText := c.token.Text(claim)
	if problem := c.token.UserProblem("sub"); claim != "sub" && problem != "" && c.isTaken("JWT_USER_CLAIM") {
		warn("%s. So JWT_USER_CLAIM is %s.", problem, claim)
	}
	switch {
	case !isText:
	case tokenadvice.IsSelfWritten(claim):
		warn("users can write %s themselves: with it as JWT_USER_CLAIM, anyone can open the billing of anyone else. "+
			"Use sub.", claim)
	case c.token.IsEveryones(value):
		warn("%s is the same in all tokens of this issuer or app: with it as JWT_USER_CLAIM, all users share one "+
			"customer. If it is the ID of the app, this is the token of a machine and has no user.", claim)
	case tokenadvice.IsAddress(value):
		warn("the user in %s is an e-mail address. An address can pass to another person, and a person may register "+
			"with "+
			"the address of someone else and open their billing. Use an ID that never changes. If there is none, set "+
			"JWT_REQUIRED_CLAIM to "+
			"%s (JwtRequiredClaim=\"%s\").%s",
			claim, tokenadvice.EmailRule, tokenadvice.EmailRule, c.ofVerification())
	case slices.Contains(tokenadvice.UserNames, claim):
		warn("the user in %s is a name, and a provider may let users change it or give it to another person. Use sub "+
			"or another ID that never changes.", claim)
	}
}

// ofVerification continues the advice about an address that the token does not call verified.
func (c *configuration) ofVerification() string {
	if c.token.IsVerified() {
		return ""
	}
	return " That rule refuses this token: it does not say that the address is verified."
}

func shortenedList(names []string) string {
	const most = 12
	if len(names) > most {
		return strings.Join(names[:most], ", ") + fmt.Sprintf(" and %d more", len(names)-most)
	}
	return strings.Join(names, ", ")
}

// ParameterName returns the name of a variable as a template parameter.
func ParameterName(variable string) string {
	var camel strings.Builder
	for word := range strings.SplitSeq(variable, "_") {
		camel.WriteString(word[:1] + strings.ToLower(word[1:]))
	}
	return camel.String()
}
