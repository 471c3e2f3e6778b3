package auth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
)

// A KeySet holds an issuer's public keys. Its implementations are *StaticKeySet, *RemoteKeySet and
// NamedKeySets. Tests use *StaticKeySet as the fake.
type KeySet interface {
	// verifySignature returns nil if a key of the set made the token's signature,
	// *InvalidTokenError if no key did, and *KeysUnavailableError if the keys are not available and
	// the token could not be checked.
	verifySignature(ctx context.Context, t *token) error
}

// A StaticKeySet is a key set that never changes.
type StaticKeySet struct{ keys keys }

// ParseStaticKeySet reads a JWK Set (RFC 7517, section 5). It skips unusable keys. If no key is
// usable it returns an error, a fixed text that says why.
func ParseStaticKeySet(jwks []byte) (*StaticKeySet, error) {
	set, _, err := parseKeys(jwks)
	if err != nil {
		return nil, err
	}
	return &StaticKeySet{keys: set}, nil
}

// Prefetch does nothing.
func (s *StaticKeySet) Prefetch(context.Context) error { return nil }

func (s *StaticKeySet) verifySignature(_ context.Context, t *token) error {
	if err := s.keys.verify(t); !errors.Is(err, errNoKey) {
		return err
	}
	return noKey(t)
}

// NamedKeySets has a key set for each name of an issuer. A token is checked only with the keys of
// the name that it carries (RFC 8725, section 3.8), whatever its kid, because a kid is unique only
// within one set (RFC 7517, section 4.5).
type NamedKeySets map[string]KeySet

func (s NamedKeySets) verifySignature(ctx context.Context, t *token) error {
	set, ok := s[t.issuer]
	if !ok {
		return invalid(NoKeysForIssuer)
	}
	return set.verifySignature(ctx, t)
}

// keys are the usable keys of a set, in the order of the set.
type keys []publicKey

// parseKeys reads a JWK Set. It returns the usable keys and the number of keys that it skipped.
func parseKeys(jwks []byte) (usable keys, skipped int, err error) {
	// This is not strictjson, which would refuse the whole set because of one bad key. parseKey
	// checks each key.
	var set map[string]json.RawMessage
	var list []json.RawMessage
	if json.Unmarshal(jwks, &set) != nil {
		return nil, 0, errNotKeySet
	}
	if json.Unmarshal(set["keys"], &list) != nil || list == nil {
		return nil, 0, errNotKeySet
	}
	var why error
	for _, raw := range list {
		k, err := parseKey(raw)
		if err != nil {
			why = err
			continue
		}
		usable = append(usable, k)
	}
	skipped = len(list) - len(usable)
	switch {
	case len(usable) > 0:
		return usable, skipped, nil
	case why != nil:
		return nil, skipped, fmt.Errorf("%w: %w", errNoUsableKey, why)
	}
	return nil, skipped, errNoUsableKey
}

var (
	errNotKeySet   = errors.New("not a JWK Set")
	errNoUsableKey = errors.New("no usable key in the set")

	// errNoKey means that the set cannot decide about a token, because the token may be signed with
	// a key that is newer than the set.
	errNoKey = errors.New("no key for the token")
)

// noKey returns the final error for a token whose key was not found.
func noKey(t *token) error {
	if t.kid == "" {
		return invalid(BadSignature)
	}
	return invalid(UnknownKey)
}

// verify returns nil, errNoKey or *InvalidTokenError.
//
// A kid selects exactly, and several keys may have the same one (RFC 7517, section 4.5). For a
// token without a kid, each key that agrees with its alg is tried (RFC 7515, appendix D); if all
// fail, the token may be forged or the key may have changed.
func (ks keys) verify(t *token) error {
	var candidates keys
	known := false
	for _, k := range ks {
		if t.kid != "" && k.kid != t.kid {
			continue
		}
		known = known || t.kid != ""
		if k.fits(t.alg) {
			candidates = append(candidates, k)
		}
	}
	switch {
	case t.verifiedBy(candidates):
		return nil
	case !known:
		return errNoKey
	case len(candidates) == 0:
		return invalid(KeyOfOtherAlgorithm)
	}
	return invalid(BadSignature)
}
