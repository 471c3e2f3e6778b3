package fakeissuer

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"fmt"
	"sync"

	"github.com/go-jose/go-jose/v4"
)

// keyBits is the least that RFC 7518, section 3.3, allows for RS256.
const keyBits = 2048

// signingKey is a private key and the name that it is published under.
type signingKey struct {
	private *rsa.PrivateKey
	id      string
}

// firstKey is the key that each issuer of a process begins with. Making one takes a second of a
// slow machine, and tests start hundreds of issuers.
var firstKey = sync.OnceValues(newSigningKey)

// newSigningKey names the key by its thumbprint (RFC 7638), so that no two
// keys share a name.
func newSigningKey() (signingKey, error) {
	private, err := rsa.GenerateKey(rand.Reader, keyBits)
	if err != nil {
		return signingKey{}, fmt.Errorf("generating the issuer's key: %w", err)
	}
	public := jose.JSONWebKey{Key: private.Public()}
	thumbprint, err := public.Thumbprint(crypto.SHA256)
	if err != nil {
		return signingKey{}, fmt.Errorf("naming the issuer's key: %w", err)
	}
	return signingKey{private, base64.RawURLEncoding.EncodeToString(thumbprint)}, nil
}

func (k signingKey) sign(payload []byte) (string, error) {
	signer, err := jose.NewSigner(
		jose.SigningKey{Algorithm: jose.RS256, Key: jose.JSONWebKey{Key: k.private, KeyID: k.id}},
		new(jose.SignerOptions).WithType("JWT"))
	if err != nil {
		return "", fmt.Errorf("signing: %w", err)
	}
	signed, err := signer.Sign(payload)
	if err != nil {
		return "", fmt.Errorf("signing: %w", err)
	}
	return signed.CompactSerialize()
}

func (k signingKey) public() jose.JSONWebKey {
	return jose.JSONWebKey{Key: k.private.Public(), KeyID: k.id, Algorithm: string(jose.RS256), Use: "sig"}
}

// Rotate makes a new key sign from now on. The older ones stay in the key set,
// as issuers keep them for the tokens that are out, until DropOldKeys.
func (i *Issuer) Rotate() error {
	key, err := newSigningKey()
	if err != nil {
		return err
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.keys = append([]signingKey{key}, i.keys...)
	return nil
}

// DropOldKeys leaves the key that signs as the only one in the key set.
func (i *Issuer) DropOldKeys() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.keys = i.keys[:1:1]
}

// KeySet returns the public keys, the one that signs first.
func (i *Issuer) KeySet() jose.JSONWebKeySet {
	i.mu.RLock()
	defer i.mu.RUnlock()
	var set jose.JSONWebKeySet
	for _, key := range i.keys {
		set.Keys = append(set.Keys, key.public())
	}
	return set
}

func (i *Issuer) current() signingKey {
	i.mu.RLock()
	defer i.mu.RUnlock()
	return i.keys[0]
}
