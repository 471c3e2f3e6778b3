package tokenadvice

import (
	"encoding/json"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// IsForMicrosoftGraph reports whether only Microsoft Graph can verify the token: its header has a
// nonce, or its audience is Microsoft Graph.
func (t *Token) IsForMicrosoftGraph() bool {
	_, audiences := t.Audiences()
	return t.header["nonce"] != nil || slices.ContainsFunc(audiences, func(audience string) bool {
		return strings.Contains(audience, "://graph.microsoft.") || audience == "00000003-0000-0000-c000-000000000000"
	})
}

// Text returns a claim by its whole name or a path, if it is a string.
func (t *Token) Text(claim string) (string, bool) {
	value, _ := t.find(claim)
	text, ok := value.(string)
	return text, ok && text != ""
}

// Issuer returns the claim iss.
func (t *Token) Issuer() string { return t.text("iss") }

// Audiences returns the audiences that the portal checks, and their claim: aud, or client_id or azp
// if aud is absent or empty.
func (t *Token) Audiences() (claim string, audiences []string) {
	for _, claim := range []string{"aud", "client_id", "azp"} {
		value := t.claims[claim]
		if list, ok := value.([]any); value == nil || claim == "aud" && ok && len(list) == 0 {
			continue
		}
		return claim, texts(value)
	}
	return "", nil
}

// Audience returns the audience to configure. It prefers an audience of one API to one that all
// users' tokens have. It returns "" if no setting can name an audience.
func (t *Token) Audience() string {
	_, audiences := t.Audiences()
	audiences = slices.DeleteFunc(slices.Clone(audiences), func(audience string) bool { return !IsSetting(audience) })
	for _, audience := range audiences {
		if t.SharedAudience(audience) == "" {
			return audience
		}
	}
	if len(audiences) > 0 {
		return audiences[0]
	}
	return ""
}

// IsSetting reports whether a value can be an item of a list, in the environment and in
// samconfig.toml.
func IsSetting(value string) bool {
	return value != "" && !strings.ContainsFunc(value, func(r rune) bool { return r <= ' ' || r > '~' || r == ',' })
}

// KeySets returns the addresses to try if the issuer has no discovery document.
func (t *Token) KeySets() []string {
	issuer := strings.TrimSuffix(t.Issuer(), "/")
	u, err := url.Parse(issuer)
	if err != nil || u.Host == "" {
		return t.keySetsByName(issuer)
	}
	// the second address is Better Auth's
	places := []string{issuer + "/.well-known/jwks.json", issuer + "/api/auth/jwks"}
	if adfs, ok := strings.CutSuffix(u.Host+u.Path, "/services/trust"); ok {
		places = append(places, "https://"+adfs+"/discovery/keys")
	}
	if project, ok := strings.CutPrefix(issuer, "https://api.descope.com/v1/apps/"); ok {
		places = append(places, "https://api.descope.com/"+project+"/.well-known/jwks.json")
	}
	if strings.HasPrefix(issuer, workOS) {
		for _, name := range append([]string{issuer[strings.LastIndexByte(issuer, '/')+1:]},
			t.Audience(), t.text("client_id")) {
			if strings.HasPrefix(name, "client_") {
				places = append(places, workOS+"/sso/jwks/"+url.PathEscape(name))
			}
		}
	}
	return places
}

// keySetsByName returns the addresses for issuers that are not URLs.
func (t *Token) keySetsByName(issuer string) []string {
	if project, ok := strings.CutPrefix(issuer, "stytch.com/"); ok {
		host := "https://api.stytch.com"
		if strings.HasPrefix(project, "project-test-") {
			host = "https://test.stytch.com"
		}
		project = url.PathEscape(project)
		return []string{host + "/v1/sessions/jwks/" + project, host + "/v1/b2b/sessions/jwks/" + project}
	}
	if descopeProject.MatchString(issuer) {
		return []string{"https://api.descope.com/" + issuer + "/.well-known/jwks.json"}
	}
	return nil
}

// workOS has one key set for each client.
const workOS = "https://api.workos.com"

// descopeProject matches project IDs, which Descope uses as issuers.
var descopeProject = regexp.MustCompile(`^P[A-Za-z0-9]{27,31}$`)

// maxDate is the latest time that the verifier accepts: the end of the year 9999, in seconds since
// 1970.
const maxDate = 253402300799

// Time returns a claim as a time, or the zero time if the claim is absent or malformed.
func (t *Token) Time(claim string) time.Time {
	number, _ := t.claims[claim].(json.Number)
	seconds, err := strconv.ParseFloat(number.String(), 64)
	if err != nil || seconds < 0 || seconds > maxDate {
		return time.Time{}
	}
	return time.Unix(int64(seconds), 0).UTC()
}

// TimeProblem returns why a claim is not a time in seconds. It returns "" if the claim is a time or
// absent.
func (t *Token) TimeProblem(claim string) string {
	value := t.claims[claim]
	number, isNumber := value.(json.Number)
	seconds, _ := strconv.ParseFloat(number.String(), 64)
	switch {
	case value == nil, isNumber && seconds >= 0 && seconds <= maxDate:
		return ""
	case !isNumber:
		return claim + " is " + kind(value) + ", not a number"
	case seconds < 0:
		return claim + " is before 1970"
	case seconds < 1e14:
		return claim + " is in milliseconds (" + shortNumber(number) + "), not in seconds"
	case seconds < 1e17:
		return claim + " is in microseconds (" + shortNumber(number) + "), not in seconds"
	}
	return claim + " is in nanoseconds (" + shortNumber(number) + "), or is not a time"
}

func shortNumber(number json.Number) string {
	const most = 24
	if text := number.String(); len(text) > most {
		return text[:most] + "…"
	}
	return number.String()
}

// UserProblem returns why a claim cannot name the user, or "" if it can.
func (t *Token) UserProblem(claim string) string {
	value, ok := t.find(claim)
	text, isText := value.(string)
	label := claim
	switch claim {
	case "sub":
		label = "subject (sub)"
	case "iss":
		label = "issuer (iss)"
	}
	switch {
	case !ok || value == nil:
		return "The token has no " + label
	case isText && text == "":
		return "The " + label + " is empty"
	case isText:
		return ""
	}
	if number, ok := value.(json.Number); ok {
		return "The " + label + " is a number (" + shortNumber(number) +
			"), and the portal accepts only a string: many programs round large numbers"
	}
	return "The " + label + " is " + kind(value) + ", not a string"
}

func kind(value any) string {
	switch value.(type) {
	case nil:
		return "null"
	case string:
		return "a string"
	case bool:
		return "a boolean"
	case json.Number:
		return "a number"
	case []any:
		return "an array"
	}
	return "an object"
}

// Scopes returns the scopes in the claims scope and scp.
func (t *Token) Scopes() []string {
	var scopes []string
	for _, claim := range []string{"scope", "scp"} {
		for _, text := range texts(t.claims[claim]) {
			scopes = append(scopes, strings.Fields(text)...)
		}
	}
	return scopes
}

func (t *Token) text(claim string) string {
	text, _ := t.claims[claim].(string)
	return text
}

// find looks up a claim as the verifier does: first by its whole name, then by the path with the
// longer first name.
func (t *Token) find(name string) (any, bool) { return find(t.claims, name) }

func find(members map[string]any, name string) (any, bool) {
	if value, ok := members[name]; ok {
		return value, true
	}
	for dot := strings.LastIndexByte(name, '.'); dot > 0; dot = strings.LastIndexByte(name[:dot], '.') {
		inner, _ := members[name[:dot]].(map[string]any)
		if value, ok := find(inner, name[dot+1:]); ok {
			return value, true
		}
	}
	return nil, false
}

func texts(value any) []string {
	switch value := value.(type) {
	case string:
		return []string{value}
	case []any:
		var list []string
		for _, item := range value {
			text, ok := item.(string)
			if !ok {
				return nil
			}
			list = append(list, text)
		}
		return list
	}
	return nil
}

// walk visits the claims, including nested claims, down to a depth.
func walk(prefix string, members map[string]any, depth int, visit func(name, last string, value any)) {
	for _, last := range slices.Sorted(maps.Keys(members)) {
		value := members[last]
		visit(prefix+last, last, value)
		if inner, ok := value.(map[string]any); ok && depth > 1 {
			walk(prefix+last+".", inner, depth-1, visit)
		}
	}
}
