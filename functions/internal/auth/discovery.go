package auth

import (
	"context"
	"errors"
	"strings"
	"time"

	"billingportal/functions/internal/strictjson"
)

// A discovery finds the issuer's key set through its configuration document (OpenID Connect
// Discovery 1.0, section 4). Only one goroutine may use it at a time.
type discovery struct {
	issuer        string
	address       string // of the configuration document
	allowLoopback bool   // an issuer on a loopback host may keep its keys there

	keysAt    string // jwks_uri, "" before it is known
	at, until time.Time
}

func newDiscovery(issuer string) (*discovery, error) {
	u, err := checkAddress(issuer, true)
	if err != nil {
		return nil, err
	}
	// Section 3: issuer is a URL without query or fragment.
	if strings.Contains(issuer, "?") {
		return nil, errors.New("issuer URL with a query")
	}
	return &discovery{
		issuer: issuer,
		// Section 4.1: a terminating slash is removed before appending.
		address:       strings.TrimSuffix(issuer, "/") + "/.well-known/openid-configuration",
		allowLoopback: u.Scheme == "http",
	}, nil
}

// Reasons for a failed discovery, besides failed requests. [KeysUnavailableError] wraps them.
var (
	ErrNotConfiguration = errors.New("not a configuration document")
	ErrOtherIssuer      = errors.New("configuration document of another issuer")
	errKeysAddress      = errors.New("jwks_uri is not an https URL that may be fetched")
)

// find returns the address of the key set. It remembers the address while the document is fresh.
func (d *discovery) find(ctx context.Context, f *fetcher, now time.Time) (string, error) {
	if d.keysAt != "" && !now.Before(d.at) && now.Before(d.until) {
		return d.keysAt, nil
	}
	d.forget()
	body, header, err := f.get(ctx, d.address)
	if err != nil {
		return "", err
	}
	document, err := strictjson.ParseObject(body)
	if err != nil {
		return "", ErrNotConfiguration
	}
	// Section 4.3: the value MUST be identical. Otherwise any issuer that can write to this address
	// could speak for this issuer.
	if issuer, _ := document.Text("issuer"); issuer != d.issuer {
		return "", ErrOtherIssuer
	}
	keysAt, _ := document.Text("jwks_uri")
	if _, err := checkAddress(keysAt, d.allowLoopback); err != nil {
		return "", errKeysAddress
	}
	d.keysAt, d.at, d.until = keysAt, now, now.Add(freshness(header))
	return keysAt, nil
}

// forget makes the next find fetch the document again, because the keys may have moved.
func (d *discovery) forget() { d.keysAt = "" }
