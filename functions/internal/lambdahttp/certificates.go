package lambdahttp

import "os"

// noCertificates is the value of SSL_CERT_DIR that makes Go read no directory. It always exists and
// is not a directory, so that no program can put certificates into it. A directory in /tmp would be
// writable (https://github.com/aws/aws-lambda-dotnet/pull/1663).
const noCertificates = os.DevNull

// bundles returns the files in which Go looks for the system's certificates, in Go's order. Go
// stops at the first file that it can read: on Amazon Linux 2023, /etc/pki/tls/certs/ca-bundle.crt
// (https://go.dev/src/crypto/x509/root_linux.go).
func bundles() []string {
	return []string{
		"/etc/ssl/certs/ca-certificates.crt",
		"/etc/pki/tls/certs/ca-bundle.crt",
		"/etc/ssl/ca-bundle.pem",
		"/etc/pki/tls/cacert.pem",
		"/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
		"/etc/ssl/cert.pem",
	}
}

// readCertificatesOnce makes Go skip the system's certificate directories in Lambda if a bundle
// file has the certificates. Otherwise Go reads the directories too, and the first request waits
// for that. On Amazon Linux 2023 they contain the same certificates as the file
// (https://github.com/golang/go/issues/79018, https://github.com/aws/aws-lambda-dotnet/pull/1661).
// If the operator sets SSL_CERT_FILE or SSL_CERT_DIR, nothing is changed: the operator's file may
// be meant as an addition to the directories.
//
// Call it before the first connection: Go reads the variables when it verifies the first
// certificate.
func readCertificatesOnce(getenv func(string) string, bundles []string) error {
	inLambda := getenv("AWS_LAMBDA_RUNTIME_API") != ""
	if !inLambda || getenv("SSL_CERT_FILE") != "" || getenv("SSL_CERT_DIR") != "" || !haveCertificates(bundles) {
		return nil
	}
	return os.Setenv("SSL_CERT_DIR", noCertificates)
}

// haveCertificates reports whether Go will read certificates from a bundle: the first bundle that
// exists must be a regular file that is not empty and that every user may read.
func haveCertificates(bundles []string) bool {
	for _, bundle := range bundles {
		if file, err := os.Stat(bundle); err == nil { //nolint:gosec // a fixed list
			return file.Mode().IsRegular() && file.Mode().Perm()&0o004 != 0 && file.Size() > 0
		}
	}
	return false
}
