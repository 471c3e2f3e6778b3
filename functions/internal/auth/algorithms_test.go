package auth

import (
	"context"
	"testing"

	"github.com/go-jose/go-jose/v4"
)

func TestEveryAcceptedAlgorithmVerifies(t *testing.T) {
	for alg, key := range map[jose.SignatureAlgorithm]any{
		jose.RS256: rsaA(), jose.RS384: rsaA(), jose.RS512: rsaA(),
		jose.PS256: rsaA(), jose.PS384: rsaA(), jose.PS512: rsaA(),
		jose.ES256: ec256(), jose.ES384: ec384(), jose.ES512: ec521(),
		jose.EdDSA: ed(),
	} {
		t.Run(string(alg), func(t *testing.T) {
			v := newTestVerifier(testConfig(), staticKeys(t, jwk(key, m{"kid": "k", "alg": alg, "use": "sig"})))
			token := issue(m{"alg": alg, "kid": "k"}.String(), goodClaims().String(), alg, key)
			caller, err := v.Verify(context.Background(), token)
			if err != nil || caller.UserID != "user-1" {
				t.Fatalf("got %+v, %v", caller, err)
			}
		})
	}
}
