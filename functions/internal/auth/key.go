package auth

import (
	"crypto/rsa"
	"encoding/json"
	"errors"
	"maps"
	"math/big"
	"slices"

	"github.com/go-jose/go-jose/v4"

	"billingportal/functions/internal/strictjson"
)

const (
	minRSABits = 2048 // RFC 7518, section 3.3
	maxRSABits = 8192 // the time to verify grows with the square of the size
)

// A publicKey can only verify signatures.
type publicKey struct {
	kid string                  // "" if the JWK has none
	alg jose.SignatureAlgorithm // "" if the JWK has none
	key any                     // *rsa.PublicKey, *ecdsa.PublicKey or ed25519.PublicKey
}

// fits reports whether the key may check a token with this alg.
func (k publicKey) fits(alg jose.SignatureAlgorithm) bool {
	return (k.alg == "" || isSame(k.alg, alg)) && fits(alg, k.key)
}

// parseKey reads a JWK (RFC 7517, section 4). Its errors are fixed texts that say why the key
// cannot be used to verify.
func parseKey(data []byte) (publicKey, error) {
	jwk, err := strictjson.ParseObject(data)
	if err != nil {
		return publicKey{}, err
	}
	// Some issuers write null for a member that a key does not have.
	maps.DeleteFunc(jwk, func(_ string, value json.RawMessage) bool { return string(value) == "null" })
	if err := checkPurpose(jwk); err != nil {
		return publicKey{}, err
	}
	var k publicKey
	if k.kid, err = optionalText(jwk, "kid"); err != nil {
		return publicKey{}, err
	}
	alg, err := optionalText(jwk, "alg")
	if err != nil {
		return publicKey{}, err
	}
	k.alg = jose.SignatureAlgorithm(alg)
	if k.key, err = keyMaterial(jwk); err != nil {
		return publicKey{}, err
	}
	if k.alg != "" && !fits(k.alg, k.key) {
		return publicKey{}, errors.New("alg is not for signatures with this type of key")
	}
	return k, nil
}

// checkPurpose refuses keys that are not meant to verify signatures (RFC 7517, sections 4.2 and
// 4.3), and keys that are published with their private half, with which anyone can sign.
func checkPurpose(jwk strictjson.Object) error {
	for _, private := range []string{"d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"} {
		if jwk.Has(private) {
			return errors.New("private or symmetric key")
		}
	}
	if jwk.Has("use") {
		if use, _ := jwk.Text("use"); use != "sig" {
			return errors.New("use is not sig")
		}
	}
	if jwk.Has("key_ops") {
		if ops, _ := jwk.Texts("key_ops"); !slices.Contains(ops, "verify") {
			return errors.New("key_ops has no verify")
		}
	}
	return nil
}

func optionalText(jwk strictjson.Object, name string) (string, error) {
	s, ok := jwk.Text(name)
	if !ok && jwk.Has(name) {
		return "", errors.New("kid or alg is not a string")
	}
	return s, nil
}

func keyMaterial(jwk strictjson.Object) (any, error) {
	kty, _ := jwk.Text("kty")
	switch kty {
	case "RSA":
		return rsaKey(jwk)
	case "EC":
		return curveKey(jwk, "kty", "crv", "x", "y")
	case "OKP":
		return curveKey(jwk, "kty", "crv", "x")
	}
	return nil, errors.New("kty not accepted")
}

// curveKey parses a key with go-jose, which checks that the point is on the curve, that the
// coordinates have the curve's length (RFC 7518, section 6.2.1) and, for Ed25519, that the point is
// not of low order. It passes on only the members that make up the key: x5c and similar members are
// not used, and a certificate that Go's parser refuses must not make the key unusable.
func curveKey(jwk strictjson.Object, members ...string) (any, error) {
	bare := strictjson.Object{}
	for _, name := range members {
		if jwk.Has(name) {
			bare[name] = jwk[name]
		}
	}
	data, err := json.Marshal(bare)
	if err != nil {
		return nil, errors.New("malformed key")
	}
	var key jose.JSONWebKey
	if err := key.UnmarshalJSON(data); err != nil || !key.IsPublic() {
		return nil, errors.New("not a point of an accepted curve")
	}
	return key.Key, nil
}

// rsaKey reads n and e (RFC 7518, section 6.3.1) without go-jose, because go-jose's limit of 4,096
// bits is a global variable.
func rsaKey(jwk strictjson.Object) (any, error) {
	n, err := unsigned(jwk, "n")
	if err != nil {
		return nil, err
	}
	e, err := unsigned(jwk, "e")
	if err != nil {
		return nil, err
	}
	if bits := n.BitLen(); bits < minRSABits || bits > maxRSABits {
		return nil, errors.New("RSA modulus is not of 2,048 to 8,192 bits")
	}
	if n.Bit(0) == 0 {
		return nil, errors.New("RSA modulus is even")
	}
	// e = 1 makes every message its own signature. The upper limit is that of crypto/rsa.
	if e.BitLen() < 2 || e.BitLen() > 31 || e.Bit(0) == 0 {
		return nil, errors.New("RSA exponent is not an odd number of 3 to 2^31-1")
	}
	if hasROCAFingerprint(n) {
		return nil, errors.New("RSA modulus is open to the ROCA attack")
	}
	return &rsa.PublicKey{N: n, E: int(e.Int64())}, nil
}

// unsigned reads a Base64urlUInt (RFC 7518, section 2).
func unsigned(jwk strictjson.Object, name string) (*big.Int, error) {
	s, ok := jwk.Text(name)
	if !ok {
		return nil, errors.New("RSA key without n or e")
	}
	b, ok := decodeSegment(s)
	if !ok || len(b) == 0 {
		return nil, errors.New("RSA key whose n or e is not canonical base64url")
	}
	return new(big.Int).SetBytes(b), nil
}
