package faulttest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"time"
)

// Authority issues certificates for 127.0.0.1.
type Authority struct {
	root *x509.Certificate

	trusted   *tls.Certificate
	expired   *tls.Certificate
	untrusted *tls.Certificate // issued by another authority of the same name
}

// NewAuthority returns a new authority. A client trusts it after WriteRoot.
func NewAuthority() (*Authority, error) {
	now := time.Now()
	known, err := newIssuer(now)
	if err != nil {
		return nil, err
	}
	unknown, err := newIssuer(now)
	if err != nil {
		return nil, err
	}
	a := &Authority{root: known.certificate}
	if a.trusted, err = known.issue(now.Add(-time.Hour), now.Add(time.Hour)); err != nil {
		return nil, err
	}
	if a.expired, err = known.issue(now.Add(-48*time.Hour), now.Add(-24*time.Hour)); err != nil {
		return nil, err
	}
	if a.untrusted, err = unknown.issue(now.Add(-time.Hour), now.Add(time.Hour)); err != nil {
		return nil, err
	}
	return a, nil
}

// WriteRoot writes the authority's certificate to a file, for SSL_CERT_FILE.
func (a *Authority) WriteRoot(path string) error {
	return os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.root.Raw}), 0o600)
}

// issuer has the key and the certificate of an authority.
type issuer struct {
	key         *ecdsa.PrivateKey
	certificate *x509.Certificate
}

func newIssuer(now time.Time) (*issuer, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(1),
		Subject:               pkix.Name{CommonName: "authority"},
		NotBefore:             now.Add(-100 * time.Hour),
		NotAfter:              now.Add(100 * time.Hour),
		KeyUsage:              x509.KeyUsageCertSign,
		IsCA:                  true,
		BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	certificate, err := x509.ParseCertificate(der)
	return &issuer{key, certificate}, err
}

func (i *issuer) issue(from, until time.Time) (*tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2),
		Subject:      pkix.Name{CommonName: "127.0.0.1"},
		NotBefore:    from,
		NotAfter:     until,
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1)},
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, i.certificate, key.Public(), i.key)
	if err != nil {
		return nil, err
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, nil
}
