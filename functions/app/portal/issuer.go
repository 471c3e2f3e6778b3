package portal

import (
	"context"
	"log/slog"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"billingportal/functions/app/internal/config"
	"billingportal/functions/internal/auth"
	"billingportal/functions/internal/upstream"
)

var (
	claimPattern = regexp.MustCompile(`^[^\s,]+$`)
	scopePattern = regexp.MustCompile(`^[\x21\x23-\x5B\x5D-\x7E]+$`) // RFC 6749, section 3.3
)

// Tokens are the portal's rules for tokens and the source of the keys that verify them, from the
// variables JWT_….
type Tokens struct {
	Rules   auth.Config
	JWKSURL string // address of one key set for all names of the issuer
	JWKS    string // or the key set itself; if both are "", discovery finds the keys
}

// Issuer has the keys that verify tokens.
type Issuer struct {
	Keys auth.KeySet
	// Sets are the key sets in Keys. With discovery there is one for JWT_ISSUER, then one for each
	// alias. Otherwise there is one for all names.
	Sets []KeySet
}

// A KeySet can be fetched ahead and inspected.
type KeySet interface {
	auth.KeySet
	Prefetch(ctx context.Context) error
	Algorithms(ctx context.Context) ([]string, error)
}

// Issuer builds the key sets. It fetches nothing yet.
func (t Tokens) Issuer(logger *slog.Logger) (Issuer, error) {
	if t.JWKS != "" {
		set, err := auth.ParseStaticKeySet([]byte(t.JWKS))
		return Issuer{Keys: set, Sets: []KeySet{set}}, err
	}
	if t.JWKSURL != "" {
		set, err := auth.NewRemoteKeySet(auth.RemoteConfig{JWKSURL: t.JWKSURL, Logger: logger})
		return Issuer{Keys: set, Sets: []KeySet{set}}, err
	}
	names := auth.NamedKeySets{}
	found := Issuer{Keys: names}
	for alias, name := range append([]string{t.Rules.Issuer}, t.Rules.Aliases...) {
		named := logger
		if alias > 0 && logger != nil {
			named = logger.With("issuer_alias", alias)
		}
		set, err := auth.NewRemoteKeySet(auth.RemoteConfig{Issuer: name, Logger: named})
		if err != nil {
			return Issuer{}, err
		}
		names[name] = set
		found.Sets = append(found.Sets, set)
	}
	return found, nil
}

// ReadTokens reads the variables JWT_… and the mode. The error names every wrong one.
func ReadTokens(getenv func(string) string) (Tokens, error) {
	e := environment{config.NewEnvironment(getenv)}
	t := e.tokens(e.Optional("STRIPE_LIVEMODE") == "true")
	return t, e.Err()
}

func (e environment) tokens(livemode bool) Tokens {
	t := Tokens{JWKSURL: e.Optional("JWT_JWKS_URL"), JWKS: e.Optional("JWT_JWKS")}
	t.Rules = auth.Config{
		Issuer:        e.issuer(t),
		Audiences:     e.List("JWT_AUDIENCE", config.Required, regexp.MustCompile(`^\S+$`), "must be audiences"),
		UserClaim:     e.Matching("JWT_USER_CLAIM", config.Default("sub"), claimPattern, "must be the name of a claim"),
		RequiredScope: e.Matching("JWT_REQUIRED_SCOPE", config.Optional, scopePattern, "must be one scope"),
		RequiredClaim: e.requiredClaim(),
	}
	t.Rules.Aliases = e.aliases(t, livemode)
	switch {
	case t.JWKS != "" && t.JWKSURL != "":
		e.Wrong("JWT_JWKS", "excludes JWT_JWKS_URL")
	case t.JWKS != "":
		if _, err := auth.ParseStaticKeySet([]byte(t.JWKS)); err != nil {
			e.Wrong("JWT_JWKS", "cannot be used: "+err.Error())
		}
	case t.JWKSURL != "":
		if _, err := auth.NewRemoteKeySet(auth.RemoteConfig{JWKSURL: t.JWKSURL}); err != nil {
			e.Wrong("JWT_JWKS_URL", "cannot be used: "+err.Error())
		}
	}
	return t
}

func (e environment) requiredClaim() auth.RequiredClaim {
	claim, ok := e.Value("JWT_REQUIRED_CLAIM", config.Optional)
	if !ok {
		return auth.RequiredClaim{}
	}
	name, values, _ := strings.Cut(claim, "=")
	c := auth.RequiredClaim{Name: name, Values: strings.Split(values, "|")}
	if name == "" || slices.Contains(c.Values, "") {
		e.Wrong("JWT_REQUIRED_CLAIM", "must be name=value or name=value|value")
	}
	return c
}

// issuer reads the issuer, which tokens must repeat exactly.
func (e environment) issuer(t Tokens) string {
	name, ok := e.Value("JWT_ISSUER", config.Required)
	if !ok {
		return ""
	}
	switch {
	case !isIssuer(name):
		e.Wrong("JWT_ISSUER", "must be one issuer as tokens have it, without spaces and commas; if it has a colon, a "+
			"URI (RFC 7519, section 2)")
	case !t.hasKeysOf(name):
		e.Wrong("JWT_ISSUER", "must be an https URL that keys may come from, without query or fragment (http only "+
			"for a loopback host), unless JWT_JWKS_URL or JWT_JWKS is set")
	}
	return name
}

// maxAliases limits the number of issuers that one deployment trusts.
const maxAliases = 4

// aliases reads the other names of the issuer.
func (e environment) aliases(t Tokens, livemode bool) []string {
	const variable = "JWT_ISSUER_ALIASES"
	if _, given := e.Value(variable, config.Optional); !given {
		return nil
	}
	aliases := e.List(variable, config.Optional, regexp.MustCompile(`.`), "must be issuers as tokens have them")
	if len(aliases) > maxAliases {
		e.Wrong(variable, "must be at most four")
		return nil
	}
	for i, alias := range aliases {
		problem := ""
		switch {
		// Issuers are never patterns. Braces and asterisks are usually copied from documentation,
		// such as {tenantid} from Entra ID's.
		case !isIssuer(alias) || strings.ContainsAny(alias, "*{}"):
			problem = "must be issuers as tokens have them, without spaces and patterns; each with a colon is a URI " +
				"(RFC 7519, section 2)"
		case alias == t.Rules.Issuer:
			problem = "must not repeat JWT_ISSUER"
		case slices.Contains(aliases[:i], alias):
			problem = "must not have the same issuer twice"
		case !t.hasKeysOf(alias):
			problem = "must be https URLs that keys may come from, without query or fragment (http only for a " +
				"loopback host), unless JWT_JWKS_URL or JWT_JWKS is set"
		case livemode && isOfLoopback(alias):
			problem = "must not be of a loopback host in live mode"
		}
		if problem != "" {
			e.Wrong(variable, problem)
			return nil
		}
	}
	return aliases
}

// hasKeysOf reports whether the keys for a name of the issuer can be fetched by discovery or come
// from another setting.
func (t Tokens) hasKeysOf(name string) bool {
	if t.JWKS != "" || t.JWKSURL != "" {
		return true
	}
	_, err := auth.NewRemoteKeySet(auth.RemoteConfig{Issuer: name})
	return err == nil
}

// isIssuer reports whether name is a StringOrURI: any text, which must be a URI if it has a colon
// (RFC 7519, section 2). Spaces, control characters and invisible characters come from a bad copy,
// and a comma separates two issuers.
func isIssuer(name string) bool {
	if strings.ContainsFunc(name, func(r rune) bool { return r == ',' || r == ' ' || !unicode.IsPrint(r) }) {
		return false
	}
	if !strings.Contains(name, ":") {
		return true
	}
	u, err := url.Parse(name)
	// url.Parse accepts characters that a URI must not have (RFC 3986, appendix A).
	return err == nil && u.IsAbs() &&
		!strings.ContainsFunc(name, func(r rune) bool { return r > '~' || strings.ContainsRune("\"<>\\^`{|}", r) })
}

// isOfLoopback reports whether an issuer is on this machine, which is for development only.
func isOfLoopback(name string) bool {
	if _, rest, ok := strings.Cut(name, "://"); ok {
		name = rest
	}
	u, err := url.Parse("//" + name)
	if err != nil {
		return false
	}
	host := strings.TrimSuffix(strings.ToLower(u.Hostname()), ".")
	return upstream.IsLoopback(host) || strings.HasSuffix(host, ".localhost") // RFC 6761, section 6.3
}
