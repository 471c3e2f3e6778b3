package auth

import (
	"encoding/base64"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"

	"billingportal/functions/internal/strictjson"
)

// maxTokenBytes is 8 KiB, because an API Gateway HTTP API accepts 10,240 bytes of request line and
// headers together.
const maxTokenBytes = 8 << 10

// A token is a JWS in compact serialization (RFC 7515, section 7.1). Its shape and header are
// valid; its signature is not yet checked.
type token struct {
	alg     jose.SignatureAlgorithm
	kid     string // "" if the header has none
	payload []byte
	jws     *jose.JSONWebSignature

	issuer      string    // iss, once it is known to be an accepted one
	keysFetched time.Time // when the keys that checked the signature were fetched; zero if they are not fetched
}

// parseToken applies every rule that needs no clock, configuration or key.
func parseToken(compact string) (*token, error) {
	if compact == "" {
		return nil, invalid(Empty)
	}
	if len(compact) > maxTokenBytes {
		return nil, invalid(TooLarge)
	}
	// Count before splitting: 8 KiB of dots must not become 8,192 strings.
	if strings.Count(compact, ".") != 2 {
		return nil, invalid(NotThreeSegments)
	}
	segments := strings.Split(compact, ".")
	header, ok := decodeSegment(segments[0])
	if !ok {
		return nil, invalid(HeaderNotBase64)
	}
	payload, ok := decodeSegment(segments[1])
	if !ok {
		return nil, invalid(PayloadNotBase64)
	}
	signature, ok := decodeSegment(segments[2])
	if !ok {
		return nil, invalid(SignatureNotBase64)
	}
	if len(signature) == 0 {
		return nil, invalid(NoSignature)
	}
	t := &token{payload: payload}
	if err := t.readHeader(header); err != nil {
		return nil, err
	}
	// The library accepts only the algorithm that was read here, so it cannot read the header
	// differently.
	var err error
	if t.jws, err = jose.ParseSignedCompact(compact, []jose.SignatureAlgorithm{t.alg}); err != nil {
		return nil, invalid(MalformedHeader)
	}
	return t, nil
}

// decodeSegment decodes base64url without padding (RFC 7515, section 2). Strict refuses leftover
// bits, so that each token has only one spelling. The check for line breaks is needed because Go's
// decoder skips them.
func decodeSegment(s string) ([]byte, bool) {
	if strings.ContainsAny(s, "\r\n") {
		return nil, false
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(s)
	return b, err == nil
}

// readHeader reads alg and kid, and refuses a header that asks for other processing.
//
// jku, jwk, x5u and x5c, by which a token could bring its own key, are never used: the only keys
// are those of the KeySet (RFC 8725, section 3.10). They are ignored rather than refused, because
// some issuers send them.
func (t *token) readHeader(data []byte) error {
	header, err := strictjson.ParseObject(data)
	if err != nil {
		return &InvalidTokenError{Reason: HeaderNotObject, Err: err}
	}
	alg, ok := header.Text("alg")
	if !ok || !accepted(jose.SignatureAlgorithm(alg)) {
		return invalid(AlgorithmNotAccepted)
	}
	t.alg = jose.SignatureAlgorithm(alg)
	// This package understands no extension, so crit is refused (RFC 7515, section 4.1.11). An
	// empty list is refused too, because crit must not be empty.
	if header.Has("crit") {
		return invalid(CritInHeader)
	}
	// b64 changes the signed bytes, and is valid only inside crit (RFC 7797, section 6).
	if header.Has("b64") {
		return invalid(B64InHeader)
	}
	if t.kid, ok = header.Text("kid"); !ok && header.Has("kid") {
		return invalid(KidNotText)
	}
	// Many tokens have no typ: Amazon Cognito sends none.
	if typ, _ := header.Text("typ"); header.Has("typ") && !acceptedType(typ) {
		return invalid(TypNotAccepted)
	}
	return nil
}

// acceptedType refuses tokens that were made for another purpose, for example logout+jwt (RFC 8725,
// section 3.11). A media type is compared without case, and its "application/" may be left out (RFC
// 7515, section 4.1.9; RFC 9068, section 4).
func acceptedType(typ string) bool {
	switch strings.TrimPrefix(strings.ToLower(typ), "application/") {
	case "jwt", "at+jwt":
		return true
	}
	return false
}
