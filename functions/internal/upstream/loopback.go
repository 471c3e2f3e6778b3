package upstream

import "net/netip"

// IsLoopback reports whether a URL's host, without port and brackets, is this machine: 127.0.0.0/8,
// ::1 or localhost (RFC 6761, section 6.3). Only connections to such a host may be without TLS.
func IsLoopback(host string) bool {
	address, err := netip.ParseAddr(host)
	return host == "localhost" || (err == nil && address.IsLoopback())
}
