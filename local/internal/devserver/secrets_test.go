package devserver_test

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/smithy-go"

	"billingportal/local/internal/devserver"
	"billingportal/local/internal/devserver/devservertest"
)

// readSecret reads a secret of a server with these credentials. It returns AWS's error code if that
// fails.
func readSecret(t *testing.T, l *devservertest.Server, c aws.Credentials, id string,
	change ...func(*http.Request)) (value, code string) {
	t.Helper()
	transport := devservertest.RoundTripFunc(func(r *http.Request) (*http.Response, error) {
		for _, change := range change {
			change(r)
		}
		return http.DefaultTransport.RoundTrip(r)
	})
	client := secretsmanager.New(secretsmanager.Options{
		Region: "eu-central-1", BaseEndpoint: aws.String(l.Origin + devserver.SecretsManagerPath),
		HTTPClient: &http.Client{Transport: transport}, RetryMaxAttempts: 1,
		Credentials: credentials.NewStaticCredentialsProvider(c.AccessKeyID, c.SecretAccessKey, c.SessionToken),
	})
	output, err := client.GetSecretValue(t.Context(), &secretsmanager.GetSecretValueInput{SecretId: aws.String(id)})
	var failure smithy.APIError
	switch {
	case errors.As(err, &failure):
		return "", failure.ErrorCode()
	case err != nil:
		t.Fatal(err)
	}
	return aws.ToString(output.SecretString), ""
}

// All users of a machine can connect to its loopback addresses.
func TestOtherUsersCannotReadARealKey(t *testing.T) {
	const key = "sk_test_" + "ofMine"
	l, _ := devservertest.Start(t, func(l *devserver.Server) {
		withKey, err := devserver.New(l.Origin, key, devserver.DemoCustomers)
		if err != nil {
			t.Fatal(err)
		}
		*l = *withKey
	})
	own := l.Credentials
	if value, code := readSecret(t, l, own, devserver.StripeSecret); value != key {
		t.Errorf("the process itself: %q %s", value, code)
	}
	for name, test := range map[string]struct {
		credentials aws.Credentials
		change      func(*http.Request)
		code        string
	}{
		"made-up credentials": {aws.Credentials{AccessKeyID: "local", SecretAccessKey: "local"}, nil,
			"UnrecognizedClientException"},
		"the key ID alone": {aws.Credentials{AccessKeyID: own.AccessKeyID, SecretAccessKey: "local"}, nil,
			"InvalidSignatureException"},
		"the secret alone": {aws.Credentials{AccessKeyID: "local", SecretAccessKey: own.SecretAccessKey}, nil,
			"UnrecognizedClientException"},
		"another process's": {another(t), nil, "UnrecognizedClientException"},
		"another body": {own, func(r *http.Request) {
			r.Body, r.ContentLength, r.GetBody = io.NopCloser(strings.NewReader(`{"SecretId":"billing-portal/stripe"}`+
				`      `)), 42, nil
		}, "InvalidSignatureException"},
		"another operation": {own, func(r *http.Request) {
			r.Header.Set("X-Amz-Target", "secretsmanager.PutSecretValue")
		}, "InvalidSignatureException"},
		"an old request": {own, func(r *http.Request) { r.Header.Set("X-Amz-Date", "20240101T000000Z") },
			"InvalidSignatureException"},
		"nothing that matters": {own, func(r *http.Request) { signedHeaders(r, "host") }, "InvalidSignatureException"},
		"another path":         {own, func(r *http.Request) { r.URL.Path += "/" }, "InvalidSignatureException"},
	} {
		t.Run(name, func(t *testing.T) {
			change := test.change
			if change == nil {
				change = func(*http.Request) {}
			}
			for _, id := range []string{devserver.StripeSecret, devserver.WebhookSecret} {
				if value, code := readSecret(t, l, test.credentials, id, change); value != "" || code != test.code {
					t.Errorf("%q %s, want %s", value, code, test.code)
				}
			}
		})
	}
}

func another(t *testing.T) aws.Credentials {
	t.Helper()
	l, err := devserver.New("http://127.0.0.1:1", devserver.DemoKey, nil)
	if err != nil {
		t.Fatal(err)
	}
	return l.Credentials
}

// signedHeaders changes a request so that it names only these headers as signed.
func signedHeaders(r *http.Request, names string) {
	before, rest, _ := strings.Cut(r.Header.Get("Authorization"), "SignedHeaders=")
	_, after, _ := strings.Cut(rest, ",")
	r.Header.Set("Authorization", before+"SignedHeaders="+names+","+after)
}

// The demo's own secrets are public. Containers of sam local read them with the developer's
// credentials.
func TestTheDemosSecretsAreForEveryone(t *testing.T) {
	l, _ := devservertest.Start(t)
	if value, code := readSecret(t, l, aws.Credentials{AccessKeyID: "local", SecretAccessKey: "local"},
		devserver.StripeSecret); value != devserver.DemoKey {
		t.Errorf("%q %s", value, code)
	}
}

// A developer's own signing secret is as secret as the key of the account.
func TestOtherUsersCannotReadARealSigningSecret(t *testing.T) {
	t.Setenv(devserver.ListenSecret, "whsec_"+"ofMine")
	l, _ := devservertest.Start(t)
	if value, code := readSecret(t, l, aws.Credentials{AccessKeyID: "local", SecretAccessKey: "local"},
		devserver.WebhookSecret); value != "" || code != "UnrecognizedClientException" {
		t.Errorf("%q %s", value, code)
	}
	if value, code := readSecret(t, l, l.Credentials, devserver.WebhookSecret); !strings.Contains(value, "ofMine") {
		t.Errorf("%q %s", value, code)
	}
}
