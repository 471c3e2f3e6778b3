package auth

import (
	"errors"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"billingportal/functions/internal/upstream"
)

// checkAddress returns the parsed address if keys may be fetched from it. It must be https, because
// an attacker who can change the keys can sign in as any user. If allowLoopback is set, a loopback
// host may have http (RFC 8414, section 6.2), for development. A cloud's metadata service is never
// allowed.
func checkAddress(address string, allowLoopback bool) (*url.URL, error) {
	u, err := url.Parse(address)
	if err != nil || u.Opaque != "" || u.Hostname() == "" {
		return nil, errors.New("not an absolute URL")
	}
	if u.User != nil || strings.Contains(address, "#") {
		return nil, errors.New("URL with user information or a fragment")
	}
	host := u.Hostname()
	switch {
	case !isPlainHost(host):
		return nil, errors.New("URL whose host is neither an address nor a plain ASCII name")
	case u.Scheme == "http" && !(allowLoopback && upstream.IsLoopback(host)),
		u.Scheme != "http" && u.Scheme != "https":
		return nil, errors.New("URL is not https (http is for loopback hosts only)")
	case isForbidden(host):
		return nil, errors.New("URL of a link-local or metadata address")
	}
	return u, nil
}

// isPlainHost refuses hosts that the HTTP client would rewrite: it turns full-width digits into an
// address.
func isPlainHost(host string) bool {
	_, err := netip.ParseAddr(host)
	return err == nil || strings.Trim(strings.ToLower(host), "abcdefghijklmnopqrstuvwxyz0123456789.-_") == ""
}

// isForbidden checks a host as the URL spells it. When the name has been resolved, and before the
// connection is made, forbiddenAddress checks the address.
func isForbidden(host string) bool {
	host = strings.TrimSuffix(strings.ToLower(host), ".")
	if ip, err := netip.ParseAddr(host); err == nil {
		return forbiddenAddress(ip)
	}
	// Some resolvers read 2852039166, 0xa9fea9fe and 169.254.43518 as the metadata address. No
	// public name ends in a number (WHATWG URL, 3.5, "ends in a number checker").
	last := host[strings.LastIndexByte(host, '.')+1:]
	if last != "" && last[0] >= '0' && last[0] <= '9' {
		return true
	}
	return slices.Contains([]string{"metadata", "metadata.google.internal", "instance-data",
		"instance-data.ec2.internal"}, host)
}

// forbiddenAddress refuses link-local addresses (RFC 3927; RFC 4291, section 2.5.6), which include
// the metadata services of AWS, Azure and Google Cloud and the credentials endpoint of ECS. It also
// refuses multicast and unspecified addresses, and two metadata addresses outside the link-local
// range: AWS over IPv6 and Alibaba Cloud.
func forbiddenAddress(ip netip.Addr) bool {
	ip = ip.WithZone("").Unmap()
	if nat64 := netip.MustParsePrefix("64:ff9b::/96"); nat64.Contains(ip) { // RFC 6052
		b := ip.As16()
		ip = netip.AddrFrom4([4]byte(b[12:]))
	}
	return ip.IsLinkLocalUnicast() || ip.IsMulticast() || ip.IsUnspecified() ||
		ip == netip.MustParseAddr("fd00:ec2::254") ||
		ip == netip.MustParseAddr("100.100.100.200")
}
