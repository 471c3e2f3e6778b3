// The authority of these tests replaces the authorities of the system. A handshake without ML-KEM
// takes less time.
//
//go:debug x509usefallbackroots=1
//go:debug tlsmlkem=0

package app_test

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"sync"
	"testing"
	"time"
)

// The assembled functions call AWS, Stripe and the issuer by their real names, over TLS. A proxy
// leads every name that is not this machine's to one server. An authority of this process signs the
// server's certificates.

// network is that server. Only one test uses it at a time.
var network struct {
	turn    sync.Mutex
	mu      sync.Mutex
	handler http.Handler // nil while no test uses the network
}

// takeNetwork lets handler answer every request to another machine until giveBack is called.
func takeNetwork(handler http.Handler) (giveBack func()) {
	network.turn.Lock()
	setNetwork(handler)
	return func() {
		setNetwork(nil)
		network.turn.Unlock()
	}
}

func setNetwork(handler http.Handler) {
	network.mu.Lock()
	defer network.mu.Unlock()
	network.handler = handler
}

func answerForNetwork(w http.ResponseWriter, r *http.Request) {
	network.mu.Lock()
	handler := network.handler
	network.mu.Unlock()
	if handler == nil {
		panic(http.ErrAbortHandler) // a function of an earlier test
	}
	handler.ServeHTTP(w, r)
}

func TestMain(m *testing.M) {
	certificates := newAuthority()
	conns := make(chan net.Conn)
	server := &http.Server{
		Handler: http.HandlerFunc(answerForNetwork), ErrorLog: log.New(io.Discard, "", 0),
		ReadHeaderTimeout: time.Minute,
	}
	go func() {
		_ = server.Serve(tls.NewListener(tunnels{conns},
			&tls.Config{GetCertificate: certificates.of, MinVersion: tls.VersionTLS12}))
	}()
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodConnect {
			w.WriteHeader(http.StatusMethodNotAllowed)
			return
		}
		conn, buffered, err := http.NewResponseController(w).Hijack()
		if err != nil {
			panic(err)
		}
		_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\n\r\n")
		conns <- tunnel{conn, buffered.Reader}
	}))
	// net/http reads these variables once, at the first request.
	for _, name := range []string{"HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"} {
		_ = os.Setenv(name, proxy.URL)
	}
	for _, name := range []string{"NO_PROXY", "no_proxy"} {
		_ = os.Unsetenv(name)
	}
	os.Exit(m.Run())
}

// tunnels is a listener that accepts the connections made through the proxy.
type tunnels struct{ conns chan net.Conn }

func (l tunnels) Accept() (net.Conn, error) { return <-l.conns, nil }
func (l tunnels) Close() error              { return nil }
func (l tunnels) Addr() net.Addr            { return &net.TCPAddr{} }

// A tunnel is a connection whose first bytes the proxy may have read.
type tunnel struct {
	net.Conn
	reader *bufio.Reader
}

func (t tunnel) Read(p []byte) (int, error) { return t.reader.Read(p) }

// authority signs a certificate for every name. This process trusts no other authority.
type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey

	mu     sync.Mutex
	issued map[string]*tls.Certificate
}

func newAuthority() *authority {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	a := &authority{key: key, issued: map[string]*tls.Certificate{}}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		panic(err)
	}
	if a.certificate, err = x509.ParseCertificate(der); err != nil {
		panic(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(a.certificate)
	x509.SetFallbackRoots(roots) // the go:debug line above lets them replace the system's roots
	return a
}

func (a *authority) of(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if issued := a.issued[hello.ServerName]; issued != nil {
		return issued, nil
	}
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: big.NewInt(int64(len(a.issued) + 2)), DNSNames: []string{hello.ServerName},
		KeyUsage:  x509.KeyUsageDigitalSignature,
		NotBefore: a.certificate.NotBefore, NotAfter: a.certificate.NotAfter,
	}, a.certificate, a.key.Public(), a.key)
	if err != nil {
		return nil, err
	}
	issued := &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: a.key}
	a.issued[hello.ServerName] = issued
	return issued, nil
}
