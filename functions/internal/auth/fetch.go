package auth

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"syscall"
	"time"

	"billingportal/functions/internal/upstream"
)

const (
	tries        = 2
	tryTimeout   = 1500 * time.Millisecond
	triesApart   = 100 * time.Millisecond
	maxBodyBytes = 150_000 // after decompression
)

// Why a fetch failed. The texts go to logs and into errors; those of net/http
// do not, because they quote the URL.
var (
	errTimeout    = errors.New("no answer in time")
	errConnection = errors.New("connection failed or was cut")
	errName       = errors.New("host name not resolved")
	errTLS        = errors.New("certificate not trusted")
	errTooLarge   = errors.New("answer larger than 150,000 bytes")
)

// A statusError is an answer other than 200. Redirects are among them: where
// keys come from is the operator's to say, not the answering host's.
type statusError int

func (e statusError) Error() string { return fmt.Sprintf("answered %d", int(e)) }

// A fetcher reads small documents.
type fetcher struct {
	client *http.Client
	own    bool // the transport is ours alone
}

// newFetcher returns a fetcher over transport; nil means one of its own.
func newFetcher(transport http.RoundTripper) *fetcher {
	own := transport == nil
	if own {
		transport = newTransport()
	}
	return &fetcher{own: own, client: &http.Client{
		Transport: transport,
		CheckRedirect: func(*http.Request, []*http.Request) error {
			return http.ErrUseLastResponse
		},
	}}
}

// newTransport returns a transport for two requests to one host every few
// minutes. HTTP/1.1 alone, since a try that times out closes its connection
// there, so that the second try never inherits one that died while the Lambda
// was frozen.
func newTransport() *http.Transport {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	// Go goes on dialling after a request has given up, so the dial has a
	// bound of its own.
	dialer := &net.Dialer{Timeout: tryTimeout, Control: refuseForbidden}
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            dialer.DialContext,
		Protocols:              protocols,
		TLSHandshakeTimeout:    tryTimeout,
		MaxResponseHeaderBytes: 32 << 10,
		IdleConnTimeout:        5 * time.Second,
	}
}

// refuseForbidden looks at the address that a name was resolved to.
func refuseForbidden(_, address string, _ syscall.RawConn) error {
	target, err := netip.ParseAddrPort(address)
	if err != nil || forbiddenAddress(target.Addr()) {
		return errConnection
	}
	return nil
}

// get returns the body and header of a 200 answer. It tries again, once, where
// that may help: no answer, or one of the 5xx.
func (f *fetcher) get(ctx context.Context, address string) (body []byte, header http.Header, err error) {
	for try := range tries {
		if try > 0 && upstream.Pause(ctx, triesApart) != nil {
			break
		}
		body, header, err = f.try(ctx, address)
		if !isRetryable(err) {
			break
		}
	}
	return body, header, err
}

func isRetryable(err error) bool {
	var status statusError
	if errors.As(err, &status) {
		return status >= 500
	}
	return err != nil && !errors.Is(err, errTooLarge)
}

// try bounds the whole exchange, body included.
func (f *fetcher) try(ctx context.Context, address string) ([]byte, http.Header, error) {
	ctx, cancel := context.WithTimeout(ctx, tryTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, nil, errConnection
	}
	req.Header.Set("Accept", "application/json, application/jwk-set+json")
	req.Header.Set("User-Agent", "billingportal")
	resp, err := f.client.Do(req)
	if err != nil {
		return nil, nil, plainError(ctx, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, nil, statusError(resp.StatusCode)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxBodyBytes+1))
	switch {
	case err != nil:
		return nil, nil, plainError(ctx, err)
	case len(body) > maxBodyBytes:
		return nil, nil, errTooLarge
	}
	return body, resp.Header, nil
}

// plainError replaces an error of net/http by a fixed one.
func plainError(ctx context.Context, err error) error {
	var (
		timeout     net.Error
		name        *net.DNSError
		certificate *tls.CertificateVerificationError
	)
	switch {
	case ctx.Err() != nil, errors.As(err, &timeout) && timeout.Timeout():
		return errTimeout
	case errors.As(err, &name):
		return errName
	case errors.As(err, &certificate):
		return errTLS
	}
	return errConnection
}

// rest closes the connections of a transport of our own, which would be dead by
// the time of the next fetch, with the goroutines that watch them. One that was
// given is its owner's.
func (f *fetcher) rest() {
	if f.own {
		f.client.CloseIdleConnections()
	}
}
