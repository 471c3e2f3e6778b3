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

// Reasons for a failed fetch. They are logged and become part of errors. The texts of net/http are
// not used, because they quote the URL.
var (
	errTimeout    = errors.New("no answer in time")
	errConnection = errors.New("connection failed or was cut")
	errName       = errors.New("host name not resolved")
	errTLS        = errors.New("certificate not trusted")
	errTooLarge   = errors.New("answer larger than 150,000 bytes")
)

// A statusError is an answer whose status is not 200. Redirects count too: the operator decides
// where keys come from, not the host that answers.
type statusError int

func (e statusError) Error() string { return fmt.Sprintf("answered %d", int(e)) }

// A fetcher fetches small documents.
type fetcher struct {
	client *http.Client
	own    bool // the fetcher made its own transport
}

// newFetcher returns a fetcher that uses transport, or a transport of its own if that is nil.
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

// newTransport returns a transport for two requests to one host every few minutes. It uses HTTP/1.1
// only: with it, a try that times out closes its connection, so the second try never uses a
// connection that died while the Lambda was frozen.
func newTransport() *http.Transport {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	// Go continues to dial after a request has given up, so the dial has its own limit.
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

// refuseForbidden checks the address that a name was resolved to.
func refuseForbidden(_, address string, _ syscall.RawConn) error {
	target, err := netip.ParseAddrPort(address)
	if err != nil || forbiddenAddress(target.Addr()) {
		return errConnection
	}
	return nil
}

// get returns the body and header of a 200 answer. It tries once more after no answer or a 5xx.
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

// try limits the whole exchange, including the body, to tryTimeout.
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

// plainError replaces an error of net/http with a fixed one.
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

// rest closes the idle connections of the fetcher's own transport, and with them the goroutines
// that watch them: they would be dead by the time of the next fetch. It leaves a given transport to
// its owner.
func (f *fetcher) rest() {
	if f.own {
		f.client.CloseIdleConnections()
	}
}
