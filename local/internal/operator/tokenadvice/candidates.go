package tokenadvice

import (
	"encoding/json"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"billingportal/functions/app/operator"
)

// Candidate is a claim that could be used. The portal finds it by Name.
type Candidate struct {
	Name   string
	Values []string
	Note   string // a caution, or ""
}

// UserNames are claims that users may change, or that a provider may give to another person later.
var UserNames = []string{"username", "cognito:username", "upn", "unique_name", "email"}

// Names of other claims, the better ones first. Users cannot change the claims of userIDs.
var (
	userIDs   = []string{"sub", "oid", "uid", "user_id", "userId"}
	teamNames = []string{
		"org_id", "o.id", "organization_id", "org_code", "orgId", "organization", "team_id", "tenant_id", "dct",
		"urn:zitadel:iam:user:resourceowner:id", "urn:zitadel:iam:org:id", "hd",
		"https://stytch.com/organization.organization_id",
	}
	roleWords = []string{"role", "roles", "rol", "org_role", "groups", "permissions",
		"organization_role", "organization_roles"}
)

// Users returns the claims that could name the user. The first is the one to propose.
//
// Okta's sub is a login, which can change. Entra ID's sub differs between apps. Both have a better
// claim.
func (t *Token) Users() []Candidate {
	var stable, careful []Candidate
	for _, name := range slices.Concat(userIDs, UserNames) {
		value, _ := t.find(name)
		user, ok := value.(string)
		if !ok || !operator.IsTokenUserID(user) {
			continue
		}
		if _, isOkta := t.claims["cid"]; name == "uid" && !isOkta {
			continue // authentik's uid differs in each token
		}
		note := t.userNote(name, user)
		if note == "" {
			stable = append(stable, Candidate{name, []string{user}, ""})
		} else {
			careful = append(careful, Candidate{name, []string{user}, note})
		}
	}
	for name, sign := range map[string]string{"oid": "tid", "uid": "cid"} { // Entra ID, Okta
		at := slices.IndexFunc(stable, func(c Candidate) bool { return c.Name == name })
		if _, ok := t.claims[sign]; ok && at > 0 {
			better := stable[at]
			stable = slices.Insert(slices.Delete(stable, at, at+1), 0, better)
		}
	}
	return append(stable, careful...)
}

// User returns the claim to propose. It skips an address that the provider says is not verified,
// unless the address is the sub.
func (t *Token) User() (Candidate, bool) {
	for _, candidate := range t.Users() {
		if IsAddress(candidate.Values[0]) && candidate.Name != "sub" && t.isUnverified() {
			continue
		}
		return candidate, true
	}
	return Candidate{}, false
}

func (t *Token) userNote(name, value string) string {
	switch {
	case IsAddress(value):
		return t.addressNote()
	case name == "cognito:username", !slices.Contains(UserNames, name):
		return ""
	}
	return "a name, which the provider may give to another person"
}

// EmailRule is the value of JWT_REQUIRED_CLAIM that an address as the user requires.
const EmailRule = "email_verified=true"

func (t *Token) addressNote() string {
	switch {
	case t.IsVerified():
		return "an e-mail address: only with JWT_REQUIRED_CLAIM " + EmailRule
	case t.isUnverified():
		return "an e-mail address that is NOT verified: never without JWT_REQUIRED_CLAIM " + EmailRule +
			", which refuses this token"
	}
	return "an e-mail address, and the token does not say whether it is verified: never without JWT_REQUIRED_CLAIM " +
		EmailRule
}

// IsVerified reports whether the provider has verified the address. Some providers write the
// boolean as a string.
func (t *Token) IsVerified() bool {
	value := t.claims["email_verified"]
	return value == true || value == "true"
}

func (t *Token) isUnverified() bool { return t.claims["email_verified"] != nil && !t.IsVerified() }

// address matches an e-mail address, but not an identifier that contains one (auth0|a@b.c).
var address = regexp.MustCompile(`^[^@\s|:/]+@[^@\s|:/]+$`)

// IsAddress reports whether a user is an e-mail address, or a login in that form. Machines of Auth0
// (x@clients) are not.
func IsAddress(user string) bool {
	user = strings.TrimPrefix(user, "mailto:")
	return address.MatchString(user) && !strings.HasSuffix(user, "@clients")
}

// Teams returns the claims that could name a team that shares a customer. It leaves out claims that
// the issuer contains, because they are the same for everyone.
func (t *Token) Teams() []Candidate {
	var teams []Candidate
	for _, name := range teamNames {
		value, _ := t.find(name)
		if team, ok := value.(string); ok && operator.IsTokenUserID(team) && !t.IsEveryones(team) {
			teams = append(teams, Candidate{name, []string{team}, ""})
		}
	}
	return teams
}

// IsEveryones reports whether a value is a part of the issuer, an audience or the app, so that it
// is the same in all accepted tokens.
func (t *Token) IsEveryones(value string) bool {
	_, everyones := t.Audiences()
	everyones = append(everyones, t.Issuer(), t.text("azp"), t.text("client_id"), t.text("cid"), t.text("appid"))
	everyones = append(everyones,
		strings.FieldsFunc(t.Issuer(), func(r rune) bool { return r == '/' || r == '.' || r == ':' })...)
	return slices.Contains(everyones, value)
}

// Roles returns the claims that could say who may manage billing.
func (t *Token) Roles() []Candidate {
	var roles []Candidate
	walk("", t.claims, 3, func(name, last string, _ any) {
		word := last[strings.LastIndexAny(last, "/:")+1:]
		if !slices.Contains(roleWords, word) && !slices.Contains(roleWords, last) {
			return
		}
		value, _ := t.find(name)
		values := scalars(value)
		if len(values) == 0 || IsSelfWritten(name) || !IsSetting(name) || strings.Contains(name, "=") {
			return
		}
		roles = append(roles, Candidate{name, values, ""})
	})
	return roles
}

// scalars returns the values of a claim that JWT_REQUIRED_CLAIM compares.
func scalars(value any) []string {
	switch value := value.(type) {
	case string:
		return []string{value}
	case bool:
		return []string{strconv.FormatBool(value)}
	case json.Number:
		return []string{value.String()}
	case []any:
		var list []string
		for _, item := range value {
			if _, isList := item.([]any); !isList {
				list = append(list, scalars(item)...)
			}
		}
		return list
	}
	return nil
}
