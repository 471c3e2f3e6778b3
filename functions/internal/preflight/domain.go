package preflight

import "context"

// Domain is what is known of the domain that the API answers at.
type Domain int

// What can be known.
const (
	// DomainUnknown: nothing, and no check depends on it.
	DomainUnknown Domain = iota
	// DomainNotInVariables: the deployment is known by its variables, which do not name a domain.
	DomainNotInVariables
	// NoDomain: the API has the address that AWS gave it.
	NoDomain
	// OwnDomain: the API has a domain of the operator's.
	OwnDomain
)

// CookieReachesAPI says whether browsers can send the cookie of SESSION_COOKIE to the API. They do
// only if the API is on the site of the app, which the address that AWS gives an API never is.
//
// https://www.rfc-editor.org/rfc/rfc6265#section-5.1.3
func CookieReachesAPI(domain Domain) Check {
	return Check{Name: "session cookie", Run: func(context.Context) Finding {
		switch domain {
		case OwnDomain:
			return ok("the API has a domain of its own: browsers send the cookie if it is on the app's site")
		case NoDomain:
			return warning("SESSION_COOKIE is set, but the API has no domain of its own, so no browser sends the cookie",
				"Deploy with DomainName on the app's site, such as billing.example.com for app.example.com, and set the "+
					"cookie for both. Or remove SESSION_COOKIE, and have pages send tokens.")
		}
		return warning("SESSION_COOKIE is set, and the variables do not say whether the API has a domain of its own. "+
			"Without one, no browser sends the cookie",
			"Look at the deployed stack: go run ./local doctor --stack NAME.")
	}}
}
