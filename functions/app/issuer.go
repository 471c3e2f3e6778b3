//go:build !webhook

package app

import (
	"context"
	"log/slog"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"billingportal/functions/internal/auth"
	"billingportal/functions/internal/upstream"
)

// issuer has the keys that verify tokens.
type issuer struct {
	keys auth.KeySet
	// sets are the key sets in keys. With discovery there is one for JWT_ISSUER, then one for each alias; otherwise one for all names.
	sets []keySet
}

type keySet interface {
	auth.KeySet
	Prefetch(ctx context.Context) error
	Algorithms(ctx context.Context) ([]string, error)
}

// newIssuer fetches nothing.
func newIssuer(c portalConfig, logger *slog.Logger) (issuer, error) {
	if c.jwks != "" {
		set, err := auth.ParseStaticKeySet([]byte(c.jwks))
		return issuer{keys: set, sets: []keySet{set}}, err
	}
	if c.jwksURL != "" {
		set, err := auth.NewRemoteKeySet(auth.RemoteConfig{JWKSURL: c.jwksURL, Logger: logger})
		return issuer{keys: set, sets: []keySet{set}}, err
	}
	names := auth.NamedKeySets{}
	found := issuer{keys: names}
	for alias, name := range append([]string{c.auth.Issuer}, c.auth.Aliases...) {
		named := logger
		if alias > 0 && logger != nil {
			named = logger.With("issuer_alias", alias)
		}
		set, err := auth.NewRemoteKeySet(auth.RemoteConfig{Issuer: name, Logger: named})
		if err != nil {
			return issuer{}, err
		}
		names[name] = set
		found.sets = append(found.sets, set)
	}
	return found, nil
}

// tokens reads the rules for tokens. The mode is known by now.
func (e *environment) tokens(c *portalConfig) {
	c.jwksURL, c.jwks = e.optional("JWT_JWKS_URL"), e.optional("JWT_JWKS")
	c.auth = auth.Config{
		Issuer:        e.issuer(*c),
		Audiences:     e.list("JWT_AUDIENCE", "", regexp.MustCompile(`^\S+$`), "must be audiences"),
		UserClaim:     e.matching("JWT_USER_CLAIM", "sub", attributePattern, "must be the name of a claim"),
		RequiredScope: e.matching("JWT_REQUIRED_SCOPE", none, scopePattern, "must be one scope"),
		RequiredClaim: e.requiredClaim(),
	}
	c.auth.Aliases = e.aliases(*c)
	switch {
	case c.jwks != "" && c.jwksURL != "":
		e.wrong("JWT_JWKS", "excludes JWT_JWKS_URL")
	case c.jwks != "":
		if _, err := auth.ParseStaticKeySet([]byte(c.jwks)); err != nil {
			e.wrong("JWT_JWKS", "cannot be used: "+err.Error())
		}
	case c.jwksURL != "":
		if _, err := auth.NewRemoteKeySet(auth.RemoteConfig{JWKSURL: c.jwksURL}); err != nil {
			e.wrong("JWT_JWKS_URL", "cannot be used: "+err.Error())
		}
	}
}

func (e *environment) requiredClaim() auth.RequiredClaim {
	claim, ok := e.value("JWT_REQUIRED_CLAIM", none)
	if !ok {
		return auth.RequiredClaim{}
	}
	name, values, _ := strings.Cut(claim, "=")
	c := auth.RequiredClaim{Name: name, Values: strings.Split(values, "|")}
	if name == "" || slices.Contains(c.Values, "") {
		e.wrong("JWT_REQUIRED_CLAIM", "must be name=value or name=value|value")
	}
	return c
}

// issuer reads the issuer, which tokens must repeat to the letter.
func (e *environment) issuer(c portalConfig) string {
	name, ok := e.value("JWT_ISSUER", "")
	if !ok {
		return ""
	}
	switch {
	case !isIssuer(name):
		e.wrong("JWT_ISSUER", "must be one issuer as tokens have it, without spaces and commas; if it has a colon, a URI (RFC 7519, section 2)")
	case !c.hasKeysOf(name):
		e.wrong("JWT_ISSUER", "must be an https URL that keys may come from, without query or fragment (http only for a loopback host), unless JWT_JWKS_URL or JWT_JWKS is set")
	}
	return name
}

// maxAliases bounds what one deployment trusts.
const maxAliases = 4

// aliases reads the other names of the issuer.
func (e *environment) aliases(c portalConfig) []string {
	const variable = "JWT_ISSUER_ALIASES"
	if _, given := e.value(variable, none); !given {
		return nil
	}
	aliases := e.list(variable, none, regexp.MustCompile(`.`), "must be issuers as tokens have them")
	if len(aliases) > maxAliases {
		e.wrong(variable, "must be at most four")
		return nil
	}
	for i, alias := range aliases {
		problem := ""
		switch {
		// Issuers are never patterns: these are slips, such as {tenantid} from the documentation of Entra ID.
		case !isIssuer(alias) || strings.ContainsAny(alias, "*{}"):
			problem = "must be issuers as tokens have them, without spaces and patterns; each with a colon is a URI (RFC 7519, section 2)"
		case alias == c.auth.Issuer:
			problem = "must not repeat JWT_ISSUER"
		case slices.Contains(aliases[:i], alias):
			problem = "must not have the same issuer twice"
		case !c.hasKeysOf(alias):
			problem = "must be https URLs that keys may come from, without query or fragment (http only for a loopback host), unless JWT_JWKS_URL or JWT_JWKS is set"
		case c.livemode && isOfLoopback(alias):
			problem = "must not be of a loopback host in live mode"
		}
		if problem != "" {
			e.wrong(variable, problem)
			return nil
		}
	}
	return aliases
}

// hasKeysOf reports whether the keys of a name of the issuer may be fetched by discovery, or come from elsewhere.
func (c portalConfig) hasKeysOf(name string) bool {
	if c.jwks != "" || c.jwksURL != "" {
		return true
	}
	_, err := auth.NewRemoteKeySet(auth.RemoteConfig{Issuer: name})
	return err == nil
}

// isIssuer reports whether a text is a StringOrURI: any text, which has to be a URI if it has a colon (RFC 7519, section 2). Spaces,
// control and invisible characters come from a bad copy, and a comma separates two issuers.
func isIssuer(name string) bool {
	if strings.ContainsFunc(name, func(r rune) bool { return r == ',' || r == ' ' || !unicode.IsPrint(r) }) {
		return false
	}
	if !strings.Contains(name, ":") {
		return true
	}
	u, err := url.Parse(name)
	// url.Parse lets characters pass that no URI has (RFC 3986, appendix A).
	return err == nil && u.IsAbs() && !strings.ContainsFunc(name, func(r rune) bool { return r > '~' || strings.ContainsRune("\"<>\\^`{|}", r) })
}

// isOfLoopback reports whether an issuer is on the machine itself. That is for development only.
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
