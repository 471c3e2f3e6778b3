package auth

import (
	"context"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// BenchmarkVerify measures the warm path: a token of typical size whose key is cached.
func BenchmarkVerify(b *testing.B) {
	for _, c := range []struct {
		alg jose.SignatureAlgorithm
		key any
	}{{jose.ES256, ec256()}, {jose.RS256, rsaA()}, {jose.PS256, rsaA()}, {jose.EdDSA, ed()}} {
		b.Run(string(c.alg), func(b *testing.B) {
			benchmarkToken(b, staticKeys(b, jwk(c.key, m{"kid": "k"})), benchToken(c.alg, c.key), "accepted")
		})
	}
	b.Run("ES256, remote keys", func(b *testing.B) {
		issuer := newFakeIssuer(jwk(ec256(), m{"kid": "k"}))
		benchmarkToken(b, issuer.keySet(b), benchToken(jose.ES256, ec256()), "accepted")
	})
}

// BenchmarkRefuse measures the cost of garbage.
func BenchmarkRefuse(b *testing.B) {
	keys := staticKeys(b, jwk(ec256(), m{"kid": "k"}))
	expired := goodClaims().with(m{"exp": now.Add(-time.Hour).Unix()})
	for name, c := range map[string]struct{ token, want string }{
		"expired": {issue(`{"alg":"ES256","kid":"k"}`, expired.String(), jose.ES256, ec256()), "expired"},
		"bad signature": {issue(`{"alg":"ES256","kid":"k"}`, goodClaims().String(), jose.ES256, ec256B()),
			"bad signature"},
		"not a token": {"c2Vzc2lvbg", "not three segments"},
	} {
		b.Run(name, func(b *testing.B) { benchmarkToken(b, keys, c.token, c.want) })
	}
}

func benchToken(alg jose.SignatureAlgorithm, key any) string {
	claims := goodClaims().with(m{
		"azp": "client", "jti": "a1b2c3d4", "sid": "session",
		"scope": "openid profile email billing", "nbf": now.Unix(),
		"email": "jane@example.com", "org_id": "org_1", "org_role": "admin", "roles": []string{"admin", "member"},
	})
	return issue(m{"alg": alg, "kid": "k", "typ": "at+jwt"}.String(), claims.String(), alg, key)
}

func benchmarkToken(b *testing.B, keys KeySet, token, want string) {
	v := newTestVerifier(testConfig(), keys)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := v.Verify(context.Background(), token); outcome(err) != want {
			b.Fatal(err)
		}
	}
}
