// Package auth turns a bearer token into a [Caller], or into an error whose type
// says what to answer.
//
//	keys, err := auth.NewRemoteKeySet(auth.RemoteConfig{Issuer: "https://issuer.example"})
//	...
//	verifier := auth.NewVerifier(auth.Config{
//		Issuer:    "https://issuer.example",
//		Audiences: []string{"billing-portal"},
//	}, keys)
//	caller, err := verifier.Verify(ctx, token)
//
// # What is accepted
//
// A JWT (RFC 7519) of any OpenID Connect issuer, as an access token or an ID
// token, that passes every one of these rules:
//
//   - At most 8 KiB, in compact serialization: three segments of base64url, spelt
//     the one canonical way, without padding, white space or leftover bits.
//   - Header and payload are JSON objects in UTF-8, at most 32 levels deep, in
//     which no name occurs twice at any level. Names are compared exactly.
//   - alg is one of RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512,
//     and EdDSA or Ed25519, which are two names of one algorithm. typ is absent, JWT or at+jwt. There is no crit and no
//     b64. jku, jwk, x5u and x5c are not looked at.
//   - iss is [Config.Issuer] or one of [Config.Aliases], character for character.
//   - aud has one of [Config.Audiences]. If it is absent, null or empty, client_id
//     counts instead, or else azp.
//   - exp is there and at most 30 seconds past; nbf and iat, where present, are at
//     most 30 seconds ahead. All are JSON numbers.
//   - The user claim, sub by default, is a string of 1 to 255 characters, none of
//     them a control character.
//   - A key of the name that iss has verifies the signature, and that key's kty, crv,
//     use, key_ops and alg agree with the token's alg.
//   - [Config.RequiredScope] is in scope or scp, and [Config.RequiredClaim] has an
//     accepted value, where they are configured.
//
// The user claim and the required claim are members of the payload by their whole
// names, dots and all, or else what a path of members joined by dots leads to:
// realm_access.roles. There is no way through a string, a list or null.
//
// The rules are applied in this order, so that a key is only asked for where it
// decides, and only a genuine token learns that it lacks a right.
//
// # Keys
//
// Of a key set (RFC 7517) those keys are used that can verify and do nothing else: RSA of 2,048 to
// 8,192 bits with an odd exponent above 1 and no ROCA fingerprint, EC on P-256, P-384 and P-521,
// and Ed25519; without private members, with use, if any, sig, and key_ops, if any, having verify.
// A member that is null counts as absent. Others are skipped, and cost the rest of the set nothing.
// A kid selects exactly; a token without one is tried with each key that agrees with its alg.
//
// # Remote keys
//
// A [RemoteKeySet] fetches the issuer's configuration document and the key set
// that it names, or a key set alone, when a request needs them:
//
//   - One fetch at a time, under the context of the request that needs it. Others
//     wait for its result, no longer than their own contexts; if it is cancelled,
//     the next of them fetches.
//   - While usable keys are at hand, a request waits half a second at most; then
//     those serve, and the fetch goes on under its own bound, for requests to come.
//   - Each try takes at most 1.5 s. A second one follows where no answer, or one
//     of the 5xx, came. Both documents together take at most 3.5 s.
//   - https, or http on a loopback host. No redirects, no link-local or metadata
//     addresses, at most 150,000 bytes after decompression.
//   - Keys are fresh for the answer's max-age, kept between 1 minute and 1 hour, or
//     10 minutes if it has none.
//   - While the issuer fails, the last good keys serve for 2 hours more. Attempts
//     are 1, 2, 4, 8, 16 and then 30 s apart. A set without a usable key is a
//     failure.
//   - A token whose key the set lacks makes one fetch, unless there was one in the
//     last 30 s. A bad signature under a known kid makes none.
//
// [NamedKeySets] has one such set for each name of an issuer. The keys of a name are
// fetched with its first token.
//
// # Errors
//
// Every error of [Verifier.Verify] is one of these:
//
//   - [*InvalidTokenError]: 401.
//   - [*InsufficientScopeError] and [*InsufficientRoleError]: 403.
//   - [*KeysUnavailableError]: 503 with Retry-After. While the issuer fails this
//     is also the answer to a token whose key is not known, which may be new.
//
// Their texts, and those that are logged, are fixed: nothing of a token, of an
// address or of what the issuer answered gets into them.
//
// # What it does not do
//
// It neither decrypts (JWE), nor asks the issuer about a token (RFC 7662), nor
// remembers tokens: one that is revoked works until it expires.
package auth
