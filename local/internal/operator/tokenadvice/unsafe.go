package tokenadvice

import (
	"regexp"
	"slices"
	"strings"
)

var (
	// microsoftAPI matches the IDs of Microsoft APIs. The ID of Graph is
	// 00000003-0000-0000-c000-000000000000.
	microsoftAPI = regexp.MustCompile(`^(spn:)?000000[0-9a-f]{2}-0000-0000-c000-000000000000$`)
	// sharedURL matches APIs of providers for which every app can get tokens.
	sharedURL = regexp.MustCompile(`^https://([a-z]+-)?graph\.(microsoft|windows)\.[a-z.]+/?$|^https://` +
		`microsoftgraph\.chinacloudapi\.cn/?$|` +
		`^https://management\.(azure\.com|core\.windows\.net)/?$|^https://[^/]+\.googleapis\.com/|` +
		`^https://[^/]+\.auth0\.com/api/v2/?$|^https://[^/]+\.kinde\.com/api/?$|^https://[^/]+\.logto\.app/api/?$`)
	keycloakClients = []string{"account", "broker", "realm-management", "security-admin-console",
		"account-console", "admin-cli"}
)

// SharedAudience returns why an audience does not separate the tokens of your API from other tokens
// of the same issuer, or "" if it may.
func (t *Token) SharedAudience(audience string) string {
	lower := strings.ToLower(audience)
	trimmed := strings.TrimRight(lower, "/")
	issuer := strings.TrimRight(strings.ToLower(t.Issuer()), "/")
	switch {
	case strings.HasSuffix(trimmed, "/userinfo"):
		return "the issuer's own user information, for which every login may get a token"
	case slices.Contains(keycloakClients, lower):
		return "a client that Keycloak adds to all users' tokens"
	// Auth0, at its own domain
	case microsoftAPI.MatchString(lower), sharedURL.MatchString(lower), trimmed == issuer+"/api/v2":
		return "an API of the provider, for which any app may get a token"
	case trimmed == issuer:
		return "the issuer itself, which may be in the tokens of all apps"
	}
	return ""
}

// written has the claims that users fill in themselves, of OpenID Connect (Core 1.0, section 5.1)
// and of providers: traits is Ory's, and nsec has the claims that Descope reads from the browser.
var written = []string{
	"name", "givenname", "familyname", "middlename", "nickname", "preferredusername", "displayname",
	"profile", "picture", "image",
	"avatar", "avatarurl", "website", "gender", "birthdate", "zoneinfo", "locale", "phonenumber",
	"phone", "address", "fullname",
	"firstname", "lastname", "bio", "traits", "nsec",
}

// containers has the objects that users can write with their own token: at Supabase and Auth0,
// Clerk, and Stytch.
var containers = []string{"usermetadata", "unsafemetadata", "untrustedmetadata"}

// IsSelfWritten reports whether users can write a claim, given by its name or path. Cognito's
// custom attributes (custom:role) are writable by default:
// https://docs.aws.amazon.com/cognito/latest/developerguide/user-pool-settings-attributes.html
func IsSelfWritten(path string) bool {
	if strings.HasPrefix(path, "custom:") ||
		slices.ContainsFunc(containers, func(name string) bool { return strings.Contains(simplified(path), name) }) {
		return true
	}
	first, _, _ := strings.Cut(path[strings.LastIndexAny(path, "/:")+1:], ".")
	return slices.Contains(written, simplified(first))
}

// simplified returns the same name for user_metadata, userMetadata and user-metadata.
func simplified(name string) string {
	return strings.Map(func(r rune) rune {
		if r == '_' || r == '-' {
			return -1
		}
		return r
	}, strings.ToLower(name))
}

// SelfWritten returns the names of the claims that users can write. For an object, it returns only
// the name of the object.
func (t *Token) SelfWritten() []string {
	var names []string
	walk("", t.claims, 2, func(name, _ string, _ any) {
		inner := slices.ContainsFunc(names, func(outer string) bool { return strings.HasPrefix(name, outer+".") })
		if !inner && IsSelfWritten(name) {
			names = append(names, name)
		}
	})
	return names
}
