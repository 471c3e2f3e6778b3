package configure

import (
	"context"
	"crypto"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"

	"billingportal/local/internal/loopback"
)

// maxAliases is the largest number of names in JWT_ISSUER_ALIASES.
const maxAliases = 4

// replaceIssuer adds the token's issuer to JWT_ISSUER_ALIASES if it is another name of the
// configured issuer. Otherwise it makes it JWT_ISSUER, with a warning.
//
// Both names must publish the key that signed the token: anyone can publish a copy of another
// issuer's public keys.
func (c *configuration) replaceIssuer(ctx context.Context, variables map[string]string) {
	own := c.token.Issuer()
	aliases := listed(variables["JWT_ISSUER_ALIASES"])
	isCommon := c.isSignedWithCommonKey(ctx, variables)
	if isCommon && len(aliases) < maxAliases {
		variables["JWT_ISSUER_ALIASES"] = strings.Join(append(aliases, own), ",")
		c.printf("Both names publish the key that signed this token, so %s is another name of the same provider: add "+
			"it to JWT_ISSUER_ALIASES. "+
			"All names share one set of users.\n", own)
		return
	}
	variables["JWT_ISSUER"] = own
	variables["JWT_ISSUER_ALIASES"] = strings.Join(slices.DeleteFunc(aliases,
		func(alias string) bool { return alias == own }), ",")
	if isCommon {
		c.printf("Both names publish the key that signed this token, but JWT_ISSUER_ALIASES already has %d names: "+
			"remove a name that is no longer used. "+
			"Below, the token's issuer replaces JWT_ISSUER.\n", maxAliases)
		return
	}
	c.printf("If that is your provider, set JWT_ISSUER to the token's issuer.\n"+
		"\nWARNING: the two issuers do not both publish the key that signed this token%s. So the same user ID may be "+
		"another person there, who "+
		"could open this user's billing: do not add it to JWT_ISSUER_ALIASES, and replace JWT_ISSUER only before "+
		"customers are mapped.\n", c.notFetched())
}

func (c *configuration) notFetched() string {
	if c.offline {
		return ", as far as can be seen without fetching anything"
	}
	return ""
}

func listed(value string) []string {
	var items []string
	for item := range strings.SplitSeq(value, ",") {
		if item = strings.TrimSpace(item); item != "" {
			items = append(items, item)
		}
	}
	return items
}

func (c *configuration) isSignedWithCommonKey(ctx context.Context, variables map[string]string) bool {
	if c.offline {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	ours, err := configuredKeys(ctx, variables)
	if err != nil {
		return false
	}
	theirs, err := publishedKeys(ctx, c.token.Issuer())
	if err != nil {
		return false
	}
	var common []json.RawMessage
	for thumbprint, key := range ours {
		if _, ok := theirs[thumbprint]; ok {
			common = append(common, key)
		}
	}
	if len(common) == 0 {
		return false
	}
	jwks, err := json.Marshal(map[string]any{"keys": common})
	if err != nil {
		return false
	}
	user, _ := c.token.User()
	at := c.now
	if expiry := c.token.Time("exp"); expiry.Before(at) {
		at = expiry
	}
	return c.verifyOnce(ctx, map[string]string{
		"JWT_ISSUER": c.token.Issuer(), "JWT_AUDIENCE": c.token.Audience(), "JWT_USER_CLAIM": user.Name,
		"JWT_JWKS": string(jwks),
	}, at) == nil
}

// configuredKeys returns the keys that the portal uses for JWT_ISSUER, by thumbprint (RFC 7638).
func configuredKeys(ctx context.Context, variables map[string]string) (map[string]json.RawMessage, error) {
	switch {
	case variables["JWT_JWKS"] != "":
		return keysOf([]byte(variables["JWT_JWKS"]))
	case variables["JWT_JWKS_URL"] != "":
		return fetchKeys(ctx, variables["JWT_JWKS_URL"])
	}
	return publishedKeys(ctx, variables["JWT_ISSUER"])
}

// publishedKeys returns the keys that an issuer publishes under its own name: by discovery, or at
// the address that many providers without discovery use.
func publishedKeys(ctx context.Context, issuer string) (map[string]json.RawMessage, error) {
	base := strings.TrimSuffix(issuer, "/")
	var document struct {
		Issuer  string `json:"issuer"`
		JWKSURI string `json:"jwks_uri"`
	}
	text, err := fetch(ctx, base+"/.well-known/openid-configuration")
	if err == nil && json.Unmarshal(text, &document) == nil && document.Issuer == issuer {
		return fetchKeys(ctx, document.JWKSURI)
	}
	return fetchKeys(ctx, base+"/.well-known/jwks.json")
}

func fetchKeys(ctx context.Context, address string) (map[string]json.RawMessage, error) {
	text, err := fetch(ctx, address)
	if err != nil {
		return nil, err
	}
	return keysOf(text)
}

func keysOf(jwks []byte) (map[string]json.RawMessage, error) {
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(jwks, &set); err != nil {
		return nil, fmt.Errorf("read a key set: %w", err)
	}
	keys := map[string]json.RawMessage{}
	for _, raw := range set.Keys {
		var key jose.JSONWebKey
		if key.UnmarshalJSON(raw) != nil || !key.IsPublic() {
			continue
		}
		if thumbprint, err := key.Thumbprint(crypto.SHA256); err == nil {
			keys[string(thumbprint)] = raw
		}
	}
	return keys, nil
}

var errNotFetched = errors.New("not fetched")

// fetch has the portal's limits for keys: https (http only on this machine), no redirects, at most
// 150,000 bytes.
func fetch(ctx context.Context, address string) ([]byte, error) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.User != nil {
		return nil, errNotFetched
	}
	if u.Scheme != "https" && (u.Scheme != "http" || !loopback.IsHost(u.Host)) {
		return nil, errNotFetched
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, errNotFetched
	}
	client := &http.Client{
		Timeout:       3 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	response, err := client.Do(request)
	if err != nil {
		return nil, errNotFetched
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return nil, errNotFetched
	}
	return io.ReadAll(io.LimitReader(response.Body, 150_000))
}
