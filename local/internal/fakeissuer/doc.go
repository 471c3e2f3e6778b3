// Package fakeissuer is the OpenID Connect issuer of the development server: a discovery document,
// a key set, and a token endpoint that signs the claims in the request. It has no login and no
// clients, because it simulates only the part of an issuer that a verifier uses.
//
// It signs tokens with RS256. OpenID Connect Discovery 1.0, section 3, requires every issuer to
// support RS256 and most issuers use it, so the demo runs the same code as production.
package fakeissuer
