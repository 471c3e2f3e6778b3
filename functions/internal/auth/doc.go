// Package auth verifies bearer tokens. Its input is a JWT (RFC 7519) and the issuer's public keys;
// its output is a [Caller], or an error whose type decides the answer.
//
//	keys, err := auth.NewRemoteKeySet(auth.RemoteConfig{Issuer: "https://issuer.example"})
//	...
//	verifier := auth.NewVerifier(auth.Config{
//		Issuer:    "https://issuer.example",
//		Audiences: []string{"billing-portal"},
//	}, keys)
//	caller, err := verifier.Verify(ctx, token)
//
// # Rules
//
// Any OpenID Connect issuer works, with access tokens or ID tokens. A token must pass every rule:
//
//   - It has at most 8 KiB in compact serialization: three segments of canonical base64url, without
//     padding, white space or leftover bits.
//   - Header and payload are JSON objects in UTF-8, at most 32 levels deep. No name occurs twice in
//     an object, at any level. Names are compared exactly.
//   - alg is RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, EdDSA or Ed25519 (two
//     names of one algorithm). typ is absent, JWT or at+jwt. crit and b64 are refused. jku, jwk,
//     x5u and x5c are ignored.
//   - iss is [Config.Issuer] or one of [Config.Aliases], character for character.
//   - aud contains one of [Config.Audiences]. If aud is absent, null or empty, client_id counts
//     instead; without a client_id, azp.
//   - exp is required and at most 30 seconds in the past. nbf and iat, if present, are at most 30
//     seconds in the future. All three are JSON numbers.
//   - The user claim, sub by default, is a string of 1 to 255 characters without control characters.
//   - The signature is valid under a key of the issuer name that iss holds. The key's kty, crv, use,
//     key_ops and alg agree with the token's alg.
//   - scope or scp contains [Config.RequiredScope], and [Config.RequiredClaim] has an accepted
//     value, if they are configured.
//
// The user claim and the required claim are looked up by their whole names first, dots included.
// If the payload has no member of that name, the name is a path of members joined by dots:
// realm_access.roles. A path cannot lead through a string, an array or null.
//
// The rules are applied in this order, so that keys are fetched only for tokens that pass every
// earlier rule, and only a genuine token learns that it lacks a right.
//
// # Keys
//
// A key set (RFC 7517) may contain keys of any kind. The usable ones are public keys for
// verification: RSA of 2,048 to 8,192 bits with an odd exponent above 1 and no ROCA fingerprint, EC
// on P-256, P-384 and P-521, and Ed25519. They have no private members; use, if present, is sig;
// key_ops, if present, contains verify. A member that is null counts as absent. Unusable keys are
// skipped and do not affect the rest of the set. A token with a kid is checked only with keys of
// that kid; a token without one is checked with every key that agrees with its alg.
//
// # Remote keys
//
// A [RemoteKeySet] fetches the key set when a request needs it: through the issuer's configuration
// document, or directly if the key set's address is configured.
//
//   - One fetch runs at a time, under the context of the request that needs it. Other requests wait
//     for its result, within their own contexts. If the fetch is cancelled, the next of them fetches.
//   - If usable keys are cached, a request waits at most half a second for newer ones. Then it uses
//     the cached keys, and the fetch continues, under its own time limit, for later requests.
//   - Each try takes at most 1.5 s. After no answer or a 5xx, a second try follows. Both documents
//     together take at most 3.5 s.
//   - Addresses are https, or http on a loopback host. Redirects, link-local addresses and metadata
//     addresses are refused. A document has at most 150,000 bytes after decompression.
//   - Keys are fresh for the answer's max-age, limited to between 1 minute and 1 hour, or for 10
//     minutes without a max-age.
//   - While the issuer fails, the last good keys are used for 2 more hours. Attempts are 1, 2, 4, 8,
//     16 and then 30 s apart. A set without a usable key counts as a failure.
//   - A token whose key is missing from the set triggers a fetch, unless there was one in the last
//     30 s. A bad signature under a known kid triggers none.
//
// [NamedKeySets] holds one key set for each name of an issuer. The keys of a name are fetched with
// its first token.
//
// # Errors
//
// Every error of [Verifier.Verify] is one of these:
//
//   - [*InvalidTokenError]: 401.
//   - [*InsufficientScopeError] and [*InsufficientRoleError]: 403.
//   - [*KeysUnavailableError]: 503 with Retry-After. While the issuer fails, a token with an unknown
//     key gets this error too, because the key may be new.
//
// The texts of errors and log lines are fixed. They contain no part of a token, an address or the
// issuer's answer.
//
// # Limits
//
// The package does not decrypt tokens (JWE), does not ask the issuer about a token (RFC 7662), and
// does not remember tokens: a revoked token works until it expires.
package auth
