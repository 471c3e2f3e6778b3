package lambdahttp

import "os"

// noCertificates is the directory that Go is told to read instead. It is not a directory, and it
// always exists, so nothing can put certificates there. A name in /tmp would be writable
// (https://github.com/aws/aws-lambda-dotnet/pull/1663).
const noCertificates = os.DevNull

// bundles are the files that Go searches for the system's certificates, in its order. It stops at
// the first one that it can read: on Amazon Linux 2023, /etc/pki/tls/certs/ca-bundle.crt
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
// file has the certificates. Without this, Go reads the directories after the file. On Amazon Linux
// 2023 they hold the same certificates again (https://github.com/golang/go/issues/79018,
// https://github.com/aws/aws-lambda-dotnet/pull/1661), and the first request waits for that. If the
// operator sets SSL_CERT_FILE or SSL_CERT_DIR, both keep the meaning that Go gives them: a file of
// the operator's may be meant to add to the directories.
//
// Go reads the variables when it verifies the first certificate, so call this before connecting to
// anything.
func readCertificatesOnce(getenv func(string) string, bundles []string) error {
	inLambda := getenv("AWS_LAMBDA_RUNTIME_API") != ""
	if !inLambda || getenv("SSL_CERT_FILE") != "" || getenv("SSL_CERT_DIR") != "" || !haveCertificates(bundles) {
		return nil
	}
	return os.Setenv("SSL_CERT_DIR", noCertificates)
}

// haveCertificates reports whether Go will read certificates from a bundle: the first one that
// exists is a file with content that every user may read.
func haveCertificates(bundles []string) bool {
	for _, bundle := range bundles {
		if file, err := os.Stat(bundle); err == nil { //nolint:gosec // a fixed list
			return file.Mode().IsRegular() && file.Mode().Perm()&0o004 != 0 && file.Size() > 0
		}
	}
	return false
}
