package fakeaws_test

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"billingportal/local/internal/fakeaws"
	"billingportal/local/internal/fakeaws/secretsmanager"
)

// A signature is valid for five minutes, whether the clock is behind or ahead, and only for the
// request that was signed. https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html
func TestSignaturesAreVerified(t *testing.T) {
	secrets := secretsmanager.NewServer()
	secrets.Put("stripe", "hidden")
	own := fakeaws.NewCredentials()
	secrets.Require(own)
	if other := fakeaws.NewCredentials(); len(own.AccessKeyID) != 20 || !strings.HasPrefix(own.AccessKeyID, "AKIA") ||
		len(own.SecretAccessKey) < 40 || other == own {
		t.Fatalf("credentials %q and %q", own.AccessKeyID, other.AccessKeyID)
	}
	const body, mismatch = `{"SecretId":"stripe"}`, "InvalidSignatureException"
	for name, test := range map[string]struct {
		age         time.Duration
		credentials aws.Credentials
		change      func(*http.Request)
		code        string
	}{
		"now":                          {0, own, nil, ""},
		"less than five minutes old":   {4*time.Minute + 50*time.Second, own, nil, ""},
		"less than five minutes ahead": {-4*time.Minute - 50*time.Second, own, nil, ""},
		"more than five minutes old":   {5*time.Minute + 10*time.Second, own, nil, mismatch},
		"more than five minutes ahead": {-5*time.Minute - 10*time.Second, own, nil, mismatch},
		"another body":                 {0, own, func(r *http.Request) { r.Body = http.NoBody }, mismatch},
		"another target": {0, own,
			func(r *http.Request) { r.Header.Set("X-Amz-Target", "secretsmanager.PutSecretValue") }, mismatch},
		"another host": {0, own, func(r *http.Request) { r.Host = "other.example" }, mismatch},
		"another path": {0, own, func(r *http.Request) { r.RequestURI = "/other" }, mismatch},
		"another secret": {0,
			aws.Credentials{AccessKeyID: own.AccessKeyID, SecretAccessKey: "other"}, nil, mismatch},
		"another key": {0, aws.Credentials{AccessKeyID: "AKIAOTHER", SecretAccessKey: own.SecretAccessKey},
			nil, "UnrecognizedClientException"},
		"a header that is not signed": {0, own, func(r *http.Request) { r.Header.Set("X-Other", "1") }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
			r.Header.Set("X-Amz-Target", "secretsmanager.GetSecretValue")
			hash := sha256.Sum256([]byte(body))
			if err := v4.NewSigner().SignHTTP(t.Context(), test.credentials, r, hex.EncodeToString(hash[:]),
				"secretsmanager", "eu-central-1", time.Now().Add(-test.age)); err != nil {
				t.Fatal(err)
			}
			if test.change != nil {
				test.change(r)
			}
			w := httptest.NewRecorder()
			secrets.ServeHTTP(w, r)
			answer := w.Body.String()
			if test.code == "" && (w.Code != 200 || !strings.Contains(answer, "hidden")) ||
				test.code != "" && (w.Code != 400 || !strings.Contains(answer, `"__type":"`+test.code+`"`) ||
					strings.Contains(answer, "hidden")) {
				t.Errorf("%d %s, want %q", w.Code, answer, test.code)
			}
		})
	}
}
