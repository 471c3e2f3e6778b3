package auth

import (
	"encoding/json"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"billingportal/functions/internal/strictjson"
)

// leeway is the accepted difference between the issuer's clock and ours, in either direction (RFC
// 7519, sections 4.1.4 and 4.1.5: "no more than a few minutes").
const leeway = 30 * time.Second

// maxUserIDLength is in characters. It is OpenID Connect's limit for sub (Core 1.0, section 2),
// applied to any claim that names the user.
const maxUserIDLength = 255

// issuerOf returns the token's issuer, as an index into names. It compares exactly: no
// normalization, no optional trailing slash, no pattern (RFC 7519, section 4.1.1; RFC 8725, section
// 3.8).
func issuerOf(claims strictjson.Object, names []string) (int, error) {
	iss, ok := claims.Text("iss")
	if !ok || iss == "" {
		return 0, invalid(NoIssuer)
	}
	i := slices.Index(names, iss)
	if i < 0 {
		return 0, invalid(IssuerMismatch)
	}
	return i, nil
}

// checkAudience looks for one of the accepted audiences in aud (RFC 7519, section 4.1.3). If aud is
// absent, null or an empty array, it uses the client that the token was issued to: client_id
// (Amazon Cognito's access tokens; RFC 9068, section 2.2), or else azp (Clerk's session tokens;
// OpenID Connect Core 1.0, section 2).
func checkAudience(claims strictjson.Object, accepted []string) error {
	if claims.IsSet("aud") {
		audience, ok := textOrTexts(claims, "aud")
		if !ok || len(audience) > 0 {
			return matchAudience(audience, ok, accepted)
		}
	}
	for _, name := range []string{"client_id", "azp"} {
		if claims.IsSet(name) {
			client, ok := claims.Text(name)
			return matchAudience([]string{client}, ok, accepted)
		}
	}
	return invalid(NoAudience)
}

func matchAudience(audience []string, wellFormed bool, accepted []string) error {
	if !wellFormed {
		return invalid(MalformedAudience)
	}
	if !anyOf(audience, accepted) {
		return invalid(AudienceMismatch)
	}
	return nil
}

// anyOf compares whole values. An empty value, in a token or in a configuration, never matches.
func anyOf(values, accepted []string) bool {
	return slices.ContainsFunc(values, func(v string) bool {
		return v != "" && slices.Contains(accepted, v)
	})
}

// checkTimes requires exp. It checks nbf and iat if they are present (RFC 7519, sections 4.1.4 to
// 4.1.6).
func checkTimes(claims strictjson.Object, now time.Time) error {
	if !claims.Has("exp") {
		return invalid(NoExpiry)
	}
	exp, ok := numericDate(claims["exp"])
	if !ok {
		return invalid(MalformedExpiry)
	}
	if now.After(exp.Add(leeway)) {
		return invalid(Expired)
	}
	for _, rule := range []struct {
		name             string
		malformed, early Reason
	}{
		{"nbf", MalformedNotBefore, NotYetValid},
		{"iat", MalformedIssuedAt, IssuedInTheFuture},
	} {
		if !claims.Has(rule.name) {
			continue
		}
		start, ok := numericDate(claims[rule.name])
		if !ok {
			return invalid(rule.malformed)
		}
		if start.After(now.Add(leeway)) {
			return invalid(rule.early)
		}
	}
	return nil
}

// maxDate is the end of the year 9999, in seconds since 1970. Later dates are mistakes, and would
// overflow a time.Time.
const maxDate = 253402300799

// numericDate reads seconds since 1970, whole or fractional, from a JSON number (RFC 7519, section
// 2). It refuses a string of digits.
func numericDate(raw json.RawMessage) (time.Time, bool) {
	seconds, err := strconv.ParseFloat(string(raw), 64)
	if err != nil || !(seconds >= 0 && seconds <= maxDate) {
		return time.Time{}, false
	}
	whole, fraction := math.Modf(seconds)
	return time.Unix(int64(whole), int64(fraction*1e9)), true
}

func userID(claims strictjson.Object, name string) (string, error) {
	claim, _ := find(claims, name)
	id, _ := strictjson.Text(claim)
	return id, CheckUserID(id)
}

// CheckUserID returns an [*InvalidTokenError] if id cannot be a user's ID.
func CheckUserID(id string) error {
	switch {
	case id == "":
		return invalid(NoUser)
	case strings.ContainsFunc(id, unicode.IsControl): // they would get into keys of the table and lines of the log
		return invalid(UserWithControlCharacters)
	case utf8.RuneCountInString(id) > maxUserIDLength:
		return invalid(UserTooLong)
	}
	return nil
}

// checkScope looks for the required scope in the claims scope (RFC 8693, section 4.2: names
// separated by spaces) and scp (Okta: a list; Microsoft Entra ID: separated by spaces). Each claim
// may have either form.
func checkScope(claims strictjson.Object, required string) error {
	if required == "" {
		return nil
	}
	for _, name := range []string{"scope", "scp"} {
		scopes, _ := claims.Texts(name)
		if s, ok := claims.Text(name); ok {
			scopes = strings.Split(s, " ")
		}
		if slices.Contains(scopes, required) {
			return nil
		}
	}
	return &InsufficientScopeError{Scope: required}
}

// checkRole compares whole values. Booleans and numbers are compared by their JSON text: OpenID
// Connect's email_verified is a boolean (Core 1.0, section 5.1), which some issuers send as a
// string.
func checkRole(claims strictjson.Object, required RequiredClaim) error {
	if required.Name == "" {
		return nil
	}
	claim, _ := find(claims, required.Name)
	if !anyOf(scalars(claim), required.Values) {
		return &InsufficientRoleError{Claim: required.Name}
	}
	return nil
}

// find returns the claim called name. A member with that whole name comes first, for example
// "https://example.com/roles". Otherwise name is a path of members joined by dots, for example
// realm_access.roles. Names on the path may contain dots too; the reading with the longest first
// name counts.
func find(claims strictjson.Object, name string) (json.RawMessage, bool) {
	if raw, ok := claims[name]; ok {
		return raw, true
	}
	for dot := strings.LastIndexByte(name, '.'); dot > 0; dot = strings.LastIndexByte(name[:dot], '.') {
		if raw, ok := find(claims.Object(name[:dot]), name[dot+1:]); ok {
			return raw, true
		}
	}
	return nil, false
}

// scalars returns the values of a claim that is a string, a boolean, a number or an array of only
// these. Booleans and numbers keep their JSON text: 1, 1.0 and 1e0 differ, and long numbers keep
// all digits.
func scalars(raw json.RawMessage) []string {
	items, isArray := strictjson.Elements(raw)
	if !isArray {
		items = []json.RawMessage{raw}
	}
	var list []string
	for _, item := range items {
		value, ok := scalar(item)
		if !ok {
			return nil
		}
		list = append(list, value)
	}
	return list
}

func scalar(raw json.RawMessage) (string, bool) {
	if s, isText := strictjson.Text(raw); isText {
		return s, true
	}
	if len(raw) == 0 || strings.IndexByte("{[n", raw[0]) >= 0 {
		return "", false
	}
	return string(raw), true
}

// textOrTexts returns the values of a claim that is a string or an array of strings.
func textOrTexts(claims strictjson.Object, name string) ([]string, bool) {
	if s, ok := claims.Text(name); ok {
		return []string{s}, true
	}
	return claims.Texts(name)
}
