package fakeissuer

import (
	"net/http"
	"strings"

	"billingportal/local/internal/loopback"
)

// local reports whether a program on this machine sent the request, and not a web page. Browsers
// send Origin or Sec-Fetch-Site with requests of pages. A page can also resolve its own name to
// this machine (DNS rebinding); then Host contains that name.
func (i *Issuer) local(r *http.Request) bool {
	if len(r.Header.Values("Origin")) > 0 || len(r.Header.Values("Sec-Fetch-Site")) > 0 {
		return false
	}
	return loopback.IsHost(r.Host) || strings.EqualFold(r.Host, i.own)
}
