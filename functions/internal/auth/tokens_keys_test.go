package auth

import (
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"

	"github.com/go-jose/go-jose/v4"
)

// algorithmCases are tokens with matching and mismatched algs and keys.
func algorithmCases() []tokenCase {
	claims := goodClaims().String()
	signed := func(header string, alg jose.SignatureAlgorithm, key any) string {
		return issue(header, claims, alg, key)
	}
	es := func(header string) string { return signed(header, jose.ES256, ec256()) }
	spki := must(x509.MarshalPKIXPublicKey(&rsaA().PublicKey))
	publicPEM := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: spki})
	return []tokenCase{
		{"absent", es(`{"kid":"ec"}`), "algorithm not accepted"},
		{"null", es(`{"alg":null,"kid":"ec"}`), "algorithm not accepted"},
		{"a list", es(`{"alg":["ES256"],"kid":"ec"}`), "algorithm not accepted"},
		{"empty", es(`{"alg":"","kid":"ec"}`), "algorithm not accepted"},
		{"es256", es(`{"alg":"es256","kid":"ec"}`), "algorithm not accepted"},
		{"rs256", signed(`{"alg":"rs256","kid":"rsa"}`, jose.RS256, rsaA()), "algorithm not accepted"},
		{"ES256 with a NUL", es(`{"alg":"ES256\u0000","kid":"ec"}`), "algorithm not accepted"},
		{"none", es(`{"alg":"none","kid":"ec"}`), "algorithm not accepted"},
		{"none without a signature", b64(`{"alg":"none"}`) + "." + b64(claims) + ".", "no signature"},
		{"nOnE", es(`{"alg":"nOnE","kid":"ec"}`), "algorithm not accepted"},
		{"ES256K", es(`{"alg":"ES256K","kid":"ec"}`), "algorithm not accepted"},
		{"ES521", es(`{"alg":"ES521","kid":"ec"}`), "algorithm not accepted"},
		{"RS1", es(`{"alg":"RS1","kid":"rsa"}`), "algorithm not accepted"},
		{"RSA-OAEP", es(`{"alg":"RSA-OAEP","kid":"rsa"}`), "algorithm not accepted"},
		{"HS256", signed(`{"alg":"HS256","kid":"ec"}`, jose.HS256, hmacKey()), "algorithm not accepted"},
		{"HS256 with the RSA public key's PEM as secret", signed(`{"alg":"HS256","kid":"rsa"}`, jose.HS256, publicPEM),
			"algorithm not accepted"},
		{"HS256 with the RSA public key's DER as secret", signed(`{"alg":"HS256","kid":"rsa"}`, jose.HS256, spki),
			"algorithm not accepted"},
		{"RS256 header, HMAC with the public key",
			signed(`{"alg":"RS256","kid":"rsa"}`, jose.HS256, publicPEM), "bad signature"},
		{"PS256 on a key for RS256", signed(`{"alg":"PS256","kid":"rs256-only"}`, jose.PS256, rsaB()),
			"algorithm is not the key's"},
		{"RS512 on a key for RS256", signed(`{"alg":"RS512","kid":"rs256-only"}`, jose.RS512, rsaB()),
			"algorithm is not the key's"},
		{"RS256 on a key for RS256", signed(`{"alg":"RS256","kid":"rs256-only"}`, jose.RS256, rsaB()), "accepted"},
		{"PS256 header, RS256 signature", signed(`{"alg":"PS256","kid":"rsa"}`, jose.RS256, rsaA()), "bad signature"},
		{"RS256 header, PS256 signature", signed(`{"alg":"RS256","kid":"rsa"}`, jose.PS256, rsaA()), "bad signature"},
		{"RS256 header, RS512 signature", signed(`{"alg":"RS256","kid":"rsa"}`, jose.RS512, rsaA()), "bad signature"},
		{"ES256 on an RSA key", es(`{"alg":"ES256","kid":"rsa"}`), "algorithm is not the key's"},
		{"RS256 on an EC key", signed(`{"alg":"RS256","kid":"ec"}`, jose.RS256, rsaA()), "algorithm is not the key's"},
		{"ES384 on a P-256 key", signed(`{"alg":"ES384","kid":"ec"}`, jose.ES384, ec384()),
			"algorithm is not the key's"},
		{"EdDSA", signed(`{"alg":"EdDSA","kid":"ed"}`, jose.EdDSA, ed()), "accepted"},
		{"Ed25519", signed(`{"alg":"Ed25519","kid":"ed"}`, jose.EdDSA, ed()), "accepted"},
		{"Ed25519 without a kid", signed(`{"alg":"Ed25519"}`, jose.EdDSA, ed()), "accepted"},
		{"Ed25519 on a key for EdDSA", signed(`{"alg":"Ed25519","kid":"eddsa-only"}`, jose.EdDSA, ed()), "accepted"},
		{"EdDSA on a key for Ed25519", signed(`{"alg":"EdDSA","kid":"ed25519-only"}`, jose.EdDSA, ed()), "accepted"},
		{"Ed25519 with another key's signature",
			signed(`{"alg":"Ed25519","kid":"ed"}`, jose.EdDSA, edB()), "bad signature"},
		{"Ed25519 on an EC key", signed(`{"alg":"Ed25519","kid":"ec"}`, jose.EdDSA, ed()),
			"algorithm is not the key's"},
		{"ed25519", signed(`{"alg":"ed25519","kid":"ed"}`, jose.EdDSA, ed()), "algorithm not accepted"},
		{"Ed448", signed(`{"alg":"Ed448","kid":"ed"}`, jose.EdDSA, ed()), "algorithm not accepted"},
		{"EdDSA on an EC key", signed(`{"alg":"EdDSA","kid":"ec"}`, jose.EdDSA, ed()), "algorithm is not the key's"},
		{"ES256 on an Ed25519 key", es(`{"alg":"ES256","kid":"ed"}`), "algorithm is not the key's"},
		{"no kid, any RSA key that fits", signed(`{"alg":"PS256"}`, jose.PS256, rsaA()), "accepted"},
		{"no kid, key for RS256 not tried for PS256", signed(`{"alg":"PS256"}`, jose.PS256, rsaB()), "bad signature"},
		{"no kid, no key that fits", signed(`{"alg":"ES384"}`, jose.ES384, ec384()), "bad signature"},
		{"another key under a known kid", signed(`{"alg":"ES256","kid":"ec"}`, jose.ES256, ec256B()), "bad signature"},
		{"another key without a kid", signed(`{"alg":"ES256"}`, jose.ES256, ec256B()), "bad signature"},
	}
}

// ownKeyCases are tokens that bring a key or the address of a key. That key is never used. A token
// that is valid without it is accepted.
func ownKeyCases() []tokenCase {
	certificate := base64.StdEncoding.EncodeToString(selfSigned(ec256B()))
	attackers := func(more m) string {
		return issue(m{"alg": "ES256"}.with(more).String(), goodClaims().String(), jose.ES256, ec256B())
	}
	issuers := func(more m) string {
		return issue(m{"alg": "ES256", "kid": "ec"}.with(more).String(), goodClaims().String(), jose.ES256, ec256())
	}
	jku := m{"jku": "https://evil.example/jwks.json"}
	x5u := m{"x5u": "https://evil.example/cert.pem"}
	own := m{"jwk": jwk(ec256B(), nil)}
	x5c := m{"x5c": []string{certificate}}
	return []tokenCase{
		{"jku", attackers(jku), "bad signature"},
		{"jku under a known kid", attackers(jku.with(m{"kid": "ec"})), "bad signature"},
		{"jwk", attackers(own), "bad signature"},
		{"jwk under a known kid", attackers(own.with(m{"kid": "ec"})), "bad signature"},
		{"jwk with its own kid", attackers(m{"kid": "evil", "jwk": jwk(ec256B(), m{"kid": "evil"})}), "unknown key"},
		{"jwk symmetric", attackers(m{"jwk": m{"kty": "oct", "k": "AAAA"}}), "malformed header"},
		{"jwk malformed", attackers(m{"jwk": "x"}), "malformed header"},
		{"x5u", attackers(x5u), "bad signature"},
		{"x5c", attackers(x5c), "bad signature"},
		{"x5c under a known kid", attackers(x5c.with(m{"kid": "ec"})), "bad signature"},
		{"x5c malformed", attackers(m{"x5c": []string{"x"}}), "malformed header"},
		{"jku and a good signature", issuers(jku), "accepted"},
		{"jwk and a good signature", issuers(own), "accepted"},
		{"x5u and a good signature", issuers(x5u), "accepted"},
		{"x5c and a good signature", issuers(x5c), "accepted"},
		{"x5t and a good signature", issuers(m{"x5t": "AAAAAAAAAAAAAAAAAAAAAAAAAAA"}), "accepted"},
	}
}
