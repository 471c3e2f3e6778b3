package portal

import (
	"net/http"
	"slices"
	"strings"

	"billingportal/functions/internal/language"
	"billingportal/functions/internal/problem"
)

// credentials finds the caller's token.
type credentials struct {
	cookie string // name of the session cookie; "" means that cookies are ignored
	csrf   *http.CrossOriginProtection
}

// A credential is a token and its source.
type credential struct {
	token    string
	isCookie bool // added by the browser, not by the page
}

// errTwoSessions means that the session cookie has two values. A browser that has a cookie for each
// of two domains or paths sends both, and does not say which is which (RFC 6265, section 4.2.2).
// Accepting one of them would let a sibling domain plant a session.
var errTwoSessions = &problem.Problem{
	Code:   problem.InvalidRequest,
	Reason: language.TwoSessions,
	Advice: language.DeleteCookies,
}

// find returns the only credential of the request: in the Authorization header (RFC 6750, section
// 2.1), in the form field access_token (section 2.2) or in the session cookie. It refuses two
// credentials (section 3.1, invalid_request), because the caller and this service could each use a
// different one. A cookie that is sent twice with the same value, because it was set under two
// paths, counts as one.
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
		// A browser adds the cookie to any site's request. The other two credentials can be sent
		// only by a page that has the token.
		if err := c.checkOrigin(r); err != nil {
			return credential{}, &problem.Problem{Code: problem.CrossOriginRequest}
		}
	}
	return credential{tokens[0], len(cookies) == 1}, nil
}

// checkOrigin refuses a request from a page of another site. CrossOriginProtection allows every
// GET, because a GET should change nothing. Here a GET is checked like a POST: CORS keeps a page of
// another site from reading the answer, but with an <img> or <script> the page could still tell
// success from failure, and so find out whether its visitor may manage billing.
func (c *credentials) checkOrigin(r *http.Request) error {
	unsafe := *r
	unsafe.Method = http.MethodPost
	return c.csrf.Check(&unsafe)
}

// bearerTokens returns the credentials of the Authorization headers if one of them is a bearer
// token. Other schemes are not credentials for this service. API Gateway joins repeated headers
// with commas, which no token contains.
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
