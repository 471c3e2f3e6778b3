// Package tokenadvice reads a token to find the settings that accept it. It verifies nothing: the
// portal's own verifier does that. Texts for printing contain neither the token nor its signature.
package tokenadvice

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
)

// Token has the content of a token.
type Token struct {
	Compact   string // the token itself
	Source    string // its place in the pasted text, if there were several tokens
	Algorithm string
	header    map[string]any
	claims    map[string]any
}

// Read finds the token in a pasted text: with white space, quotes or its header, or in the whole
// answer of a token endpoint. The error is a text for the person who pasted it. It says why the
// portal can never accept this text.
func Read(pasted string) (*Token, error) {
	list, err := candidatesIn(pasted)
	if err != nil {
		return nil, err
	}
	var best *Token
	var refusal error
	var skipped []string
	for _, candidate := range list {
		name := strings.TrimSpace(Printable(candidate.name))
		token, err := parse(candidate.text)
		switch {
		case err != nil && refusal == nil:
			refusal = err
			if name != "" {
				refusal = fmt.Errorf("%s: %w", name, err)
			}
		case err == nil && (best == nil || best.isForAnother() && !token.isForAnother()):
			if best != nil {
				skipped = append(skipped, best.Source+" is for an API that all users share")
			}
			token.Source = name
			best = token
		}
		if err != nil && name != "" {
			skipped = append(skipped, name+" cannot be used: "+err.problem)
		}
	}
	if best == nil {
		return nil, refusal
	}
	if len(list) > 1 {
		best.Source = fmt.Sprintf("%s, of %d tokens in the pasted text", cmp.Or(best.Source, "the first"), len(list))
		if len(skipped) > 0 {
			best.Source += " (" + strings.Join(skipped, "; ") + ")"
		}
	}
	return best, nil
}

// unusable says why the portal can never accept a text as a token.
type unusable struct{ problem, advice string }

func (u *unusable) Error() string {
	if u.advice == "" {
		return u.problem
	}
	return u.problem + ": " + u.advice
}

// isForAnother reports whether the token has only audiences that all users' tokens have.
func (t *Token) isForAnother() bool {
	_, audiences := t.Audiences()
	return len(audiences) > 0 &&
		!slices.ContainsFunc(audiences, func(audience string) bool { return t.SharedAudience(audience) == "" })
}

var (
	paseto     = regexp.MustCompile(`^v[0-9]\.(public|local)\.`)
	stripeText = regexp.MustCompile(`^(sk|rk|pk)_(live|test|org)_|^whsec_`)
)

func parse(compact string) (*Token, *unusable) {
	parts := strings.Split(compact, ".")
	header, headerErr := decode(parts[0])
	switch {
	case stripeText.MatchString(compact):
		return nil, &unusable{"this is a Stripe key or secret, not a user's token",
			"if others may have seen it, roll it in Stripe's dashboard"}
	case paseto.MatchString(compact):
		return nil, &unusable{"this is a PASETO token", "the portal accepts only JWTs. Ask the provider for a JWT"}
	case strings.HasPrefix(compact, "eyJ") && strings.Contains(compact, "..."):
		return nil, &unusable{"this token was cut", "dots replace a part of it. Copy the whole token"}
	case len(parts) == 5:
		return nil, &unusable{"this token is encrypted (five parts)",
			"only its recipient can read it. Ask the provider for a signed token. " +
				"Auth0 makes such tokens if the login has no audience: set it to the identifier of your API. Session " +
				"cookies of Auth.js (NextAuth) are such tokens too"}
	case len(parts) < 3 && headerErr == nil && header["alg"] != nil:
		return nil, &unusable{
			"this token was cut",
			fmt.Sprintf("it has %d of the three parts of a JWT. A terminal keeps about 4,000 characters of a pasted "+
				"line, so use < token.txt", len(parts)),
		}
	case len(parts) != 3:
		return nil, &unusable{"this is an opaque token, not a JWT (three parts, separated by dots)",
			"only its issuer can read it. " +
				"Send the ID token, or ask the provider for an access token of your own API (at Auth0, Okta and " +
				"Logto: name the API in the login)"}
	case headerErr != nil:
		return nil, &unusable{"the first part of this token " + headerErr.problem, headerErr.advice}
	}
	t := &Token{Compact: compact, header: header}
	t.Algorithm, _ = header["alg"].(string)
	switch {
	case header["alg"] == nil:
		return nil, &unusable{"the first part of this token names no algorithm (alg), so it is not a JWT",
			"signed session cookies, for example of Flask, look similar"}
	case strings.EqualFold(t.Algorithm, "none"):
		return nil, &unusable{"this token is not signed (alg none)", "anyone could have made it"}
	case strings.HasPrefix(strings.ToUpper(t.Algorithm), "HS"):
		return nil, &unusable{
			"this token is signed with a shared secret (" + Printable(t.Algorithm) + ")",
			"everyone who can verify it can also make one, so the portal refuses it. " +
				"Switch the provider to signatures with a key pair: Supabase, JWT signing keys; Auth0, the API's " +
				"signing algorithm RS256; " +
				"FusionAuth, an RSA or EC key for access tokens; others, RS256 or ES256",
		}
	case header["zip"] != nil:
		return nil, &unusable{problem: "the content of this token is compressed (zip in its header), which is not " +
			"allowed in a signed token"}
	case strings.HasPrefix(parts[1], "ZXlK"): // eyJ in base64url
		return nil, &unusable{"this token contains another token", "the portal accepts only the inner token"}
	}
	claims, err := decode(parts[1])
	if err != nil {
		return nil, &unusable{"the second part of this token " + err.problem, err.advice}
	}
	t.claims = claims
	return t, nil
}

// decode reads a part of a token. The error continues a sentence about this part.
func decode(part string) (map[string]any, *unusable) {
	text, err := base64.RawURLEncoding.DecodeString(part)
	if err != nil {
		urlSafe := strings.NewReplacer("+", "-", "/", "_", "=", "").Replace(part)
		if _, err := base64.RawURLEncoding.DecodeString(urlSafe); err == nil {
			return nil, &unusable{"is base64 with +, / or =, not base64url (RFC 7515)",
				"a program encoded it again, or the issuer is wrong"}
		}
		return nil, &unusable{"is not base64url", "it was cut or changed when it was copied"}
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	var members map[string]any
	if decoder.Decode(&members) != nil || members == nil {
		return nil, &unusable{"is not a JSON object", "it was cut or changed when it was copied"}
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, &unusable{"has text after its JSON object", "it was cut or changed when it was copied"}
	}
	return members, nil
}
