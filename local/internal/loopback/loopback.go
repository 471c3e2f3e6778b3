// Package loopback recognizes the names of this machine. Endpoints that issue tokens on a
// development server must reject other names: a foreign name that resolves to 127.0.0.1 would let a
// foreign page read the tokens (DNS rebinding).
package loopback

import (
	"net/netip"
	"net/url"
	"strings"
)

// IsHost reports whether a Host header, with or without a port, names this machine.
func IsHost(hostport string) bool {
	host := (&url.URL{Host: hostport}).Hostname()
	if strings.EqualFold(host, "localhost") {
		return true
	}
	address, err := netip.ParseAddr(host)
	return err == nil && address.IsLoopback()
}
