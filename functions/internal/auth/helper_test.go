package auth

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	_ "crypto/sha512"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"log"
	"maps"
	"math/big"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

const (
	testIssuer   = "https://issuer.example"
	testAudience = "billing-portal"
)

// now is the current time for the tests' verifiers.
var now = time.Date(2026, 3, 14, 15, 9, 26, 0, time.UTC)

// The tests share a few keys, each generated once.
var (
	rsaA   = sync.OnceValue(func() *rsa.PrivateKey { return must(rsa.GenerateKey(rand.Reader, 2048)) })
	rsaB   = sync.OnceValue(func() *rsa.PrivateKey { return must(rsa.GenerateKey(rand.Reader, 2048)) })
	ec256  = sync.OnceValue(func() *ecdsa.PrivateKey { return must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)) })
	ec256B = sync.OnceValue(func() *ecdsa.PrivateKey { return must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)) })
	ec256C = sync.OnceValue(func() *ecdsa.PrivateKey { return must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)) })
	ec256D = sync.OnceValue(func() *ecdsa.PrivateKey { return must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)) })
	ec384  = sync.OnceValue(func() *ecdsa.PrivateKey { return must(ecdsa.GenerateKey(elliptic.P384(), rand.Reader)) })
	ec521  = sync.OnceValue(func() *ecdsa.PrivateKey { return must(ecdsa.GenerateKey(elliptic.P521(), rand.Reader)) })
	ed     = sync.OnceValue(func() ed25519.PrivateKey {
		_, k, err := ed25519.GenerateKey(rand.Reader)
		return must(k, err)
	})
	edB = sync.OnceValue(func() ed25519.PrivateKey {
		_, k, err := ed25519.GenerateKey(rand.Reader)
		return must(k, err)
	})
	hmacKey = sync.OnceValue(func() []byte { return []byte("0123456789abcdef0123456789abcdef") })
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// m is a JSON object. A json.RawMessage in it is written unchanged.
type m map[string]any

func (o m) with(more m) m {
	out := maps.Clone(o)
	maps.Copy(out, more)
	return out
}

func (o m) without(names ...string) m {
	out := maps.Clone(o)
	for _, n := range names {
		delete(out, n)
	}
	return out
}

func (o m) String() string { return string(must(json.Marshal(o))) }

// goodClaims returns claims that pass every rule of testConfig.
func goodClaims() m {
	return m{
		"iss": testIssuer, "aud": testAudience, "sub": "user-1",
		"exp": now.Add(time.Hour).Unix(), "iat": now.Unix(),
	}
}

// b64 encodes a segment.
func b64(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }

// issue builds and signs a token without a JWT library, so that it can have any header and payload.
func issue(header, payload string, alg jose.SignatureAlgorithm, key any) string {
	input := b64(header) + "." + b64(payload)
	return input + "." + b64(string(signature(input, alg, key)))
}

func signature(input string, alg jose.SignatureAlgorithm, key any) []byte {
	hashes := map[byte]crypto.Hash{'2': crypto.SHA256, '3': crypto.SHA384, '5': crypto.SHA512}
	hash := hashes[alg[2]]
	digest := func() []byte {
		h := hash.New()
		h.Write([]byte(input))
		return h.Sum(nil)
	}
	switch key := key.(type) {
	case *rsa.PrivateKey:
		if alg[0] == 'P' {
			return must(rsa.SignPSS(rand.Reader, key, hash, digest(),
				&rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash}))
		}
		return must(rsa.SignPKCS1v15(rand.Reader, key, hash, digest()))
	case *ecdsa.PrivateKey:
		r, s := must2(ecdsa.Sign(rand.Reader, key, digest()))
		size := (key.Curve.Params().BitSize + 7) / 8
		return append(r.FillBytes(make([]byte, size)), s.FillBytes(make([]byte, size))...)
	case ed25519.PrivateKey:
		return ed25519.Sign(key, []byte(input))
	case []byte:
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(input))
		return mac.Sum(nil)
	}
	panic("no such key")
}

func must2[A, B any](a A, b B, err error) (A, B) {
	if err != nil {
		panic(err)
	}
	return a, b
}

// es256 issues a token with this kid and these claims, as most tests need it.
func es256(kid string, claims m) string {
	header := m{"alg": "ES256", "kid": kid, "typ": "JWT"}
	if kid == "" {
		delete(header, "kid")
	}
	return issue(header.String(), claims.String(), jose.ES256, ec256())
}

// jwk returns a public key as a JWK; more adds or replaces members.
func jwk(key any, more m) m {
	if private, ok := key.(crypto.Signer); ok {
		key = private.Public()
	}
	var out m
	if err := json.Unmarshal(must(jose.JSONWebKey{Key: key}.MarshalJSON()), &out); err != nil {
		panic(err)
	}
	return out.with(more)
}

func jwks(keys ...m) string {
	if keys == nil {
		keys = []m{}
	}
	return m{"keys": keys}.String()
}

func staticKeys(t testing.TB, keys ...m) *StaticKeySet {
	t.Helper()
	set, err := ParseStaticKeySet([]byte(jwks(keys...)))
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func testConfig() Config {
	return Config{Issuer: testIssuer, Audiences: []string{"other", testAudience}}
}

func newTestVerifier(cfg Config, keys KeySet) *Verifier {
	v := NewVerifier(cfg, keys)
	v.Now = func() time.Time { return now }
	return v
}

// outcome describes an error in a few words, for tables.
func outcome(err error) string {
	var (
		invalid *InvalidTokenError
		scope   *InsufficientScopeError
		role    *InsufficientRoleError
		keys    *KeysUnavailableError
	)
	switch {
	case err == nil:
		return "accepted"
	case errors.As(err, &invalid):
		return invalid.Rule()
	case errors.As(err, &scope):
		return "insufficient scope " + scope.Scope
	case errors.As(err, &role):
		return "insufficient role " + role.Claim
	case errors.As(err, &keys):
		return "keys unavailable"
	}
	return "untyped error: " + err.Error()
}

// selfSigned returns a self-signed certificate for key.
func selfSigned(key crypto.Signer) []byte {
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: now.Add(time.Hour)}
	return must(x509.CreateCertificate(rand.Reader, template, template, key.Public(), key))
}

// quiet returns a logger for servers that would report handshakes meant to fail.
func quiet() *log.Logger { return log.New(io.Discard, "", 0) }
