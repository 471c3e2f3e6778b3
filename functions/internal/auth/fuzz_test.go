package auth

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"billingportal/functions/internal/strictjson"
)

// fuzzKey returns the same key in every process, because the seeds in testdata/fuzz are signed with
// it. Its seed is the letter k, 32 times.
func fuzzKey() ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(bytes.Repeat([]byte("k"), ed25519.SeedSize))
}

func fuzzVerifier(t testing.TB) *Verifier {
	return newTestVerifier(testConfig(), staticKeys(t, jwk(fuzzKey(), m{"kid": "k"})))
}

// checkTyped fails the test for errors that the handler could not map to an answer.
func checkTyped(t *testing.T, caller Caller, err error) {
	t.Helper()
	if got := outcome(err); strings.HasPrefix(got, "untyped") || got == "keys unavailable" {
		t.Errorf("got %v", err)
	}
	if err != nil && caller != (Caller{}) {
		t.Errorf("a refused token gave %+v", caller)
	}
}

// FuzzVerify checks that any bytes give a typed error or the one user that the key has signed for.
func FuzzVerify(f *testing.F) {
	v := fuzzVerifier(f)
	f.Fuzz(func(t *testing.T, token string) {
		caller, err := v.Verify(context.Background(), token)
		checkTyped(t, caller, err)
		if err == nil && caller.UserID != "user-1" {
			t.Errorf("accepted for %q", caller.UserID)
		}
	})
}

// FuzzSignedToken signs any header and payload, so that mutations reach the rules that come after
// the signature. An accepted token must read the same with encoding/json, which ignores the case of
// names only for structs.
func FuzzSignedToken(f *testing.F) {
	v := fuzzVerifier(f)
	f.Fuzz(func(t *testing.T, header, payload string) {
		caller, err := v.Verify(context.Background(), issue(header, payload, "EdDSA", fuzzKey()))
		checkTyped(t, caller, err)
		if err != nil {
			return
		}
		h, p := decodeAny(t, header), decodeAny(t, payload)
		if h["alg"] != "EdDSA" || h["crit"] != nil || h["b64"] != nil {
			t.Errorf("accepted the header %s", header)
		}
		number, _ := p["exp"].(json.Number)
		exp, err := number.Float64()
		if p["iss"] != testIssuer || p["sub"] != caller.UserID || err != nil || exp < float64(now.Unix())-30 {
			t.Errorf("accepted the payload %s for %q", payload, caller.UserID)
		}
	})
}

// decodeAny keeps numbers as text: a number that is too large for a float64 is valid JSON too, and
// does no harm in a claim that is not used.
func decodeAny(t *testing.T, text string) map[string]any {
	t.Helper()
	var object map[string]any
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	if err := decoder.Decode(&object); err != nil || !json.Valid([]byte(text)) {
		t.Fatalf("accepted %q, which is not JSON: %v", text, err)
	}
	return object
}

// FuzzObject checks that strictjson reads an object as encoding/json does.
func FuzzObject(f *testing.F) {
	f.Fuzz(func(t *testing.T, data []byte) {
		o, err := strictjson.ParseObject(data)
		if err != nil {
			return
		}
		var want map[string]json.RawMessage
		if err := json.Unmarshal(data, &want); err != nil || len(o) != len(want) {
			t.Fatalf("%d members, want %d: %v", len(o), len(want), err)
		}
		for name, raw := range want {
			if !bytes.Equal(o[name], raw) {
				t.Errorf("%q: got %s, want %s", name, o[name], raw)
			}
			var text *string
			if s, ok := o.Text(name); ok != (json.Unmarshal(raw, &text) == nil && text != nil) || ok && s != *text {
				t.Errorf("%q: got text %q, %v of %s", name, s, ok, raw)
			}
			var texts []*string
			isTexts := json.Unmarshal(raw, &texts) == nil && texts != nil && !slices.Contains(texts, nil)
			if list, ok := o.Texts(name); ok != isTexts || len(list) != len(texts) && ok {
				t.Errorf("%q: got texts %q, %v of %s", name, list, ok, raw)
			}
			if got, want := scalars(raw), wantScalars(raw); !slices.Equal(got, want) {
				t.Errorf("%q: got scalars %q, want %q of %s", name, got, want, raw)
			}
		}
	})
}

// wantScalars returns the values that encoding/json reads from a claim that is a string, a boolean,
// a number or an array of these.
func wantScalars(raw json.RawMessage) []string {
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	var value any
	if decoder.Decode(&value) != nil {
		return nil
	}
	list, isList := value.([]any)
	if !isList {
		list = []any{value}
	}
	var texts []string
	for _, item := range list {
		switch item.(type) {
		case string, bool, json.Number:
			texts = append(texts, fmt.Sprint(item))
		default:
			return nil
		}
	}
	return texts
}

// FuzzKeySet checks that every usable key of any set is a public key of an accepted kind and size.
func FuzzKeySet(f *testing.F) {
	f.Fuzz(func(t *testing.T, set []byte) {
		usable, _, err := parseKeys(set)
		if (err == nil) != (len(usable) > 0) {
			t.Fatalf("%d keys and %v", len(usable), err)
		}
		for _, k := range usable {
			switch key := k.key.(type) {
			case *rsa.PublicKey:
				if bits := key.N.BitLen(); bits < 2048 || bits > 8192 || key.E < 3 || key.E%2 == 0 {
					t.Errorf("RSA key of %d bits, e = %d", bits, key.E)
				}
			case *ecdsa.PublicKey:
				if _, err := key.ECDH(); err != nil {
					t.Errorf("EC key: %v", err)
				}
			case ed25519.PublicKey:
				if len(key) != ed25519.PublicKeySize {
					t.Errorf("Ed25519 key of %d bytes", len(key))
				}
			default:
				t.Errorf("key of type %T", key)
			}
		}
	})
}
