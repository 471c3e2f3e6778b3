package auth

// A Reason is the rule that a token breaks. Its text goes to the log and contains no part of the
// token. The caller does not see it, because the caller may be probing.
type Reason string

// The reasons, in the order in which the rules are applied.
const (
	Empty                     Reason = "empty"
	TooLarge                  Reason = "larger than 8 KiB"
	NotThreeSegments          Reason = "not three segments"
	HeaderNotBase64           Reason = "header is not canonical base64url"
	PayloadNotBase64          Reason = "payload is not canonical base64url"
	SignatureNotBase64        Reason = "signature is not canonical base64url"
	NoSignature               Reason = "no signature"
	HeaderNotObject           Reason = "header" // followed by strictjson's error
	AlgorithmNotAccepted      Reason = "algorithm not accepted"
	CritInHeader              Reason = "crit in header"
	B64InHeader               Reason = "b64 in header"
	KidNotText                Reason = "kid is not a string"
	TypNotAccepted            Reason = "typ not accepted"
	MalformedHeader           Reason = "malformed header"
	PayloadNotObject          Reason = "payload" // followed by strictjson's error
	NoIssuer                  Reason = "no issuer"
	IssuerMismatch            Reason = "issuer mismatch"
	NoAudience                Reason = "no audience"
	MalformedAudience         Reason = "malformed audience"
	AudienceMismatch          Reason = "audience mismatch"
	NoExpiry                  Reason = "no expiry"
	MalformedExpiry           Reason = "malformed expiry"
	Expired                   Reason = "expired"
	MalformedNotBefore        Reason = "malformed not-before time"
	NotYetValid               Reason = "not valid yet"
	MalformedIssuedAt         Reason = "malformed time of issue"
	IssuedInTheFuture         Reason = "issued in the future"
	NoUser                    Reason = "no user"
	UserWithControlCharacters Reason = "user with control characters"
	UserTooLong               Reason = "user longer than 255 characters"
	NoKeysForIssuer           Reason = "no keys for the issuer"
	UnknownKey                Reason = "unknown key"
	KeyOfOtherAlgorithm       Reason = "algorithm is not the key's"
	BadSignature              Reason = "bad signature"
)
