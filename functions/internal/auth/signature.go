package auth

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rsa"
	"errors"

	"github.com/go-jose/go-jose/v4"
)

// verifiedBy reports whether one of keys made the token's signature. The keys fit the token's
// algorithm.
func (t *token) verifiedBy(keys []publicKey) bool {
	for _, k := range keys {
		if _, err := t.jws.Verify(verificationKey(t.alg, k.key)); err == nil {
			return true
		}
	}
	return false
}

func verificationKey(alg jose.SignatureAlgorithm, key any) any {
	switch alg {
	case jose.PS256, jose.PS384, jose.PS512:
		if pub, ok := key.(*rsa.PublicKey); ok {
			return pssVerifier{pub}
		}
	case ed25519Alg:
		if pub, ok := key.(ed25519.PublicKey); ok {
			return ed25519Verifier{pub}
		}
	}
	return key
}

// An ed25519Verifier replaces go-jose's verifier, which knows the algorithm only as EdDSA.
type ed25519Verifier struct{ key ed25519.PublicKey }

func (v ed25519Verifier) VerifyPayload(payload, signature []byte, _ jose.SignatureAlgorithm) error {
	if !ed25519.Verify(v.key, payload, signature) {
		return errors.New("bad signature")
	}
	return nil
}

// A pssVerifier checks RSASSA-PSS signatures whose salt is as long as the hash, as RFC 7518,
// section 3.5, requires. go-jose accepts any length, which Project Wycheproof counts as forged
// (SaltLenChanged).
type pssVerifier struct{ key *rsa.PublicKey }

func (v pssVerifier) VerifyPayload(payload, signature []byte, alg jose.SignatureAlgorithm) error {
	var hash crypto.Hash
	switch alg {
	case jose.PS256:
		hash = crypto.SHA256
	case jose.PS384:
		hash = crypto.SHA384
	case jose.PS512:
		hash = crypto.SHA512
	default:
		return errors.New("not an RSASSA-PSS algorithm")
	}
	digest := hash.New()
	digest.Write(payload)
	return rsa.VerifyPSS(v.key, hash, digest.Sum(nil), signature,
		&rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash})
}
