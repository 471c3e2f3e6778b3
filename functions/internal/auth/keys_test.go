package auth

import (
	"context"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"slices"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"
)

func b64Int(n *big.Int) string { return base64.RawURLEncoding.EncodeToString(n.Bytes()) }

// oddNumber returns an odd number of exactly this many bits, which looks like a real modulus.
func oddNumber(bits int) string {
	n := new(big.Int).Lsh(big.NewInt(1), uint(bits-1))
	return b64Int(n.SetBit(n, 0, 1))
}

func TestKeys(t *testing.T) {
	rsaKey := func(more m) string { return jwk(rsaA(), m{"kid": "k"}).with(more).String() }
	ecKey := func(more m) string { return jwk(ec256(), m{"kid": "k"}).with(more).String() }
	edKey := func(more m) string { return jwk(ed(), m{"kid": "k"}).with(more).String() }
	private := func(key any) string { return string(must(jose.JSONWebKey{Key: key}.MarshalJSON())) }
	p256 := jwk(ec256(), nil)
	x, y := p256["x"].(string), p256["y"].(string)
	const (
		size     = "RSA modulus is not of 2,048 to 8,192 bits"
		exponent = "RSA exponent is not an odd number of 3 to 2^31-1"
		point    = "not a point of an accepted curve"
		wrongAlg = "alg is not for signatures with this type of key"
	)
	for _, c := range []struct {
		rule, jwk, want string
	}{
		{"RSA", rsaKey(nil), ""},
		{"EC P-256", ecKey(nil), ""},
		{"EC P-384", jwk(ec384(), nil).String(), ""},
		{"EC P-521", jwk(ec521(), nil).String(), ""},
		{"Ed25519", edKey(nil), ""},
		{"unknown members",
			rsaKey(m{"x5t": "zzz", "x5c": []string{"not a certificate"}, "x5u": "::", "made-up": 1}), ""},

		{"private RSA", private(rsaA()), "private or symmetric key"},
		{"private EC", private(ec256()), "private or symmetric key"},
		{"private Ed25519", private(ed()), "private or symmetric key"},
		{"one private member", rsaKey(m{"p": ""}), "private or symmetric key"},
		{"optional members that are null",
			rsaKey(m{"kid": nil, "use": nil, "alg": nil, "key_ops": nil, "x5c": nil, "x5t": nil}), ""},
		{"private members that are null", rsaKey(m{"d": nil, "p": nil, "q": nil}), ""},
		{"kty null", rsaKey(m{"kty": nil}), "kty not accepted"},
		{"n null", rsaKey(m{"n": nil}), "RSA key without n or e"},
		{"y null", ecKey(m{"y": nil}), point},
		{"oct", `{"kty":"oct","k":"AAAA"}`, "private or symmetric key"},
		{"oct without a value", `{"kty":"oct"}`, "kty not accepted"},
		{"kty in another case", rsaKey(m{"kty": "rsa"}), "kty not accepted"},
		{"kty absent", `{"n":"AQAB","e":"AQAB"}`, "kty not accepted"},
		{"kty AKP", `{"kty":"AKP","alg":"ML-DSA-44","pub":"AAAA"}`, "kty not accepted"},

		{"RSA of 1,024 bits", rsaKey(m{"n": oddNumber(1024)}), size},
		{"RSA of 2,047 bits", rsaKey(m{"n": oddNumber(2047)}), size},
		{"RSA of 2,048 bits", rsaKey(m{"n": oddNumber(2048)}), ""},
		{"RSA of 8,192 bits", rsaKey(m{"n": oddNumber(8192)}), ""},
		{"RSA of 8,193 bits", rsaKey(m{"n": oddNumber(8193)}), size},
		{"RSA of 16,384 bits", rsaKey(m{"n": oddNumber(16384)}), size},
		{"RSA padded to 2,048 bits with zeros",
			rsaKey(m{"n": base64.RawURLEncoding.EncodeToString(append(make([]byte, 128),
				new(big.Int).SetBit(big.NewInt(1), 1023, 1).Bytes()...))}), size},
		{"RSA with an even modulus",
			rsaKey(m{"n": b64Int(new(big.Int).Lsh(big.NewInt(1), 2047))}), "RSA modulus is even"},
		{"RSA with n padded", rsaKey(m{"n": oddNumber(2048) + "=="}),
			"RSA key whose n or e is not canonical base64url"},
		{"RSA with n empty", rsaKey(m{"n": ""}), "RSA key whose n or e is not canonical base64url"},
		{"RSA with n a number", rsaKey(m{"n": 3}), "RSA key without n or e"},
		{"RSA without e", jwk(rsaA(), nil).without("e").String(), "RSA key without n or e"},
		{"RSA with e = 0", rsaKey(m{"e": "AA"}), exponent},
		{"RSA with e = 1", rsaKey(m{"e": "AQ"}), exponent},
		{"RSA with e = 2", rsaKey(m{"e": "Ag"}), exponent},
		{"RSA with e = 3", rsaKey(m{"e": "Aw"}), ""},
		{"RSA with e = 2^31-1", rsaKey(m{"e": "f____w"}), ""},
		{"RSA with e = 2^31+1", rsaKey(m{"e": "gAAAAQ"}), exponent},
		{"RSA with e even", rsaKey(m{"e": "AQAA"}), exponent},
		{"RSA with e = 2^32+1", rsaKey(m{"e": "AQAAAAE"}), exponent},
		{"RSA with e as large as n", rsaKey(m{"e": oddNumber(2048)}), exponent},

		{"EC off the curve", ecKey(m{"x": y, "y": x}), point},
		{"EC at infinity", ecKey(m{"x": strings.Repeat("A", 43), "y": strings.Repeat("A", 43)}), point},
		{"EC with a coordinate too short", ecKey(m{"x": "AQAB"}), point},
		{"EC with a coordinate too long", ecKey(m{"x": base64.RawURLEncoding.EncodeToString(append([]byte{0},
			must(base64.RawURLEncoding.DecodeString(x))...))}), point},
		{"EC without y", jwk(ec256(), nil).without("y").String(), point},
		{"EC on another curve than crv says", ecKey(m{"crv": "P-384"}), point},
		{"EC crv secp256k1", ecKey(m{"crv": "secp256k1"}), point},
		{"EC crv P-192", ecKey(m{"crv": "P-192"}), point},
		{"EC crv a number", ecKey(m{"crv": 256}), point},
		{"EC members under kty RSA", ecKey(m{"kty": "RSA"}), "RSA key without n or e"},
		{"RSA members under kty EC", rsaKey(m{"kty": "EC"}), point},

		{"Ed25519 too short", edKey(m{"x": "AQAB"}), point},
		{"Ed25519 of low order", edKey(m{"x": "AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}), point},
		{"Ed448", edKey(m{"crv": "Ed448"}), point},
		{"X25519", edKey(m{"crv": "X25519"}), point},

		{"use sig", rsaKey(m{"use": "sig"}), ""},
		{"use enc", rsaKey(m{"use": "enc"}), "use is not sig"},
		{"use empty", rsaKey(m{"use": ""}), "use is not sig"},
		{"use a list", rsaKey(m{"use": []string{"sig"}}), "use is not sig"},
		{"key_ops verify", rsaKey(m{"key_ops": []string{"verify"}}), ""},
		{"key_ops sign and verify", rsaKey(m{"key_ops": []string{"sign", "verify"}}), ""},
		{"key_ops without verify", rsaKey(m{"key_ops": []string{"encrypt", "wrapKey"}}), "key_ops has no verify"},
		{"key_ops empty", rsaKey(m{"key_ops": []string{}}), "key_ops has no verify"},
		{"key_ops a string", rsaKey(m{"key_ops": "verify"}), "key_ops has no verify"},

		{"alg RS256 for RSA", rsaKey(m{"alg": "RS256"}), ""},
		{"alg ES256 for RSA", rsaKey(m{"alg": "ES256"}), wrongAlg},
		{"alg HS256 for RSA", rsaKey(m{"alg": "HS256"}), wrongAlg},
		{"alg none", rsaKey(m{"alg": "none"}), wrongAlg},
		{"alg RSA-OAEP", rsaKey(m{"alg": "RSA-OAEP"}), wrongAlg},
		{"alg ES384 for P-256", ecKey(m{"alg": "ES384"}), wrongAlg},
		{"alg EdDSA for P-256", ecKey(m{"alg": "EdDSA"}), wrongAlg},
		{"alg EdDSA for Ed25519", edKey(m{"alg": "EdDSA"}), ""},
		{"alg Ed25519 for Ed25519", edKey(m{"alg": "Ed25519"}), ""},
		{"alg Ed25519 for P-256", ecKey(m{"alg": "Ed25519"}), wrongAlg},
		{"alg ed25519", edKey(m{"alg": "ed25519"}), wrongAlg},
		{"alg Ed448", edKey(m{"alg": "Ed448"}), wrongAlg},
		{"alg a number", rsaKey(m{"alg": 1}), "kid or alg is not a string"},
		{"kid a number", rsaKey(m{"kid": 1}), "kid or alg is not a string"},

		{"duplicate member", `{"kty":"RSA",` + rsaKey(nil)[1:], "duplicate member"},
		{"not UTF-8", strings.Replace(rsaKey(nil), `"k"`, "\"\xff\"", 1), "not valid Unicode"},
		{"half a surrogate pair", rsaKey(m{"kid": json.RawMessage(`"\ud800"`)}), "not valid Unicode"},
		{"a string", `"key"`, "not a JSON object"},
		{"null", `null`, "not a JSON object"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			_, err := parseKey([]byte(c.jwk))
			got := ""
			if err != nil {
				got = err.Error()
			}
			if got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
			_, err = ParseStaticKeySet([]byte(`{"keys":[` + c.jwk + `]}`))
			if (err == nil) != (c.want == "") {
				t.Errorf("a set of only this key: %v", err)
			}
		})
	}
}

func TestKeySets(t *testing.T) {
	const notASet, nothingUsable = "not a JWK Set", "no usable key in the set"
	ec := jwk(ec256(), m{"kid": "ec"}).String()
	for _, c := range []struct {
		rule, set, want string
	}{
		{"one key", `{"keys":[` + ec + `]}`, ""},
		{"a bad key among good ones",
			`{"keys":[{"kty":"oct","k":"AAAA"},` + ec + `,null,1,{"kty":"EC","kty":"EC"},"key",[],true]}`, ""},
		{"no key", `{"keys":[]}`, nothingUsable},
		{"only bad keys", `{"keys":[{"kty":"oct","k":"AAAA"}]}`, nothingUsable + ": private or symmetric key"},
		{"a single JWK", ec, notASet},
		{"KEYS", `{"KEYS":[` + ec + `]}`, notASet},
		{"keys null", `{"keys":null}`, notASet},
		{"keys an object", `{"keys":` + ec + `}`, notASet},
		{"an array", `[` + ec + `]`, notASet},
		{"null", `null`, notASet},
		{"nothing", ``, notASet},
		{"HTML", `<!doctype html><title>Sign in</title>`, notASet},
		{"cut short", `{"keys":[` + ec, notASet},
		{"one key that is not UTF-8", "{\"x\":\"\xff\",\"keys\":[{\"kid\":\"\xff\"}," + ec + "]}", ""},
		{"deep", strings.Repeat(`{"keys":[`, 5000) + strings.Repeat(`]}`, 5000), nothingUsable + ": nested too deep"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			_, err := ParseStaticKeySet([]byte(c.set))
			got := ""
			if err != nil {
				got = err.Error()
			}
			if got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestWhichKeyIsUsed(t *testing.T) {
	a, b := jwk(ec256(), nil), jwk(ec256B(), nil)
	rs := jwk(rsaA(), nil)
	kid := func(k string, key m) m { return key.with(m{"kid": k}) }
	for _, c := range []struct {
		rule  string
		set   []m
		token string
		want  string
	}{
		{"kid selects", []m{kid("b", b), kid("a", a)}, es256("a", goodClaims()), "accepted"},
		{"kid of another key", []m{kid("b", b), kid("a", a)}, es256("b", goodClaims()), "bad signature"},
		{"two keys under one kid", []m{kid("a", b), kid("a", a)}, es256("a", goodClaims()), "accepted"},
		{"two types of key under one kid", []m{kid("a", rs), kid("a", a)}, es256("a", goodClaims()), "accepted"},
		{"no kid in the token, one key", []m{kid("a", a)}, es256("", goodClaims()), "accepted"},
		{"no kid in the token, several keys", []m{kid("r", rs), kid("b", b), kid("a", a)},
			es256("", goodClaims()), "accepted"},
		{"no kid in token and set, one key", []m{a}, es256("", goodClaims()), "accepted"},
		{"no kid in token and set, several keys", []m{rs, b, a}, es256("", goodClaims()), "accepted"},
		{"no kid in the token, no key matches", []m{rs, b}, es256("", goodClaims()), "bad signature"},
		{"kid in the token, no kid in the set", []m{a}, es256("a", goodClaims()), "unknown key"},
		{"an empty kid counts as absent", []m{kid("", a)},
			issue(`{"alg":"ES256","kid":""}`, goodClaims().String(), "ES256", ec256()), "accepted"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			_, err := newTestVerifier(testConfig(), staticKeys(t, c.set...)).Verify(context.Background(), c.token)
			if got := outcome(err); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

// Keys beyond go-jose's limit of 4,096 bits verify. The factors are the Mersenne primes 2^4253-1
// and 2^3217-1, because generating a key of 7,470 bits would take longer than all other tests.
func TestLargeRSAKeyVerifies(t *testing.T) {
	mersenne := func(exponent uint) *big.Int {
		p := new(big.Int).Lsh(big.NewInt(1), exponent)
		return p.Sub(p, big.NewInt(1))
	}
	p, q := mersenne(4253), mersenne(3217)
	one, e := big.NewInt(1), big.NewInt(65537)
	phi := new(big.Int).Mul(new(big.Int).Sub(p, one), new(big.Int).Sub(q, one))
	key := &rsa.PrivateKey{
		PublicKey: rsa.PublicKey{N: new(big.Int).Mul(p, q), E: 65537},
		D:         new(big.Int).ModInverse(e, phi),
		Primes:    []*big.Int{p, q},
	}
	key.Precompute()
	set := staticKeys(t, m{"kty": "RSA", "kid": "k", "n": b64Int(key.N), "e": "AQAB"})
	for _, alg := range []jose.SignatureAlgorithm{jose.RS256, jose.PS512} {
		token := issue(m{"alg": alg, "kid": "k"}.String(), goodClaims().String(), alg, key)
		if _, err := newTestVerifier(testConfig(), set).Verify(context.Background(), token); err != nil {
			t.Errorf("%s: %v", alg, err)
		}
	}
}

func TestAlgorithmsOfASet(t *testing.T) {
	set := staticKeys(t, jwk(rsaA(), m{"kid": "a", "alg": "RS256"}), jwk(rsaA(), m{"kid": "b", "alg": "RS256"}),
		jwk(rsaA(), m{"kid": "c"}))
	got, err := set.Algorithms(t.Context())
	if err != nil || !slices.Equal(got, []string{"RS256", "RSA"}) {
		t.Errorf("%q, %v", got, err)
	}
}
