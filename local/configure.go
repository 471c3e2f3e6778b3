package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v3"

	"billingportal/functions/app"
	"billingportal/local/internal/tokenadvice"
)

// maxPasted is more than any token that the portal takes, which has 8 KiB, with what people paste around it.
const maxPasted = 64 << 10

// errRefused sets the exit status; what there is to say has been said.
var errRefused = errors.New("no portal takes this token as it is set")

func configureCommand() *cli.Command {
	return &cli.Command{
		Name:  "configure",
		Usage: "say what accepts a token, and the parameters that it needs",
		Description: "Reads a token of your provider's from standard input and prints what it says of itself, whether the provider's keys can be had\n" +
			"and its signature holds, and the lines for samconfig.toml:\n\n" +
			"  go run ./local configure < token.txt\n\n" +
			"Where variables JWT_… are set, it names the one rule by which they refuse the token, and what to change. Whoever has the token\n" +
			"is signed in as its user, so keep it off the command line. The exit status is 1 where the token is refused.",
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "offline", Usage: "fetch nothing: say nothing of keys and signature"},
		},
		Action: func(ctx context.Context, cmd *cli.Command) error {
			pasted, err := io.ReadAll(io.LimitReader(cmd.Root().Reader, maxPasted))
			if err != nil {
				return fmt.Errorf("read the token: %w", err)
			}
			c := configuration{getenv: os.Getenv, now: time.Now(), offline: cmd.Bool("offline"), out: cmd.Root().Writer}
			return c.run(ctx, string(pasted))
		},
	}
}

// configuration finds out what accepts a token.
type configuration struct {
	getenv  func(string) string
	now     time.Time
	offline bool
	out     io.Writer

	token *tokenadvice.Token
	taken []string // variables that were taken from the token
}

// tokenVariables are those that decide about a token.
var tokenVariables = []string{
	"JWT_ISSUER", "JWT_AUDIENCE", "JWT_JWKS_URL", "JWT_JWKS", "JWT_USER_CLAIM", "JWT_REQUIRED_SCOPE", "JWT_REQUIRED_CLAIM",
}

func (c *configuration) run(ctx context.Context, pasted string) error {
	token, err := tokenadvice.Read(pasted)
	if err != nil {
		return err //nolint:wrapcheck // it is a sentence for whoever pasted it
	}
	c.token = token
	c.printToken()
	variables := c.variables()
	rules, err := app.ReadTokenRules(func(name string) string { return variables[name] })
	if err != nil {
		return err //nolint:wrapcheck // it names the variables
	}
	refusal := c.judge(ctx, rules, c.now)
	if refusal != nil && refusal.Keys && variables["JWT_JWKS_URL"] == "" && !c.offline {
		refusal = c.searchKeys(ctx, variables, refusal)
	}
	expired := refusal != nil && refusal.Rule == "expired"
	if expired {
		// Whatever else is wrong should not wait for the next token.
		refusal = c.judge(ctx, rules, c.token.Time("exp"))
	}
	c.printVerdict(refusal, expired)
	if refusal != nil {
		c.correct(variables, refusal)
	}
	c.printParameters(variables)
	if refusal != nil || expired {
		return errRefused
	}
	return nil
}

// variables are those of the environment, and for what it leaves out the token's own.
func (c *configuration) variables() map[string]string {
	variables := map[string]string{}
	for _, name := range tokenVariables {
		variables[name] = strings.TrimSpace(c.getenv(name))
	}
	take := func(name, value string) {
		if variables[name] == "" && value != "" {
			variables[name] = value
			c.taken = append(c.taken, name)
		}
	}
	take("JWT_ISSUER", c.token.Issuer())
	take("JWT_AUDIENCE", c.token.Audience())
	if users := c.token.Users(); len(users) > 0 && users[0].Name != "sub" {
		take("JWT_USER_CLAIM", users[0].Name)
	}
	return variables
}

func (c *configuration) judge(ctx context.Context, rules *app.TokenRules, at time.Time) *app.Refusal {
	var err error
	if c.offline {
		_, err = rules.Inspect(c.token.Compact, at)
	} else {
		_, err = rules.Verify(ctx, c.token.Compact, at)
	}
	var refusal *app.Refusal
	if errors.As(err, &refusal) {
		return refusal
	}
	return nil
}

// searchKeys looks for the key set of an issuer that has no discovery, where others keep theirs.
func (c *configuration) searchKeys(ctx context.Context, variables map[string]string, discovery *app.Refusal) *app.Refusal {
	for _, place := range c.token.KeySets() {
		variables["JWT_JWKS_URL"] = place
		rules, err := app.ReadTokenRules(func(name string) string { return variables[name] })
		if err != nil {
			continue
		}
		if refusal := c.judge(ctx, rules, c.now); refusal == nil || !refusal.Keys {
			c.taken = append(c.taken, "JWT_JWKS_URL")
			return refusal
		}
	}
	variables["JWT_JWKS_URL"] = ""
	return discovery
}

// correct puts the token's own value in the place of the one that refuses it.
func (c *configuration) correct(variables map[string]string, refusal *app.Refusal) {
	switch refusal.Rule {
	case "issuer mismatch":
		variables["JWT_ISSUER"] = c.token.Issuer()
	case "audience mismatch":
		variables["JWT_AUDIENCE"] = c.token.Audience()
	case "no user":
		variables["JWT_USER_CLAIM"] = ""
		if users := c.token.Users(); len(users) > 0 {
			variables["JWT_USER_CLAIM"] = users[0].Name
		}
	}
}

func (c *configuration) printf(format string, values ...any) { fmt.Fprintf(c.out, format, values...) }

func (c *configuration) printToken() {
	claim, audiences := c.token.Audiences()
	c.printf("The token\n")
	c.printf("  issuer      %s\n", orNone(c.token.Issuer()))
	c.printf("  audience    %s\n", orNone(strings.Join(audiences, ", ")+inClaim(claim)))
	c.printf("  algorithm   %s\n", orNone(c.token.Algorithm))
	for _, row := range []struct{ name, claim string }{{"issued", "iat"}, {"not before", "nbf"}, {"expires", "exp"}} {
		if at := c.token.Time(row.claim); !at.IsZero() {
			c.printf("  %-11s %s, %s\n", row.name, at.Format(time.DateTime+" UTC"), relative(at.Sub(c.now)))
		}
	}
	if scopes := c.token.Scopes(); len(scopes) > 0 {
		c.printf("  scopes      %s\n", strings.Join(scopes, " "))
	}
	c.printCandidates("Who could be the user (JWT_USER_CLAIM)", c.token.Users())
	c.printCandidates("Who could be a team that shares a customer (JWT_USER_CLAIM too)", c.token.Teams())
	c.printCandidates("What could say who may manage billing (JWT_REQUIRED_CLAIM)", c.token.Roles())
}

func inClaim(claim string) string {
	if claim == "" || claim == "aud" {
		return ""
	}
	return " (in " + claim + ", as there is no aud)"
}

func orNone(text string) string {
	if text == "" {
		return "none"
	}
	return text
}

// relative says how long ago or ahead a time is, in its largest unit.
func relative(d time.Duration) string {
	unit, text := time.Second, "seconds"
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
		c.printf("  %-28s %s\n", candidate.Name, shortened(strings.Join(candidate.Values, ", ")))
	}
}

func shortened(text string) string {
	const most = 70
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return text
}

func (c *configuration) printVerdict(refusal *app.Refusal, expired bool) {
	c.printf("\n")
	switch {
	case refusal != nil:
		c.printf("REFUSED: %s\n%s\n", refusal.Rule, c.advice(refusal))
	case expired && c.offline:
		c.printf("EXPIRED. Apart from that, all but the signature is in order, which was not checked. Sign in again and try a fresh token.\n")
	case expired:
		c.printf("EXPIRED. Apart from that the portal takes it: keys found, signature holds. Sign in again and try a fresh token.\n")
	case c.offline:
		c.printf("ALL BUT THE SIGNATURE is in order, which was not checked: nothing was fetched.\n")
	default:
		c.printf("ACCEPTED: keys found, signature holds.\n")
	}
}

// printParameters prints lines for samconfig.toml.
func (c *configuration) printParameters(variables map[string]string) {
	c.printf("\nThe parameters for samconfig.toml\n")
	for _, name := range tokenVariables {
		if value := variables[name]; value != "" && name != "JWT_JWKS" {
			c.printf("  %s=%q\n", parameterName(name), value)
		}
	}
	if slices.Contains(c.taken, "JWT_AUDIENCE") {
		if _, audiences := c.token.Audiences(); len(audiences) > 1 {
			c.printf("Of several audiences the first was taken that is an API's. It must be one that no other service of yours shares.\n")
		}
	}
}

// parameterName is the template's name for a variable.
func parameterName(variable string) string {
	var camel strings.Builder
	for word := range strings.SplitSeq(variable, "_") {
		camel.WriteString(word[:1] + strings.ToLower(word[1:]))
	}
	return camel.String()
}
