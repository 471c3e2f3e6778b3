// Package tokenadvice reads a token as an engineer would who has to find out what accepts it. It verifies nothing: that is the
// portal's own verifier's part. What it prints holds neither the token nor its signature.
package tokenadvice

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"time"
)

// Token is what a token says of itself.
type Token struct {
	Compact   string // the token, without what was pasted around it
	Algorithm string
	KeyID     string
	claims    map[string]any
}

// Read takes a token as people paste it: with white space, quotes, or the header it is sent in. The error is a sentence that
// helps, about what is no token that the portal could take.
func Read(pasted string) (*Token, error) {
	compact := strings.Trim(strings.TrimSpace(pasted), `"'`)
	if name, value, ok := strings.Cut(compact, ":"); ok && strings.EqualFold(name, "authorization") {
		compact = strings.TrimSpace(value)
	}
	if scheme, rest, ok := strings.Cut(compact, " "); ok && strings.EqualFold(scheme, "bearer") {
		compact = strings.TrimSpace(rest)
	}
	parts := strings.Split(compact, ".")
	switch {
	case compact == "":
		return nil, errors.New("there is no token on standard input: paste one and press Ctrl-D, or use < token.txt")
	case len(parts) == 5:
		return nil, errors.New("this token is encrypted (five parts): only who it was made for can read it. Ask the provider for a signed one. " +
			"Auth0 makes such tokens where the login names no audience: name the identifier of your API")
	case len(parts) != 3:
		return nil, errors.New("this is no JWT (three parts, separated by dots) but an opaque token: only its issuer can read it. " +
			"Send the ID token, or ask the provider for an access token of your own API (at Auth0 and Okta: name its audience in the login)")
	}
	header, err := decode(parts[0])
	if err != nil {
		return nil, errors.New("the first part of this token is no JSON object in base64url: it was cut or changed on its way here")
	}
	claims, err := decode(parts[1])
	if err != nil {
		return nil, errors.New("the second part of this token is no JSON object in base64url: it was cut or changed on its way here")
	}
	t := &Token{Compact: compact, claims: claims}
	t.Algorithm, _ = header["alg"].(string)
	t.KeyID, _ = header["kid"].(string)
	switch {
	case strings.EqualFold(t.Algorithm, "none"):
		return nil, errors.New("this token is not signed (alg none): anybody could have made it")
	case strings.HasPrefix(t.Algorithm, "HS"):
		return nil, fmt.Errorf("this token is signed with a shared secret (%s): whoever can verify it can also make one, so the portal takes none. "+
			"Switch the provider to signatures with a key pair: Supabase, JWT signing keys; Auth0, the API's signing algorithm RS256; others, RS256 or ES256", t.Algorithm)
	}
	return t, nil
}

func decode(part string) (map[string]any, error) {
	text, err := base64.RawURLEncoding.DecodeString(part)
	if err != nil {
		return nil, fmt.Errorf("decode: %w", err)
	}
	var members map[string]any
	if err := json.Unmarshal(text, &members); err != nil {
		return nil, fmt.Errorf("decode: %w", err)
	}
	if members == nil {
		return nil, errors.New("null")
	}
	return members, nil
}

// Issuer is the claim iss.
func (t *Token) Issuer() string { return t.text("iss") }

// Audiences are those that the portal looks at, and the claim that they are in: aud, or where there is none client_id or azp.
func (t *Token) Audiences() (claim string, audiences []string) {
	for _, claim := range []string{"aud", "client_id", "azp"} {
		if value, ok := t.claims[claim]; ok {
			return claim, texts(value)
		}
	}
	return "", nil
}

// Audience is the one to configure: that of an API, rather than that of the provider's own user information.
func (t *Token) Audience() string {
	_, audiences := t.Audiences()
	for _, audience := range audiences {
		if !strings.HasSuffix(audience, "/userinfo") && audience != "account" {
			return audience
		}
	}
	if len(audiences) > 0 {
		return audiences[0]
	}
	return ""
}

// KeySets are where the issuer's key set may be if it has no discovery document: where others keep theirs.
func (t *Token) KeySets() []string {
	issuer := strings.TrimSuffix(t.Issuer(), "/")
	places := []string{issuer + "/.well-known/jwks.json"}
	if strings.HasPrefix(issuer, workOS) {
		for _, name := range append([]string{path.Base(issuer)}, t.Audience()) {
			if strings.HasPrefix(name, "client_") {
				places = append(places, workOS+"/sso/jwks/"+name)
			}
		}
	}
	return places
}

// workOS keeps a key set for each client.
const workOS = "https://api.workos.com"

// Time is a claim that is a time; the zero time where there is none.
func (t *Token) Time(claim string) time.Time {
	seconds, ok := t.claims[claim].(float64)
	if !ok {
		return time.Time{}
	}
	return time.Unix(int64(seconds), 0).UTC()
}

// Scopes are those of scope and scp.
func (t *Token) Scopes() []string {
	var scopes []string
	for _, claim := range []string{"scope", "scp"} {
		for _, text := range texts(t.claims[claim]) {
			scopes = append(scopes, strings.Fields(text)...)
		}
	}
	return scopes
}

// Candidate is a claim that could be used, by the name that the portal finds it under.
type Candidate struct {
	Name   string
	Values []string
}

func (t *Token) text(claim string) string {
	text, _ := t.claims[claim].(string)
	return text
}

func texts(value any) []string {
	switch value := value.(type) {
	case string:
		return []string{value}
	case []any:
		var list []string
		for _, item := range value {
			text, ok := item.(string)
			if !ok {
				return nil
			}
			list = append(list, text)
		}
		return list
	}
	return nil
}

// walk visits the claims that are texts or lists of them, also those in others, three levels deep.
func walk(prefix string, members map[string]any, depth int, visit func(name, last string, value any)) {
	for _, name := range slices.Sorted(maps.Keys(members)) {
		full := prefix + name
		switch value := members[name].(type) {
		case map[string]any:
			if depth > 1 {
				walk(full+".", value, depth-1, visit)
			}
		default:
			if len(texts(value)) > 0 {
				visit(full, name, value)
			}
		}
	}
}
