package main

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
)

// readSecret reads a secret of a laptop as a program with these credentials would, and returns AWS's code of an error.
func (l *devserver) readSecret(t *testing.T, c aws.Credentials, id string, change ...func(*http.Request)) (value, code string) {
	t.Helper()
	transport := roundTripFunc(func(r *http.Request) (*http.Response, error) {
		for _, change := range change {
			change(r)
		}
		return http.DefaultTransport.RoundTrip(r)
	})
	client := secretsmanager.New(secretsmanager.Options{
		Region: "eu-central-1", BaseEndpoint: aws.String(l.origin + secretsManagerPath), HTTPClient: &http.Client{Transport: transport}, RetryMaxAttempts: 1,
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

type roundTripFunc func(*http.Request) (*http.Response, error)

func (f roundTripFunc) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// Every user of a machine can connect to its loopback addresses.
func TestOtherUsersCannotReadARealKey(t *testing.T) {
	const key = "sk_test_" + "ofMine"
	l, _ := startDevserver(t, func(l *devserver) {
		withKey, err := newDevserver(l.origin, key, demoCustomers)
		if err != nil {
			t.Fatal(err)
		}
		*l = *withKey
	})
	own := l.credentials
	if value, code := l.readSecret(t, own, stripeSecret); value != key {
		t.Errorf("the process itself: %q %s", value, code)
	}
	for name, test := range map[string]struct {
		credentials aws.Credentials
		change      func(*http.Request)
		code        string
	}{
		"made-up credentials": {aws.Credentials{AccessKeyID: "local", SecretAccessKey: "local"}, nil, "UnrecognizedClientException"},
		"the key ID alone":    {aws.Credentials{AccessKeyID: own.AccessKeyID, SecretAccessKey: "local"}, nil, "InvalidSignatureException"},
		"the secret alone":    {aws.Credentials{AccessKeyID: "local", SecretAccessKey: own.SecretAccessKey}, nil, "UnrecognizedClientException"},
		"another process's":   {another(t), nil, "UnrecognizedClientException"},
		"another body": {own, func(r *http.Request) {
			r.Body, r.ContentLength, r.GetBody = io.NopCloser(strings.NewReader(`{"SecretId":"billing-portal/stripe"}      `)), 42, nil
		}, "InvalidSignatureException"},
		"another operation":    {own, func(r *http.Request) { r.Header.Set("X-Amz-Target", "secretsmanager.PutSecretValue") }, "InvalidSignatureException"},
		"an old request":       {own, func(r *http.Request) { r.Header.Set("X-Amz-Date", "20240101T000000Z") }, "InvalidSignatureException"},
		"nothing that matters": {own, func(r *http.Request) { signedHeaders(r, "host") }, "InvalidSignatureException"},
		"another path":         {own, func(r *http.Request) { r.URL.Path += "/" }, "InvalidSignatureException"},
	} {
		t.Run(name, func(t *testing.T) {
			change := test.change
			if change == nil {
				change = func(*http.Request) {}
			}
			for _, id := range []string{stripeSecret, webhookSecret} {
				if value, code := l.readSecret(t, test.credentials, id, change); value != "" || code != test.code {
					t.Errorf("%q %s, want %s", value, code, test.code)
				}
			}
		})
	}
}

func another(t *testing.T) aws.Credentials {
	t.Helper()
	l, err := newDevserver("http://127.0.0.1:1", demoKey, nil)
	if err != nil {
		t.Fatal(err)
	}
	return l.credentials
}

// signedHeaders says that only these headers were signed.
func signedHeaders(r *http.Request, names string) {
	before, rest, _ := strings.Cut(r.Header.Get("Authorization"), "SignedHeaders=")
	_, after, _ := strings.Cut(rest, ",")
	r.Header.Set("Authorization", before+"SignedHeaders="+names+","+after)
}

// The demo's own secrets are public. Containers of sam local read them with the developer's own credentials.
func TestTheDemosSecretsAreForEveryone(t *testing.T) {
	l, _ := startDevserver(t)
	if value, code := l.readSecret(t, aws.Credentials{AccessKeyID: "local", SecretAccessKey: "local"}, stripeSecret); value != demoKey {
		t.Errorf("%q %s", value, code)
	}
}

// The signing secret of the developer's own Stripe account is as secret as its key.
func TestOtherUsersCannotReadARealSigningSecret(t *testing.T) {
	t.Setenv(listenSecret, "whsec_"+"ofMine")
	l, _ := startDevserver(t)
	if value, code := l.readSecret(t, aws.Credentials{AccessKeyID: "local", SecretAccessKey: "local"}, webhookSecret); value != "" || code != "UnrecognizedClientException" {
		t.Errorf("%q %s", value, code)
	}
	if value, code := l.readSecret(t, l.credentials, webhookSecret); !strings.Contains(value, "ofMine") {
		t.Errorf("%q %s", value, code)
	}
}
