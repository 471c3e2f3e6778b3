// Package fakeissuer is the laptop's OpenID Connect issuer: a discovery document, a
// key set, and a token endpoint that signs whatever claims it is asked for.
// It has no login and no clients, since what it stands in for is an issuer as
// a verifier sees it.
//
// Tokens are signed with RS256: OpenID Connect Discovery 1.0, section 3, wants
// every issuer to support it, and it is what most of them use, so the demo
// takes the path that production will take.
package fakeissuer
