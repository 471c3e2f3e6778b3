package tokenadvice

import (
	"slices"
	"strings"
)

// Names of claims, the better ones first.
//
// sub is what every provider keeps for good. Names and addresses change hands, so they come last.
var (
	userNames = []string{
		"sub", "oid", "uid", "user_id", "userId", "username", "cognito:username", "preferred_username", "email",
	}
	teamNames = []string{
		"org_id", "o.id", "organization_id", "orgId", "organization", "team_id", "tenant_id",
		"urn:zitadel:iam:user:resourceowner:id", "urn:zitadel:iam:org:id", "tid", "hd",
	}
	roleWords = []string{"role", "roles", "rol", "org_role", "groups", "permissions", "organization_role"}
)

// Users are the claims that could name the user; the first is the one to take. An address or a value that is another for each
// client is none where the token has a better one: Okta's sub is a login, Entra's differs between apps.
func (t *Token) Users() []Candidate {
	found := t.named(userNames, true)
	if len(found) > 1 && found[0].Name == "sub" && (strings.Contains(found[0].Values[0], "@") || found[1].Name == "oid") {
		found[0], found[1] = found[1], found[0]
	}
	return found
}

// Teams are the claims that could name a team that shares a customer.
func (t *Token) Teams() []Candidate { return t.named(teamNames, true) }

// Roles are the claims that could say who may manage billing.
func (t *Token) Roles() []Candidate {
	var found []Candidate
	walk("", t.claims, 3, func(name, last string, value any) {
		word := last[strings.LastIndexAny(last, "/:")+1:]
		if slices.Contains(roleWords, word) || slices.Contains(roleWords, last) {
			found = append(found, Candidate{name, texts(value)})
		}
	})
	return found
}

// named finds claims by their names or paths, in the order of the names.
func (t *Token) named(names []string, single bool) []Candidate {
	byName := map[string]Candidate{}
	walk("", t.claims, 3, func(name, _ string, value any) {
		if _, isText := value.(string); isText || !single {
			byName[name] = Candidate{name, texts(value)}
		}
	})
	var found []Candidate
	for _, name := range names {
		if candidate, ok := byName[name]; ok {
			found = append(found, candidate)
		}
	}
	return found
}
