package preflight

import "context"

// Domain says whether the API has a custom domain.
type Domain int

// Values of Domain.
const (
	// DomainUnknown means that nothing is known. The check is then left out.
	DomainUnknown Domain = iota
	// DomainNotInVariables means that only the deployment's variables are known. These do not
	// contain the domain.
	DomainNotInVariables
	// NoDomain means that the API has only the address that AWS gave it.
	NoDomain
	// OwnDomain means that the API has a custom domain.
	OwnDomain
)

// CookieReachesAPI checks whether browsers can send the session cookie to the API. They do so only
// if the API is on the same site as the app, which is never true for the address that AWS gives an
// API.
//
// https://www.rfc-editor.org/rfc/rfc6265#section-5.1.3
func CookieReachesAPI(domain Domain) Check {
	return Check{Name: "session cookie", Run: func(context.Context) Finding {
		switch domain {
		case OwnDomain:
			return ok("the API has its own domain. Browsers send the cookie if that domain is on the app's site")
		case NoDomain:
			return warning("SESSION_COOKIE is set, but the API does not have its "+
				"own domain, so no browser sends the cookie",
				"Deploy with DomainName on the app's site, such as billing.example.com for app.example.com, and set "+
					"the cookie for both. Or remove SESSION_COOKIE and let pages send tokens.")
		}
		return warning("SESSION_COOKIE is set, and the variables do not say whether the API has its own domain. "+
			"Without one, no browser sends the cookie",
			"Check the deployed stack: go run ./local doctor --stack NAME.")
	}}
}
