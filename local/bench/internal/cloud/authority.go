package cloud

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"time"
)

// otherRoots is the number of roots that a system trusts in addition to the root of the upstreams.
// Mozilla's list, which Amazon Linux uses, has about that many, and each start reads them all.
const otherRoots = 140

// authority is a CA and the certificate of all upstreams. The chain has an intermediate
// certificate, like public chains.
type authority struct {
	pem    []byte // all roots
	server tls.Certificate
}

func newAuthority() (*authority, error) {
	root, rootKey, err := issue("root", nil, nil)
	if err != nil {
		return nil, err
	}
	intermediate, intermediateKey, err := issue("intermediate", root, rootKey)
	if err != nil {
		return nil, err
	}
	server, serverKey, err := issue("", intermediate, intermediateKey)
	if err != nil {
		return nil, err
	}
	roots := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: root.Raw})
	for i := range otherRoots {
		other, _, err := issue(fmt.Sprint("other root ", i), nil, nil)
		if err != nil {
			return nil, err
		}
		roots = append(roots, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: other.Raw})...)
	}
	return &authority{
		pem: roots,
		server: tls.Certificate{Certificate: [][]byte{server.Raw, intermediate.Raw},
			PrivateKey: serverKey, Leaf: server},
	}, nil
}

// issue creates a certificate: for a CA if it has a name, otherwise for a server at 127.0.0.1.
func issue(name string, parent *x509.Certificate, parentKey *ecdsa.PrivateKey) (*x509.Certificate,
	*ecdsa.PrivateKey, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, nil, err
	}
	template := &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: "billing portal benchmark " + name},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(24 * time.Hour),
	}
	if name != "" {
		template.IsCA, template.BasicConstraintsValid, template.KeyUsage = true, true, x509.KeyUsageCertSign
	} else {
		template.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1)}
		template.KeyUsage = x509.KeyUsageDigitalSignature
		template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	}
	if parent == nil {
		parent, parentKey = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, parentKey)
	if err != nil {
		return nil, nil, err
	}
	certificate, err := x509.ParseCertificate(der)
	return certificate, key, err
}
