package params

import (
	"errors"
	"net/url"
	"slices"
	"strings"

	"billingportal/functions/internal/upstream"
)

// maxURLLength is the length of the longest accepted return URL, in bytes.
const maxURLLength = 2048

var errNotWebURL = errors.New("must be an https URL (http only for a loopback host) in printable ASCII, without " +
	"userinfo, at most 2048 characters")

// Origin is a web origin (RFC 6454) in its serialized form: scheme, host in lower case, and the
// port unless it is the scheme's default.
type Origin string

// ParseOrigin reads an origin as an operator writes it: a scheme, a host and an optional port.
func ParseOrigin(s string) (Origin, error) {
	origin, u, err := parseWebURL(s)
	if err != nil {
		return "", err
	}
	if (u.Path != "" && u.Path != "/") || u.RawQuery != "" || u.ForceQuery || strings.Contains(s, "#") {
		return "", errors.New("must be an origin: no path, query or fragment")
	}
	if strings.Contains(u.Host, "*") {
		return "", errors.New("must be an origin: no wildcard")
	}
	return origin, nil
}

// OriginOf returns the origin to which a URL leads a browser, or an error if callers must not be
// sent there.
//
// It accepts less than a browser does (WHATWG URL), because every URL whose host two parsers read
// differently is an open redirect. It refuses spaces, control characters, non-ASCII characters,
// backslashes (slashes to browsers), userinfo, and URLs without two slashes.
func OriginOf(rawURL string) (Origin, error) {
	origin, _, err := parseWebURL(rawURL)
	return origin, err
}

func parseWebURL(s string) (Origin, *url.URL, error) {
	if len(s) > maxURLLength || strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' || r == '\\' }) {
		return "", nil, errNotWebURL
	}
	u, err := url.Parse(s)
	if err != nil || u.Opaque != "" || u.User != nil || u.Hostname() == "" {
		return "", nil, errNotWebURL
	}
	host, port := strings.ToLower(u.Hostname()), u.Port()
	if u.Scheme != "https" && (u.Scheme != "http" || !upstream.IsLoopback(host)) {
		return "", nil, errNotWebURL
	}
	if (u.Scheme == "https" && port == "443") || (u.Scheme == "http" && port == "80") {
		port = ""
	}
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	if port != "" {
		host += ":" + port
	}
	return Origin(u.Scheme + "://" + host), u, nil
}

// isReturnURL reports whether the policy allows a URL as a return URL.
func (p *Policy) isReturnURL(rawURL string) bool {
	origin, err := OriginOf(rawURL)
	return err == nil && slices.Contains(p.AllowedOrigins, origin)
}
