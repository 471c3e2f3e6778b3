// Package configure finds the settings of the portal that accept a token.
package configure

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v3"

	"billingportal/functions/app/operator"
	"billingportal/local/internal/commandline"
	"billingportal/local/internal/operator/tokenadvice"
)

// maxPasted limits the input, in bytes. It is more than any token that the portal accepts (8 KiB),
// with the text that people paste around it, in UTF-16.
const maxPasted = 256 << 10

// These errors end a run whose output has the reason. They name the next step.
var (
	errRefused = errors.New("the portal refuses this token: make the change that is described above, then run " +
		"configure again")
	errExpired  = errors.New("the token has expired: sign in again, then run configure with the new token")
	errUnusable = errors.New("no settings accept this token: get another token, as described above, then run " +
		"configure with it")
)

// waiting tells a person at a terminal why nothing happens. A terminal in canonical mode keeps at
// most 4,096 characters of a line, including the line end.
//
// https://man7.org/linux/man-pages/man3/termios.3.html
const waiting = "Waiting for a token: paste it, then press Enter and Ctrl-D. A terminal keeps only about 4,000 " +
	"characters of a line,\nso for a longer token press Ctrl-C and use: go run ./local configure < token.txt"

// Command returns the command configure, which reads the JWT_… variables with getenv.
func Command(getenv func(string) string) *cli.Command {
	return &cli.Command{
		Name:      "configure",
		Usage:     "Find the settings that accept a token of your identity provider",
		UsageText: "go run ./local configure [options] < token.txt",
		Description: "EXAMPLES:\n" +
			"   go run ./local configure < token.txt             find the settings\n" +
			"   JWT_ISSUER=… JWT_AUDIENCE=… go run ./local configure < token.txt\n" +
			"                                                    say why these settings refuse the token\n\n" +
			"It reads the token from standard input. It prints the claims of the token, whether the provider's keys " +
			"can be fetched,\nwhether the signature is valid, and the lines for .deploy/ENV.toml. If JWT_… variables " +
			"are set, it names the one rule that\nrefuses the token, and what to change.\n\n" +
			"A token signs in its user, so keep it out of command lines and shell histories. The exit status is 1 if " +
			"the token is refused.",
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "offline", Usage: "fetch nothing, so the keys and the signature are not checked"},
		},
		Action: func(ctx context.Context, cmd *cli.Command) error {
			if commandline.IsTerminal(cmd.Root().Reader) {
				fmt.Fprintln(cmd.Root().ErrWriter, waiting)
			}
			pasted, err := io.ReadAll(io.LimitReader(cmd.Root().Reader, maxPasted+1))
			if err != nil {
				return fmt.Errorf("read the token: %w", err)
			}
			if len(pasted) > maxPasted {
				return fmt.Errorf("standard input has more than %d KiB: paste only the token", maxPasted>>10)
			}
			c := configuration{getenv: getenv, now: time.Now(), offline: cmd.Bool("offline"), out: cmd.Root().Writer}
			if err := c.run(ctx, string(pasted)); err != nil {
				return err
			}
			commandline.Next(cmd, "copy the parameters into .deploy/prod.toml, then run\n  make deploy ENV=prod")
			return nil
		},
	}
}

// configuration finds the settings that accept a token.
type configuration struct {
	getenv  func(string) string
	now     time.Time
	offline bool
	out     io.Writer

	token *tokenadvice.Token
	taken []string // variables that were taken from the token
}

// tokenVariables are the variables that decide whether a token is accepted.
var tokenVariables = []string{
	"JWT_ISSUER", "JWT_ISSUER_ALIASES", "JWT_AUDIENCE", "JWT_JWKS_URL", "JWT_JWKS", "JWT_USER_CLAIM",
	"JWT_REQUIRED_SCOPE", "JWT_REQUIRED_CLAIM",
}

// variablesSet returns the names of the JWT_… variables that are set.
func variablesSet(getenv func(string) string) []string {
	var set []string
	for _, name := range tokenVariables {
		if strings.TrimSpace(getenv(name)) != "" {
			set = append(set, name)
		}
	}
	return set
}

// Target names what configure reads.
func Target(getenv func(string) string) string {
	if len(variablesSet(getenv)) == 0 {
		return "a token from standard input"
	}
	return "a token from standard input, and the JWT_… variables of the environment"
}

func (c *configuration) run(ctx context.Context, pasted string) error {
	c.printTarget()
	token, err := tokenadvice.Read(pasted)
	if err != nil {
		return err // its text is for the person who pasted the token
	}
	c.token = token
	if err := c.checkVariables(); err != nil {
		return err
	}
	c.printToken()
	variables := c.variables()
	v := c.evaluate(ctx, variables)
	c.printVerdict(variables, v)
	final := v
	if v.refusal != nil {
		final = c.correct(ctx, variables, v)
	}
	c.printWarnings(variables)
	if !c.isSettable(final) {
		c.printf("\nNo settings accept this token.\n")
		return errUnusable
	}
	c.printParameters(variables)
	c.printCommand(variables)
	switch {
	case v.refusal != nil:
		return errRefused
	case v.expired:
		return errExpired
	}
	return nil
}

// checkVariables reports variables of the environment that are wrong for any token.
func (c *configuration) checkVariables() error {
	_, err := c.rules(c.environment(), true)
	return err
}

func (c *configuration) environment() map[string]string {
	variables := map[string]string{}
	for _, name := range tokenVariables {
		variables[name] = strings.TrimSpace(c.getenv(name))
	}
	return variables
}

// variables returns the variables of the environment, completed from the token.
func (c *configuration) variables() map[string]string {
	variables := c.environment()
	take := func(name, value string) {
		if variables[name] == "" && value != "" {
			variables[name] = value
			c.taken = append(c.taken, name)
		}
	}
	take("JWT_ISSUER", c.token.Issuer())
	take("JWT_AUDIENCE", c.token.Audience())
	user, ok := c.token.User()
	if ok && user.Name != "sub" {
		take("JWT_USER_CLAIM", user.Name)
	}
	if name, _ := c.token.Text(c.userClaim(variables)); tokenadvice.IsAddress(name) && c.token.IsVerified() {
		take("JWT_REQUIRED_CLAIM", tokenadvice.EmailRule)
	}
	return variables
}

func (c *configuration) userClaim(variables map[string]string) string {
	return cmp.Or(variables["JWT_USER_CLAIM"], "sub")
}

// verdict is the portal's answer to a token.
type verdict struct {
	refusal *operator.Refusal // the first rule that refuses it, apart from its expiry; nil if every rule accepts it
	expired bool
	never   bool // the token was never valid, so the other rules could not be checked
}

// evaluate checks the token with the portal's verifier. If the token has expired, it checks the
// other rules at the time of expiry, so that their advice does not wait for the next token.
func (c *configuration) evaluate(ctx context.Context, variables map[string]string) verdict {
	v := verdict{refusal: c.verify(ctx, variables, c.now)}
	if v.refusal == nil || v.refusal.Cause != operator.Expired {
		return v
	}
	v.expired = true
	v.refusal = c.verify(ctx, variables, c.token.Time("exp"))
	if v.refusal != nil && v.refusal.Cause == operator.TooEarly {
		v.refusal, v.never = nil, true
	}
	return v
}

// verify returns why the portal would refuse the token at a time, or nil. It searches for the keys
// of an issuer without discovery.
func (c *configuration) verify(ctx context.Context, variables map[string]string, at time.Time) *operator.Refusal {
	refusal := c.verifyOnce(ctx, variables, at)
	if refusal == nil || refusal.Cause != operator.KeysUnavailable || c.offline || variables["JWT_JWKS_URL"] != "" ||
		variables["JWT_JWKS"] != "" {
		return refusal
	}
	for _, place := range c.token.KeySets() {
		variables["JWT_JWKS_URL"] = place
		if found := c.verifyOnce(ctx, variables, at); found == nil || found.Cause != operator.KeysUnavailable {
			c.taken = append(c.taken, "JWT_JWKS_URL")
			return found
		}
	}
	variables["JWT_JWKS_URL"] = ""
	return refusal
}

func (c *configuration) verifyOnce(ctx context.Context, variables map[string]string, at time.Time) *operator.Refusal {
	rules, err := c.rules(variables, c.offline)
	if err == nil && !c.offline {
		return rules.Verify(ctx, c.token.Compact, at)
	}
	if rules, err = c.rules(variables, true); err != nil {
		return &operator.Refusal{Rule: "an issuer that no setting can have", Advice: noSettingAdvice}
	}
	if refusal := rules.Inspect(c.token.Compact, at); refusal != nil || c.offline {
		return refusal
	}
	return &operator.Refusal{Rule: "an issuer whose keys cannot be discovered", Cause: operator.KeysUnavailable,
		Advice: noDiscoveryAdvice}
}

// rules returns the rules of the variables. A missing issuer or audience gets a placeholder, so
// that the verifier can say what the token lacks. With withoutKeys, the rules are only for Inspect.
func (c *configuration) rules(variables map[string]string, withoutKeys bool) (*operator.TokenRules, error) {
	complete := maps.Clone(variables)
	complete["JWT_ISSUER"] = cmp.Or(complete["JWT_ISSUER"], "https://issuer.invalid")
	complete["JWT_AUDIENCE"] = cmp.Or(complete["JWT_AUDIENCE"], "none")
	complete["STRIPE_LIVEMODE"] = c.getenv("STRIPE_LIVEMODE") // some issuers are only for test mode
	if withoutKeys && complete["JWT_JWKS"] == "" && complete["JWT_JWKS_URL"] == "" {
		complete["JWT_JWKS_URL"] = "https://keys.invalid/"
	}
	// The error names the variables.
	return operator.ReadTokenRules(func(name string) string { return complete[name] })
}

// correct replaces the values that refuse the token with the token's own values, as long as that is
// safe. It prints the result.
func (c *configuration) correct(ctx context.Context, variables map[string]string, v verdict) verdict {
	corrected := false
	for v.refusal != nil && c.replace(ctx, variables, v.refusal.Cause) {
		corrected = true
		if v = c.evaluate(ctx, variables); v.refusal != nil {
			c.printf("The next rule: %s. %s\n", v.refusal.Rule, c.advice(variables, v.refusal))
		}
	}
	if corrected && v.refusal == nil && !v.expired {
		c.printf("With the parameters below the portal accepts it%s.\n", c.ofKeys(variables))
	}
	return v
}

// replace changes the variable that causes a refusal, and reports whether it did.
func (c *configuration) replace(ctx context.Context, variables map[string]string, cause operator.Cause) bool {
	switch cause {
	case operator.OtherIssuer:
		if variables["JWT_ISSUER"] == c.token.Issuer() {
			return false
		}
		c.replaceIssuer(ctx, variables)
		return true
	case operator.OtherAudience:
		audience := c.token.Audience()
		if audience == "" || audience == variables["JWT_AUDIENCE"] || c.token.SharedAudience(audience) != "" {
			return false
		}
		variables["JWT_AUDIENCE"] = audience
		return true
	case operator.NoUser, operator.UnusableUser:
		user, ok := c.token.User()
		if !ok || user.Name == c.userClaim(variables) {
			return false
		}
		variables["JWT_USER_CLAIM"] = user.Name
		return true
	}
	return false
}

// isSettable reports whether settings are worth printing: they accept the token, or they may accept
// it after the keys or the user's rights are corrected.
func (c *configuration) isSettable(v verdict) bool {
	if v.refusal == nil {
		return true
	}
	switch v.refusal.Cause {
	case operator.KeysUnavailable, operator.LacksScope, operator.LacksRole:
		return true
	case operator.UnknownKey, operator.BadSignature:
		return c.getenv("JWT_JWKS") != "" || c.getenv("JWT_JWKS_URL") != ""
	}
	return false
}

func (c *configuration) isTaken(name string) bool { return slices.Contains(c.taken, name) }
