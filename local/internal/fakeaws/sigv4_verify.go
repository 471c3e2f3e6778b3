package fakeaws

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// NewCredentials returns random credentials.
func NewCredentials() aws.Credentials {
	return aws.Credentials{AccessKeyID: "AKIA" + rand.Text()[:16], SecretAccessKey: rand.Text() + rand.Text()}
}

// maxSkew is how much the clocks of client and server may differ, as at AWS.
const maxSkew = 5 * time.Minute

// verify recomputes the signature over the signed headers and the body. checkSignature must have
// accepted its format.
func (s *Service) verify(r *http.Request, body []byte) error {
	_, fields, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	given := fieldsOf(fields)
	scope := strings.Split(given["Credential"], "/")
	if scope[0] != s.credentials.AccessKeyID {
		return s.fault(http.StatusBadRequest, "UnrecognizedClientException",
			"The security token included in the request is invalid.")
	}
	mismatch := s.fault(http.StatusBadRequest, "InvalidSignatureException",
		"The request signature we calculated does not match the signature you provided.")
	date, err := time.Parse("20060102T150405Z", r.Header.Get("X-Amz-Date"))
	signed := strings.Split(given["SignedHeaders"], ";")
	if err != nil || time.Since(date).Abs() > maxSkew || !slices.Contains(signed, "host") ||
		!slices.Contains(signed, "x-amz-date") {
		return mismatch
	}
	target, err := url.ParseRequestURI(r.RequestURI) // the path as signed, with all prefixes
	if err != nil {
		return mismatch
	}
	again := &http.Request{Method: r.Method, URL: target, Host: r.Host, Header: http.Header{}}
	for _, name := range signed {
		if values := r.Header.Values(name); len(values) > 0 {
			again.Header[http.CanonicalHeaderKey(name)] = values
		}
	}
	again.Header.Del("Content-Length")
	if slices.Contains(signed, "content-length") {
		again.ContentLength = r.ContentLength
	}
	hash := sha256.Sum256(body)
	if err := v4.NewSigner().SignHTTP(context.Background(), s.credentials, again, hex.EncodeToString(hash[:]),
		s.SigningName, scope[2], date); err != nil {
		return mismatch
	}
	_, fields, _ = strings.Cut(again.Header.Get("Authorization"), " ")
	if subtle.ConstantTimeCompare([]byte(fieldsOf(fields)["Signature"]), []byte(given["Signature"])) != 1 {
		return mismatch
	}
	return nil
}

// fieldsOf returns the parts of an Authorization header after the algorithm.
func fieldsOf(fields string) map[string]string {
	given := map[string]string{}
	for field := range strings.SplitSeq(fields, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(field), "=")
		given[name] = value
	}
	return given
}
