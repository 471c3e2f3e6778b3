package fakeissuer

import (
	"net/http"
	"strings"

	"billingportal/local/internal/loopback"
)

// local tells whether a program on this machine sent the request, and no web
// page: neither by a form or a script of its own origin, which browsers name
// in Origin, nor by a name of its own that it made resolve to this machine
// (DNS rebinding), which then stands in Host.
func (i *Issuer) local(r *http.Request) bool {
	if len(r.Header.Values("Origin")) > 0 || len(r.Header.Values("Sec-Fetch-Site")) > 0 {
		return false
	}
	return loopback.IsHost(r.Host) || strings.EqualFold(r.Host, i.own)
}
