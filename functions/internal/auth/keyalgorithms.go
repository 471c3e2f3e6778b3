package auth

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"slices"
)

// Algorithms lists the algorithms that the issuer's keys are for, and fetches the keys if none are
// cached. A key without alg is listed by its type. The errors are those of [Verifier.Verify].
func (k *RemoteKeySet) Algorithms(ctx context.Context) ([]string, error) {
	held, err := k.obtain(ctx, k.cache.Get)
	if err != nil {
		return nil, err
	}
	return held.Value.algorithms(), nil
}

// Algorithms returns the algorithms of the keys.
func (s *StaticKeySet) Algorithms(context.Context) ([]string, error) { return s.keys.algorithms(), nil }

func (ks keys) algorithms() []string {
	var found []string
	for _, k := range ks {
		found = append(found, k.algorithm())
	}
	slices.Sort(found)
	return slices.Compact(found)
}

func (k publicKey) algorithm() string {
	if k.alg != "" {
		return string(k.alg)
	}
	switch key := k.key.(type) {
	case *rsa.PublicKey:
		return "RSA"
	case *ecdsa.PublicKey:
		return key.Curve.Params().Name
	case ed25519.PublicKey:
		return "Ed25519"
	}
	return "unknown"
}
