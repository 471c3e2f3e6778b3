package cloud

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

const (
	audience = "billing-portal"
	keyID    = "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"
)

// issuer is an OIDC provider like Auth0 or Cognito: it signs with RS256 and has two keys.
type issuer struct {
	url    string // set when the server listens
	signer jose.Signer
	keySet []byte
}

func newIssuer() (*issuer, error) {
	var set jose.JSONWebKeySet
	var current *rsa.PrivateKey
	for _, id := range []string{keyID, "the-next-one_4W_7noWXFZAfHkxZsRGC9Xs8uDCcd"} {
		key, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			return nil, err
		}
		if current == nil {
			current = key
		}
		set.Keys = append(set.Keys, jose.JSONWebKey{Key: &key.PublicKey, KeyID: id, Algorithm: "RS256", Use: "sig"})
	}
	keySet, err := json.Marshal(set)
	if err != nil {
		return nil, err
	}
	key := jose.SigningKey{Algorithm: jose.RS256, Key: jose.JSONWebKey{Key: current, KeyID: keyID}}
	signer, err := jose.NewSigner(key, (&jose.SignerOptions{}).WithType("JWT"))
	return &issuer{signer: signer, keySet: keySet}, err
}

func (i *issuer) serve(w http.ResponseWriter, r *http.Request) {
	body := i.keySet
	if r.URL.Path == "/.well-known/openid-configuration" {
		body = fmt.Appendf(nil,
			`{"issuer":%[1]q,"authorization_endpoint":"%[1]s/authorize","token_endpoint":"%[1]s/oauth/token",`+
				`"userinfo_endpoint":"%[1]s/userinfo","jwks_uri":"%[1]s/.well-known/jwks.json",`+
				`"scopes_supported":["openid","profile","email"],`+
				`"response_types_supported":["code","token","id_token","code `+
				`token"],"subject_types_supported":["public"],`+
				`"id_token_signing_alg_values_supported":["RS256"],"claims_supported":["aud","email","exp","iat",`+
				`"iss","name","sub"]}`, i.url)
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "public, max-age=3600")
	_, _ = w.Write(body)
}

// Token returns an access token of a user that is valid for an hour.
func (c *Cloud) Token() (string, error) {
	now := time.Now()
	return jwt.Signed(c.issuer.signer).Claims(map[string]any{
		"iss": c.issuer.url, "aud": audience, "sub": "auth0|5f7c8ec7c33c6c004bbafe82",
		"iat": now.Unix(), "exp": now.Add(time.Hour).Unix(),
		"scope": "openid profile email billing", "azp": "5f7c8ec7c33c6c004bbafe82",
	}).Serialize()
}
