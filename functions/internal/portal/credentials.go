package portal

import (
	"net/http"
	"slices"
	"strings"

	"billingportal/functions/internal/language"
	"billingportal/functions/internal/problem"
)

// credentials find the caller's token.
type credentials struct {
	cookie string // name of the session cookie; "": cookies do not count
	csrf   *http.CrossOriginProtection
}

// credential is a token and the way it came.
type credential struct {
	token    string
	isCookie bool // sent by the browser, not by the page
}

// errTwoSessions means that the session cookie has two values. A browser that has one for each of
// two domains or paths sends both, and does not say which is whose (RFC 6265, section 4.2.2): to
// believe one would let a sibling domain plant a session.
var errTwoSessions = &problem.Problem{
	Code:   problem.InvalidRequest,
	Reason: language.TwoSessions,
	Advice: language.DeleteCookies,
}

// find returns the one credential that the request carries: in the Authorization
// header (RFC 6750, section 2.1), in the form field access_token (section 2.2)
// or in the session cookie. Two are refused (section 3.1, invalid_request): the
// caller and this service could each believe in another one. A cookie that is sent
// twice with the same value, because it was set under two paths, counts as one.
func (c *credentials) find(r *http.Request, formTokens []string) (credential, error) {
	var cookies []string
	if c.cookie != "" {
		for _, cookie := range r.CookiesNamed(c.cookie) {
			cookies = append(cookies, cookie.Value)
		}
	}
	isEmpty := func(value string) bool { return value == "" }
	slices.Sort(cookies)
	cookies = slices.DeleteFunc(slices.Compact(cookies), isEmpty)
	tokens := slices.DeleteFunc(slices.Concat(bearerTokens(r.Header), formTokens, cookies), isEmpty)
	switch {
	case len(tokens) == 0:
		return credential{}, &problem.Problem{Code: problem.MissingCredentials}
	case len(cookies) > 1:
		return credential{}, errTwoSessions
	case len(tokens) > 1:
		return credential{},
			&problem.Problem{Code: problem.InvalidRequest, Detail: "The request has more than one credential."}
	}
	if len(cookies) == 1 {
		// A browser adds the cookie to any site's request. The other two only
		// a page that has the token can send.
		if err := c.checkOrigin(r); err != nil {
			return credential{}, &problem.Problem{Code: problem.CrossOriginRequest}
		}
	}
	return credential{tokens[0], len(cookies) == 1}, nil
}

// checkOrigin refuses a request from a page of another site. CrossOriginProtection lets every GET
// pass, because a GET should change nothing. Here a GET is checked like a POST: CORS keeps such a
// page from reading the answer, but with an <img> or <script> it could still tell success from
// failure, and so whether its visitor may manage billing.
func (c *credentials) checkOrigin(r *http.Request) error {
	unsafe := *r
	unsafe.Method = http.MethodPost
	return c.csrf.Check(&unsafe)
}

// bearerTokens returns the credentials of the Authorization headers if one of them
// is a bearer token; another scheme is no credential for this service. API Gateway
// joins repeated headers with commas, which no token contains.
func bearerTokens(header http.Header) []string {
	credentials := strings.Split(strings.Join(header.Values("Authorization"), ","), ",")
	hasBearer := false
	for i, credential := range credentials {
		scheme, token, _ := strings.Cut(strings.TrimSpace(credential), " ")
		if strings.EqualFold(scheme, "Bearer") {
			hasBearer = true
			credentials[i] = strings.TrimSpace(token)
		}
	}
	if !hasBearer {
		return nil
	}
	return credentials
}
