package auth

import (
	"errors"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"billingportal/functions/internal/upstream"
)

// checkAddress says whether keys may be fetched from there: https only, since
// whoever can change the keys can sign in as anybody, with http for a loopback
// host where that is allowed (RFC 8414, section 6.2; development), and never
// from where a cloud's metadata service listens.
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

// isPlainHost keeps out what the HTTP client would rewrite: full-width digits
// become an address there.
func isPlainHost(host string) bool {
	_, err := netip.ParseAddr(host)
	return err == nil || strings.Trim(strings.ToLower(host), "abcdefghijklmnopqrstuvwxyz0123456789.-_") == ""
}

// isForbidden knows hosts by what they are called here; forbiddenAddress is
// asked again when a name has been resolved and is about to be dialled.
func isForbidden(host string) bool {
	host = strings.TrimSuffix(strings.ToLower(host), ".")
	if ip, err := netip.ParseAddr(host); err == nil {
		return forbiddenAddress(ip)
	}
	// 2852039166, 0xa9fea9fe and 169.254.43518 are the metadata address to some
	// resolvers. No public name ends in a number (WHATWG URL, 3.5, "ends in a
	// number checker").
	last := host[strings.LastIndexByte(host, '.')+1:]
	if last != "" && last[0] >= '0' && last[0] <= '9' {
		return true
	}
	return slices.Contains([]string{"metadata", "metadata.google.internal", "instance-data",
		"instance-data.ec2.internal"}, host)
}

// forbiddenAddress refuses link-local addresses (RFC 3927, RFC 4291 section
// 2.5.6), which hold the metadata services of AWS, Azure and Google Cloud and
// the credentials endpoint of ECS, what is no single host, and the two metadata
// addresses outside them: AWS's IPv6 one and Alibaba Cloud's.
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
