package billing

import (
	"net/url"
	"slices"
	"strings"

	"github.com/stripe/stripe-go/v79"

	"billingportal/functions/internal/upstream"
)

// check returns the class of what is wrong with a session, or 0. The caller of
// the portal is sent to the session's URL with all that it opens, so nothing of
// it is taken on trust.
func (c *Client) check(created *stripe.BillingPortalSession, customer string) Class {
	if !c.isPortal(created.URL) {
		return BadResponse
	}
	if created.Customer != customer {
		return BadResponse
	}
	if created.Livemode != c.config.Livemode {
		return ModeMismatch
	}
	return 0
}

// isPortal reports whether a URL is https on one of the portal's hosts; http
// counts for a host that is this machine. Browsers drop or convert characters
// that are not printable ASCII and backslashes (WHATWG URL), so there are none.
func (c *Client) isPortal(raw string) bool {
	if strings.ContainsFunc(raw, func(r rune) bool { return r <= ' ' || r > '~' || r == '\\' }) {
		return false
	}
	u, err := url.Parse(raw)
	if err != nil || u.User != nil || u.Opaque != "" || !slices.Contains(c.config.PortalHosts, u.Host) {
		return false
	}
	return u.Scheme == "https" || (u.Scheme == "http" && upstream.IsLoopback(u.Hostname()))
}
