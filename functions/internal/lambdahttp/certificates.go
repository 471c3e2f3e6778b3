package lambdahttp

import "os"

// noCertificates is where Go looks for a directory of certificates and finds none: /dev/null always exists, and only root
// could replace it with a directory. A name below /tmp could be created by anything that runs in the function.
const noCertificates = os.DevNull

// bundles are the files that Go searches for the system's certificates, in its order. It stops at the first one that it can
// read: on Amazon Linux 2023, /etc/pki/tls/certs/ca-bundle.crt
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

// readCertificatesOnce makes Go skip the system's certificate directories in Lambda if the bundle file has the certificates.
// Otherwise it reads all of them after the file. On Amazon Linux 2023 they hold the same certificates again
// (https://github.com/golang/go/issues/79018, https://github.com/aws/aws-lambda-dotnet/pull/1661), and a first request
// would wait for that. If the operator sets SSL_CERT_FILE or SSL_CERT_DIR, both keep the meaning that Go gives them: the
// operator's file may be one that adds to the directories.
//
// Go reads the variables when it verifies the first certificate, so this has to come before any connection.
func readCertificatesOnce(getenv func(string) string, bundles []string) error {
	inLambda := getenv("AWS_LAMBDA_RUNTIME_API") != ""
	if !inLambda || getenv("SSL_CERT_FILE") != "" || getenv("SSL_CERT_DIR") != "" || !haveCertificates(bundles) {
		return nil
	}
	return os.Setenv("SSL_CERT_DIR", noCertificates)
}

// haveCertificates reports whether Go will read certificates from a bundle: the first one that exists is a file with content
// that every user may read.
func haveCertificates(bundles []string) bool {
	for _, bundle := range bundles {
		if file, err := os.Stat(bundle); err == nil {
			return file.Mode().IsRegular() && file.Mode().Perm()&0o004 != 0 && file.Size() > 0
		}
	}
	return false
}
