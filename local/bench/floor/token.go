package main

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"log"
	"math/big"
	"os"
	"strings"
	"time"
)

// fetchKeys finds the RSA keys of the issuer and reads them, over one connection.
func fetchKeys() map[string]*rsa.PublicKey {
	issuer := os.Getenv("JWT_ISSUER")
	c := newUpstream(issuer).get()
	var configuration struct {
		KeysAt string `json:"jwks_uri"`
	}
	check(json.Unmarshal(c.ok("GET", "/.well-known/openid-configuration", "", ""), &configuration))
	var set struct {
		Keys []struct{ Kid, N, E string }
	}
	check(json.Unmarshal(c.ok("GET", strings.TrimPrefix(configuration.KeysAt, issuer), "", ""), &set))
	keys := map[string]*rsa.PublicKey{}
	for _, key := range set.Keys {
		n, e := new(big.Int).SetBytes(decode(key.N)), new(big.Int).SetBytes(decode(key.E))
		keys[key.Kid] = &rsa.PublicKey{N: n, E: int(e.Int64())}
	}
	return keys
}

func decode(s string) []byte { return must(base64.RawURLEncoding.DecodeString(s)) }

// verify checks the signature, issuer and expiry of a token and returns its user.
func verify(keys map[string]*rsa.PublicKey, token string) string {
	parts := strings.Split(token, ".")
	var header struct{ Kid string }
	check(json.Unmarshal(decode(parts[0]), &header))
	var claims struct {
		Iss, Sub string
		Exp      int64
	}
	check(json.Unmarshal(decode(parts[1]), &claims))
	sum := sha256.Sum256([]byte(token[:len(parts[0])+1+len(parts[1])]))
	check(rsa.VerifyPKCS1v15(keys[header.Kid], crypto.SHA256, sum[:], decode(parts[2])))
	if claims.Iss != os.Getenv("JWT_ISSUER") || claims.Exp < time.Now().Unix() {
		log.Fatal("not a token for this function")
	}
	return claims.Sub
}
