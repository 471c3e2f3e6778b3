package auth

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"

	"github.com/go-jose/go-jose/v4"
)

// ed25519Alg is the name of EdDSA on the curve Ed25519 (RFC 9864, section 2.2). No other curve is
// accepted here, so tokens and keys may use either name.
const ed25519Alg jose.SignatureAlgorithm = "Ed25519"

// isSame reports whether two names stand for the same algorithm.
func isSame(a, b jose.SignatureAlgorithm) bool {
	isEd := func(alg jose.SignatureAlgorithm) bool { return alg == jose.EdDSA || alg == ed25519Alg }
	return a == b || isEd(a) && isEd(b)
}

// fits reports whether a token with this alg may be checked with this key: an algorithm is used
// only with the one kind of key that it is made for (RFC 8725, section 3.1; RFC 7518, sections 3.3
// to 3.5; RFC 8037, section 3.1). Names are case-sensitive (RFC 7515, section 4.1.1). none and HS*
// fit no key.
func fits(alg jose.SignatureAlgorithm, key any) bool {
	switch alg {
	case jose.RS256, jose.RS384, jose.RS512, jose.PS256, jose.PS384, jose.PS512:
		_, ok := key.(*rsa.PublicKey)
		return ok
	case jose.ES256:
		return onCurve(key, elliptic.P256())
	case jose.ES384:
		return onCurve(key, elliptic.P384())
	case jose.ES512:
		return onCurve(key, elliptic.P521())
	case jose.EdDSA, ed25519Alg:
		_, ok := key.(ed25519.PublicKey)
		return ok
	}
	return false
}

func onCurve(key any, curve elliptic.Curve) bool {
	ec, ok := key.(*ecdsa.PublicKey)
	return ok && ec.Curve == curve
}

// accepted reports whether a token's header may name alg.
func accepted(alg jose.SignatureAlgorithm) bool {
	switch alg {
	case jose.RS256, jose.RS384, jose.RS512,
		jose.PS256, jose.PS384, jose.PS512,
		jose.ES256, jose.ES384, jose.ES512,
		jose.EdDSA, ed25519Alg:
		return true
	}
	return false
}
