package billing

import (
	"net/url"
	"slices"
	"strings"

	"github.com/stripe/stripe-go/v79"

	"billingportal/functions/internal/upstream"
)

// check returns the class of the first fault that it finds in a session, or 0. The browser is sent
// to the session's URL, which opens the customer's portal, so every part is checked.
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

// isPortal reports whether a URL is https on a host in PortalHosts. http is allowed for a loopback
// host. Browsers drop or convert backslashes and characters outside printable ASCII (WHATWG URL),
// so a URL with one is refused.
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
