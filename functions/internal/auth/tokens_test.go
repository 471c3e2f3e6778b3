package auth

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
)

// A tokenCase is a token and its expected outcome.
type tokenCase struct {
	rule  string
	token string
	want  string // see outcome
}

// TestTokens lists the tokens that are refused, and why. Run it with -v to read the list. It also
// checks that keys are requested only if a key decides: all other refusals need no keys, and so no
// fetch.
func TestTokens(t *testing.T) {
	for _, group := range []struct {
		name  string
		cases []tokenCase
	}{
		{"shape", shapeCases()},
		{"header", headerCases()},
		{"algorithm", algorithmCases()},
		{"own key", ownKeyCases()},
		{"payload", payloadCases()},
		{"issuer", issuerCases()},
		{"audience", audienceCases()},
		{"times", timeCases()},
		{"user", userCases()},
	} {
		t.Run(group.name, func(t *testing.T) {
			for _, c := range group.cases {
				t.Run(c.rule, func(t *testing.T) { checkToken(t, c) })
			}
		})
	}
}

func checkToken(t *testing.T, c tokenCase) {
	t.Helper()
	spy := &keySpy{KeySet: staticKeys(t, tokenTestKeys()...)}
	caller, err := newTestVerifier(testConfig(), spy).Verify(context.Background(), c.token)
	if got := outcome(err); got != c.want {
		t.Errorf("got %q, want %q", got, c.want)
	}
	if err != nil && caller != (Caller{}) {
		t.Errorf("a refused token gave %+v", caller)
	}
	if want := decidedByKey(c.want); spy.asked != want {
		t.Errorf("keys asked for: %v, want %v", spy.asked, want)
	}
}

// tokenTestKeys returns a set with several kinds of key, as an issuer publishes it while it changes
// keys.
func tokenTestKeys() []m {
	return []m{
		jwk(ec256(), m{"kid": "ec"}),
		jwk(rsaA(), m{"kid": "rsa"}),
		jwk(rsaB(), m{"kid": "rs256-only", "alg": "RS256"}),
		jwk(ed(), m{"kid": "ed"}),
		jwk(ed(), m{"kid": "eddsa-only", "alg": "EdDSA"}),
		jwk(ed(), m{"kid": "ed25519-only", "alg": "Ed25519"}),
	}
}

type keySpy struct {
	KeySet
	asked bool
}

func (s *keySpy) verifySignature(ctx context.Context, t *token) error {
	s.asked = true
	return s.KeySet.verifySignature(ctx, t)
}

func decidedByKey(outcome string) bool {
	switch outcome {
	case "accepted", "bad signature", "unknown key", "algorithm is not the key's":
		return true
	}
	return false
}

// sealed signs two segments unchanged, so that a token with misspelt segments still has a valid
// signature.
func sealed(header, payload string) string {
	input := header + "." + payload
	return input + "." + b64(string(signature(input, "ES256", ec256())))
}

// goodHeader and goodPayload are the parts of a good token. Their lengths leave unused bits in the
// last character of each segment.
func goodHeader() string  { return spare(`{"alg":"ES256","kid":"ec"}`) }
func goodPayload() string { return spare(goodClaims().String()) }

func spare(s string) string {
	for len(s)%3 != 1 {
		s += " "
	}
	return s
}

// loose sets a bit of the last character that decoders ignore (RFC 4648, section 3.5).
func loose(segment string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	last := len(segment) - 1
	return segment[:last] + string(alphabet[strings.IndexByte(alphabet, segment[last])|1])
}

func shapeCases() []tokenCase {
	h, p := b64(goodHeader()), b64(goodPayload())
	good := sealed(h, p)
	cut := strings.LastIndexByte(good, '.') + 1
	sig := good[cut:]
	// sized returns a good token of exactly n characters.
	sized := func(n int) string {
		for fill := n * 3 / 4; ; fill-- {
			payload := goodClaims().with(m{"fill": strings.Repeat("x", fill)}).String()
			for _, spaces := range []string{"", " ", "  "} { // a segment cannot have 4k+1 characters
				if token := sealed(b64(goodHeader()+spaces), b64(payload)); len(token) == n {
					return token
				}
			}
		}
	}
	return []tokenCase{
		{"three segments", good, "accepted"},
		{"nothing", "", "empty"},
		{"one segment", h, "not three segments"},
		{"two segments", h + "." + p, "not three segments"},
		{"four segments", good + ".", "not three segments"},
		{"five segments, as JWE has", good + ".a.b", "not three segments"},
		{"JSON serialization", m{"payload": p, "protected": h, "signature": sig}.String(), "not three segments"},
		{"1 MB of dots", strings.Repeat(".", 1_000_000), "larger than 8 KiB"},
		{"8 KiB of dots", strings.Repeat(".", 8192), "not three segments"},
		{"two dots", "..", "no signature"},
		{"8 KiB", sized(8192), "accepted"},
		{"8 KiB and one", sized(8192) + "A", "larger than 8 KiB"},
		{"9 KiB", es256("ec", goodClaims().with(m{"fill": strings.Repeat("x", 7000)})), "larger than 8 KiB"},
		{"newline before", "\n" + good, "header is not canonical base64url"},
		{"newline after", good + "\n", "signature is not canonical base64url"},
		{"newline in the header", sealed(h[:4]+"\n"+h[4:], p), "header is not canonical base64url"},
		{"newline in the payload", sealed(h, p[:4]+"\n"+p[4:]), "payload is not canonical base64url"},
		{"newline in the signature", good[:cut+4] + "\n" + good[cut+4:], "signature is not canonical base64url"},
		{"carriage return in the payload", sealed(h, p[:4]+"\r"+p[4:]), "payload is not canonical base64url"},
		{"space in the payload", sealed(h, p[:4]+" "+p[4:]), "payload is not canonical base64url"},
		{"space after", good + " ", "signature is not canonical base64url"},
		{"NUL in the signature", good[:cut] + "\x00" + sig, "signature is not canonical base64url"},
		{"padding of the header", sealed(h+"==", p), "header is not canonical base64url"},
		{"padding of the payload", sealed(h, p+"=="), "payload is not canonical base64url"},
		{"padding of the signature", good + "==", "signature is not canonical base64url"},
		{"+ of plain base64 in the signature", good[:cut] + "+" + sig[1:], "signature is not canonical base64url"},
		{"/ of plain base64 in the signature", good[:cut] + "/" + sig[1:], "signature is not canonical base64url"},
		{"leftover bits of the header", sealed(loose(h), p), "header is not canonical base64url"},
		{"leftover bits of the payload", sealed(h, loose(p)), "payload is not canonical base64url"},
		{"leftover bits of the signature", loose(good), "signature is not canonical base64url"},
		{"no header", sealed("", p), "header: not a JSON object"},
		{"no payload", sealed(h, ""), "payload: not a JSON object"},
		{"no signature", h + "." + p + ".", "no signature"},
		{"short signature", h + "." + p + "." + b64(strings.Repeat("\x01", 63)), "bad signature"},
		{"long signature", good + "AAAA", "bad signature"},
		{"signature of another token",
			h + "." + b64(goodClaims().with(m{"sub": "admin"}).String()) + "." + sig, "bad signature"},
		{"signature of zeros", h + "." + p + "." + b64(strings.Repeat("\x00", 64)), "bad signature"},
		{"signature in ASN.1", h + "." + p + "." +
			b64("0E\x02\x21\x00"+strings.Repeat("a", 32)+"\x02\x20"+strings.Repeat("b", 32)), "bad signature"},
	}
}

// withHeader signs a good payload under this header.
func withHeader(header string) string {
	return issue(header, goodClaims().String(), "ES256", ec256())
}

func headerCases() []tokenCase {
	deep := func(levels int) string { return strings.Repeat("[", levels) + strings.Repeat("]", levels) }
	return []tokenCase{
		{"null", withHeader(`null`), "header: not a JSON object"},
		{"an array", withHeader(`[]`), "header: not a JSON object"},
		{"a string", withHeader(`"ES256"`), "header: not a JSON object"},
		{"two objects", withHeader(`{"alg":"ES256","kid":"ec"}{}`), "header: not a JSON object"},
		{"cut short", withHeader(`{"alg":"ES256","kid":"ec"`), "header: not a JSON object"},
		{"a trailing comma", withHeader(`{"alg":"ES256","kid":"ec",}`), "header: not a JSON object"},
		{"a byte order mark", withHeader("\ufeff" + `{"alg":"ES256","kid":"ec"}`), "header: not a JSON object"},
		{"white space around", withHeader(" {\"alg\":\"ES256\",\n\"kid\":\"ec\"}\t"), "accepted"},
		{"31 levels deep", withHeader(`{"alg":"ES256","kid":"ec","x":` + deep(31) + `}`), "accepted"},
		{"33 levels deep", withHeader(`{"alg":"ES256","kid":"ec","x":` + deep(32) + `}`), "header: nested too deep"},
		{"2,500 levels deep", withHeader(`{"alg":"ES256","kid":"ec","x":` + deep(2500) + `}`),
			"header: nested too deep"},
		{"duplicate alg", withHeader(`{"alg":"ES256","kid":"ec","alg":"ES256"}`), "header: duplicate member"},
		{"duplicate alg, one escaped", withHeader(`{"alg":"none","kid":"ec","\u0061lg":"ES256"}`),
			"header: duplicate member"},
		{"duplicate kid", withHeader(`{"alg":"ES256","kid":"ec","kid":"rsa"}`), "header: duplicate member"},
		{"duplicate unknown member", withHeader(`{"alg":"ES256","kid":"ec","x":1,"x":1}`), "header: duplicate member"},
		{"duplicate nested member", withHeader(`{"alg":"ES256","kid":"ec","x":[{"y":1,"y":2}]}`),
			"header: duplicate member"},
		{"ALG and alg", withHeader(`{"alg":"ES256","kid":"ec","ALG":"none"}`), "accepted"},
		{"only ALG", withHeader(`{"ALG":"ES256","kid":"ec"}`), "algorithm not accepted"},
		{"not UTF-8", withHeader("{\"alg\":\"ES256\",\"kid\":\"ec\",\"x\":\"\xff\"}"), "header: not valid Unicode"},
		{"crit with an unknown name", withHeader(`{"alg":"ES256","kid":"ec","crit":["x"],"x":1}`), "crit in header"},
		{"crit with a known name", withHeader(`{"alg":"ES256","kid":"ec","crit":["exp"],"exp":1}`), "crit in header"},
		{"crit empty", withHeader(`{"alg":"ES256","kid":"ec","crit":[]}`), "crit in header"},
		{"crit null", withHeader(`{"alg":"ES256","kid":"ec","crit":null}`), "crit in header"},
		{"b64 false in crit", withHeader(`{"alg":"ES256","kid":"ec","crit":["b64"],"b64":false}`), "crit in header"},
		{"b64 false", withHeader(`{"alg":"ES256","kid":"ec","b64":false}`), "b64 in header"},
		{"b64 true", withHeader(`{"alg":"ES256","kid":"ec","b64":true}`), "b64 in header"},
		{"unknown member", withHeader(`{"alg":"ES256","kid":"ec","x":1}`), "accepted"},
		{"typ absent", withHeader(`{"alg":"ES256","kid":"ec"}`), "accepted"},
		{"typ JWT", withHeader(`{"alg":"ES256","kid":"ec","typ":"JWT"}`), "accepted"},
		{"typ jwt", withHeader(`{"alg":"ES256","kid":"ec","typ":"jwt"}`), "accepted"},
		{"typ at+jwt", withHeader(`{"alg":"ES256","kid":"ec","typ":"at+jwt"}`), "accepted"},
		{"typ application/at+jwt", withHeader(`{"alg":"ES256","kid":"ec","typ":"application/at+jwt"}`), "accepted"},
		{"typ logout+jwt", withHeader(`{"alg":"ES256","kid":"ec","typ":"logout+jwt"}`), "typ not accepted"},
		{"typ dpop+jwt", withHeader(`{"alg":"ES256","kid":"ec","typ":"dpop+jwt"}`), "typ not accepted"},
		{"typ secevent+jwt", withHeader(`{"alg":"ES256","kid":"ec","typ":"secevent+jwt"}`), "typ not accepted"},
		{"typ JOSE", withHeader(`{"alg":"ES256","kid":"ec","typ":"JOSE"}`), "typ not accepted"},
		{"typ with a space", withHeader(`{"alg":"ES256","kid":"ec","typ":"JWT "}`), "typ not accepted"},
		{"typ empty", withHeader(`{"alg":"ES256","kid":"ec","typ":""}`), "typ not accepted"},
		{"typ only application/", withHeader(`{"alg":"ES256","kid":"ec","typ":"application/"}`), "typ not accepted"},
		{"typ null", withHeader(`{"alg":"ES256","kid":"ec","typ":null}`), "typ not accepted"},
		{"typ a list", withHeader(`{"alg":"ES256","kid":"ec","typ":["JWT"]}`), "typ not accepted"},
		{"kid absent", withHeader(`{"alg":"ES256"}`), "accepted"},
		{"kid a number", withHeader(`{"alg":"ES256","kid":1}`), "kid is not a string"},
		{"kid null", withHeader(`{"alg":"ES256","kid":null}`), "kid is not a string"},
		{"kid of 100 KB",
			withHeader(`{"alg":"ES256","kid":"` + strings.Repeat("k", 100_000) + `"}`), "larger than 8 KiB"},
		{"kid of 5 KB", withHeader(`{"alg":"ES256","kid":"` + strings.Repeat("k", 5000) + `"}`), "unknown key"},
		{"kid ../x", withHeader(`{"alg":"ES256","kid":"../x"}`), "unknown key"},
		{"kid with SQL", withHeader(`{"alg":"ES256","kid":"' OR 1=1 --"}`), "unknown key"},
		{"kid in another case", withHeader(`{"alg":"ES256","kid":"EC"}`), "unknown key"},
	}
}

func payloadCases() []tokenCase {
	payload := func(text string) string { return issue(`{"alg":"ES256","kid":"ec"}`, text, "ES256", ec256()) }
	// plus returns the good payload with text inserted after the opening brace.
	plus := func(text string) string { return payload("{" + text + "," + goodClaims().String()[1:]) }
	user := func(text string) string {
		return payload(goodClaims().with(m{"sub": "USER"}).stringWith("USER", text))
	}
	deep := func(levels int) string { return strings.Repeat(`{"a":`, levels) + "1" + strings.Repeat("}", levels) }
	return []tokenCase{
		{"null", payload(`null`), "payload: not a JSON object"},
		{"an array", payload(`[]`), "payload: not a JSON object"},
		{"a number", payload(`1`), "payload: not a JSON object"},
		{"an empty object", payload(`{}`), "no issuer"},
		{"not JSON", payload(`sub=user-1`), "payload: not a JSON object"},
		{"two objects", payload(goodClaims().String() + `{"sub":"admin"}`), "payload: not a JSON object"},
		{"a comment", payload(goodClaims().String() + ` // x`), "payload: not a JSON object"},
		{"a NUL at the end", payload(goodClaims().String() + "\x00"), "payload: not a JSON object"},
		{"20,000 levels deep", plus(`"x":` + deep(20_000)), "larger than 8 KiB"},
		{"900 levels deep", plus(`"x":` + deep(900)), "payload: nested too deep"},
		{"32 levels deep", plus(`"x":` + deep(32)), "payload: nested too deep"},
		{"31 levels deep", plus(`"x":` + deep(31)), "accepted"},
		{"duplicate sub", plus(`"sub":"admin"`), "payload: duplicate member"},
		{"duplicate sub, the same", plus(`"sub":"user-1"`), "payload: duplicate member"},
		{"duplicate sub, one escaped", plus(`"s\u0075b":"admin"`), "payload: duplicate member"},
		{"duplicate exp", plus(`"exp":9999999999`), "payload: duplicate member"},
		{"duplicate nested member", plus(`"act":{"sub":"a","sub":"b"}`), "payload: duplicate member"},
		{"SUB and sub", plus(`"SUB":"admin"`), "accepted"},
		{"SUB without sub", payload(goodClaims().without("sub").with(m{"SUB": "admin"}).String()), "no user"},
		{"\u017fub without sub", payload(goodClaims().without("sub").with(m{"\u017fub": "admin"}).String()), "no user"},
		{"EXP without exp", payload(goodClaims().without("exp").with(m{"EXP": 9999999999}).String()), "no expiry"},
		{"user not UTF-8", user("\xff\xfe"), "payload: not valid Unicode"},
		{"user in overlong UTF-8", user("\xc0\xae"), "payload: not valid Unicode"},
		{"user a surrogate in UTF-8", user("\xed\xa0\x80"), "payload: not valid Unicode"},
		{"user half a surrogate pair, high", user(`\ud800`), "payload: not valid Unicode"},
		{"user half a surrogate pair, low", user(`\udc00`), "payload: not valid Unicode"},
		{"user half a surrogate pair after an escape", user(`\\\ud800`), "payload: not valid Unicode"},
		{"user two high surrogates", user(`\ud83d\ud83d`), "payload: not valid Unicode"},
		{"user a high surrogate and a letter", user(`\uD83Dx`), "payload: not valid Unicode"},
		{"user a surrogate pair", user(`\ud83d\uDE00`), "accepted"},
		{"user next to the surrogates", user(`\ud7ff\uE000`), "accepted"},
		{"user with an escaped backslash", user(`\\ud800`), "accepted"},
	}
}

// stringWith writes the object with placeholder replaced, so that text gets into a string
// unescaped.
func (o m) stringWith(placeholder, text string) string {
	return strings.ReplaceAll(o.String(), placeholder, text)
}

func issuerCases() []tokenCase {
	iss := func(v any) string { return es256("ec", goodClaims().with(m{"iss": v})) }
	return []tokenCase{
		{"absent", es256("ec", goodClaims().without("iss")), "no issuer"},
		{"null", iss(nil), "no issuer"},
		{"empty", iss(""), "no issuer"},
		{"a list", iss([]string{testIssuer}), "no issuer"},
		{"with a trailing slash", iss(testIssuer + "/"), "issuer mismatch"},
		{"in upper case", iss(strings.ToUpper(testIssuer)), "issuer mismatch"},
		{"with a port", iss(testIssuer + ":443"), "issuer mismatch"},
		{"with a prefix", iss(testIssuer + ".evil.example"), "issuer mismatch"},
		{"over http", iss("http://issuer.example"), "issuer mismatch"},
		{"with a NUL at the end", iss(testIssuer + "\x00"), "issuer mismatch"},
	}
}

func audienceCases() []tokenCase {
	aud := func(v any) string { return es256("ec", goodClaims().with(m{"aud": v})) }
	none := func(more m) string { return es256("ec", goodClaims().without("aud").with(more)) }
	return []tokenCase{
		{"a string", aud(testAudience), "accepted"},
		{"a list", aud([]string{"x", testAudience}), "accepted"},
		{"the other accepted audience", aud("other"), "accepted"},
		{"absent", none(nil), "no audience"},
		{"another", aud("x"), "audience mismatch"},
		{"a list of others", aud([]string{"x", "y"}), "audience mismatch"},
		{"an empty list", aud([]string{}), "no audience"},
		{"an empty string", aud(""), "audience mismatch"},
		{"in upper case", aud("BILLING-PORTAL"), "audience mismatch"},
		{"several in one string", aud("x " + testAudience), "audience mismatch"},
		{"a number", aud(1), "malformed audience"},
		{"null", aud(nil), "no audience"},
		{"a list with an empty string", aud([]string{""}), "audience mismatch"},
		{"a list with a number", aud([]any{testAudience, 1}), "malformed audience"},
		{"a list with null", aud([]any{testAudience, nil}), "malformed audience"},
		{"a nested list", aud([]any{[]string{testAudience}}), "malformed audience"},
		{"an object", aud(m{testAudience: true}), "malformed audience"},
		{"client_id instead", none(m{"client_id": testAudience}), "accepted"},
		{"azp instead", none(m{"azp": testAudience}), "accepted"},
		{"another client_id", none(m{"client_id": "x"}), "audience mismatch"},
		{"another azp", none(m{"azp": "x"}), "audience mismatch"},
		{"client_id before azp", none(m{"client_id": "x", "azp": testAudience}), "audience mismatch"},
		{"client_id a list", none(m{"client_id": []string{testAudience}}), "malformed audience"},
		{"azp a list", none(m{"azp": []string{testAudience}}), "malformed audience"},
		{"azp null", none(m{"azp": nil}), "no audience"},
		{"client_id null before azp", none(m{"client_id": nil, "azp": testAudience}), "accepted"},
		{"client_id empty before azp", none(m{"client_id": "", "azp": testAudience}), "audience mismatch"},
		{"another aud and the right client_id",
			es256("ec", goodClaims().with(m{"aud": "x", "client_id": testAudience})), "audience mismatch"},
		{"an empty aud and the right azp",
			es256("ec", goodClaims().with(m{"aud": []string{}, "azp": testAudience})), "accepted"},
		{"an empty aud, with a space, and the right client_id",
			es256("ec", goodClaims().with(m{"aud": json.RawMessage("[ ]"), "client_id": testAudience})), "accepted"},
		{"an empty aud and another client_id", es256("ec",
			goodClaims().with(m{"aud": []string{}, "client_id": "x", "azp": testAudience})), "audience mismatch"},
		{"an empty string in aud and the right azp",
			es256("ec", goodClaims().with(m{"aud": []string{""}, "azp": testAudience})), "audience mismatch"},
		{"an empty object as aud and the right azp",
			es256("ec", goodClaims().with(m{"aud": m{}, "azp": testAudience})), "malformed audience"},
		{"false as aud and the right azp",
			es256("ec", goodClaims().with(m{"aud": false, "azp": testAudience})), "malformed audience"},
		{"null aud and the right azp",
			es256("ec", goodClaims().with(m{"aud": nil, "azp": testAudience})), "accepted"},
		{"null aud and the right client_id",
			es256("ec", goodClaims().with(m{"aud": nil, "client_id": testAudience, "azp": "x"})), "accepted"},
	}
}

func timeCases() []tokenCase {
	claim := func(name string, v any) string { return es256("ec", goodClaims().with(m{name: v})) }
	raw := func(s string) json.RawMessage { return json.RawMessage(s) }
	at := func(seconds float64) float64 { return float64(now.Unix()) + seconds }
	return []tokenCase{
		{"exp absent", es256("ec", goodClaims().without("exp")), "no expiry"},
		{"exp null", claim("exp", nil), "malformed expiry"},
		{"exp a string of digits", claim("exp", "9999999999"), "malformed expiry"},
		{"exp a word", claim("exp", "never"), "malformed expiry"},
		{"exp true", claim("exp", true), "malformed expiry"},
		{"exp a list", claim("exp", []int{9999999999}), "malformed expiry"},
		{"exp 0", claim("exp", 0), "expired"},
		{"exp -0", claim("exp", raw("-0")), "expired"},
		{"exp -1", claim("exp", -1), "malformed expiry"},
		{"exp 1e300", claim("exp", raw("1e300")), "malformed expiry"},
		{"exp 1e999", claim("exp", raw("1e999")), "malformed expiry"},
		{"exp in milliseconds", claim("exp", now.Add(1).UnixMilli()), "malformed expiry"},
		{"exp beyond int64", claim("exp", raw("9223372036854775808")), "malformed expiry"},
		{"exp in the year 9999", claim("exp", raw("253402300799")), "accepted"},
		{"exp with an exponent", claim("exp", raw("2.0e9")), "accepted"},
		{"exp with a fraction", claim("exp", raw("1999999999.5")), "accepted"},
		{"exp 29 s past", claim("exp", at(-29)), "accepted"},
		{"exp 30 s past", claim("exp", at(-30)), "accepted"},
		{"exp 30.001 s past", claim("exp", at(-30.001)), "expired"},
		{"exp 31 s past", claim("exp", at(-31)), "expired"},
		{"nbf absent", es256("ec", goodClaims().without("nbf")), "accepted"},
		{"nbf past", claim("nbf", at(-3600)), "accepted"},
		{"nbf 0", claim("nbf", 0), "accepted"},
		{"nbf 30 s ahead", claim("nbf", at(30)), "accepted"},
		{"nbf 30.5 s ahead", claim("nbf", float64(now.Unix())+30.5), "not valid yet"},
		{"nbf 31 s ahead", claim("nbf", at(31)), "not valid yet"},
		{"nbf null", claim("nbf", nil), "malformed not-before time"},
		{"nbf a string", claim("nbf", "0"), "malformed not-before time"},
		{"nbf -1", claim("nbf", -1), "malformed not-before time"},
		{"nbf 1e300", claim("nbf", raw("1e300")), "malformed not-before time"},
		{"iat absent", es256("ec", goodClaims().without("iat")), "accepted"},
		{"iat 30 s ahead", claim("iat", at(30)), "accepted"},
		{"iat 31 s ahead", claim("iat", at(31)), "issued in the future"},
		{"iat null", claim("iat", nil), "malformed time of issue"},
		{"iat a string", claim("iat", "1"), "malformed time of issue"},
	}
}

func userCases() []tokenCase {
	sub := func(v any) string { return es256("ec", goodClaims().with(m{"sub": v})) }
	return []tokenCase{
		{"absent", es256("ec", goodClaims().without("sub")), "no user"},
		{"null", sub(nil), "no user"},
		{"empty", sub(""), "no user"},
		{"a number", sub(1), "no user"},
		{"a list", sub([]string{"user-1"}), "no user"},
		{"an object", sub(m{"id": "user-1"}), "no user"},
		{"1 character", sub("u"), "accepted"},
		{"255 characters", sub(strings.Repeat("u", 255)), "accepted"},
		{"255 characters of three bytes", sub(strings.Repeat("\u65e5", 255)), "accepted"},
		{"a line end", sub("user\n1"), "user with control characters"},
		{"NUL", sub("user-1\x00"), "user with control characters"},
		{"DEL", sub("\x7fuser-1"), "user with control characters"},
		{"a control character of Latin-1", sub("user\u0085one"), "user with control characters"},
		{"a space", sub("user 1"), "accepted"},
		{"the first character after the control characters", sub("user\u00a01"), "accepted"},
		{"256 characters", sub(strings.Repeat("u", 256)), "user longer than 255 characters"},
	}
}

// An empty configuration must accept no token.
func TestEmptyConfigurationAcceptsNoToken(t *testing.T) {
	token := es256("ec", goodClaims().with(m{"aud": ""}))
	for name, cfg := range map[string]Config{
		"zero":           {},
		"no issuer":      {Audiences: []string{testAudience}},
		"no audience":    {Issuer: testIssuer},
		"empty audience": {Issuer: testIssuer, Audiences: []string{""}},
		"required claim without values": {Issuer: testIssuer, Audiences: []string{testAudience},
			RequiredClaim: RequiredClaim{Name: "sub"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := newTestVerifier(cfg, staticKeys(t, tokenTestKeys()...)).Verify(context.Background(), token)
			var refused *InvalidTokenError
			if !errors.As(err, &refused) {
				t.Fatalf("got %v", err)
			}
		})
	}
}
