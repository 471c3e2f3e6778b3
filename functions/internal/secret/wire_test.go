package secret_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"billingportal/functions/faulttest"
	"billingportal/functions/internal/secret"
	"billingportal/functions/internal/upstream"
)

// patient is a time limit for a try that a healthy server never reaches.
const patient = 10 * time.Second

// newCache returns a cache with the function's own client, which makes two tries of at most
// tryTimeout.
func newCache(endpoint string, tryTimeout time.Duration) *secret.Cache[secret.Key] {
	client := secretsmanager.NewFromConfig(faulttest.AWSConfig(endpoint, tryTimeout))
	return secret.NewCache(secret.Config[secret.Key]{Client: client, ID: "billing-portal/stripe",
		Parse: secret.StripeKey("api_key", false)})
}

func answer(body string) http.HandlerFunc {
	return faulttest.Respond(200, "application/x-amz-json-1.1", body)
}

func TestTheRequestHasOnlyTheSecretsID(t *testing.T) {
	var target, request string
	server := faulttest.NewServer(t, func(w http.ResponseWriter, r *http.Request) {
		target = r.Header.Get("X-Amz-Target")
		body, _ := io.ReadAll(r.Body)
		request = string(body)
		_, _ = io.WriteString(w, `{"Name":"billing-portal/stripe","VersionId":"1","SecretString":"sk_test_0123456789"}`)
	})
	key, err := newCache(server.URL, patient).Get(t.Context())
	if err != nil || key.Reveal() != "sk_test_0123456789" {
		t.Fatalf("Key = %q, %v", key.Reveal(), err)
	}
	if target != "secretsmanager.GetSecretValue" || request != `{"SecretId":"billing-portal/stripe"}` {
		t.Errorf("request = %s %s", target, request)
	}
}

func TestASecretWithoutAKeyIsMalformed(t *testing.T) {
	text, _ := json.Marshal("whsec_" + faulttest.Marker)
	for name, body := range map[string]string{
		"text of another kind": `{"SecretString":` + string(text) + `}`,
		"an empty text":        `{"SecretString":""}`,
		"binary only":          `{"SecretBinary":"c2tfdGVzdF8wMTIzNDU2Nzg5"}`,
		"no value at all":      `{"Name":"` + faulttest.Marker + `"}`,
	} {
		t.Run(name, func(t *testing.T) {
			server := faulttest.NewServer(t, answer(body))
			_, err := newCache(server.URL, patient).Get(t.Context())
			if !errors.As(err, new(secret.MalformedError)) {
				t.Errorf("err = %v, want MalformedError", err)
			}
			faulttest.RequireSilent(t, err)
			if server.Requests() != 1 {
				t.Errorf("%d requests, want 1", server.Requests())
			}
		})
	}
}

func TestFaults(t *testing.T) {
	const (
		account = "123456789012"
		arn     = "arn:aws:secretsmanager:eu-west-1:" + account + ":secret:billing-portal/stripe-AbCdEf"
	)
	refusal := func(status int, code string) http.HandlerFunc {
		return faulttest.Respond(status, "application/x-amz-json-1.1",
			`{"__type":"`+code+`","Message":"not authorized on `+arn+` `+faulttest.Marker+`"}`)
	}
	for name, test := range map[string]struct {
		handler http.HandlerFunc
		reason  upstream.Reason
		tries   int
	}{
		// https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html
		"AccessDeniedException":       {refusal(400, "AccessDeniedException"), "AccessDeniedException", 1},
		"DecryptionFailure":           {refusal(400, "DecryptionFailure"), "DecryptionFailure", 1},
		"ExpiredTokenException":       {refusal(400, "ExpiredTokenException"), "ExpiredTokenException", 1},
		"InternalServiceError":        {refusal(500, "InternalServiceError"), "InternalServiceError", 2},
		"InvalidParameterException":   {refusal(400, "InvalidParameterException"), "InvalidParameterException", 1},
		"InvalidRequestException":     {refusal(400, "InvalidRequestException"), "InvalidRequestException", 1},
		"ResourceNotFoundException":   {refusal(400, "ResourceNotFoundException"), "ResourceNotFoundException", 1},
		"ThrottlingException":         {refusal(400, "ThrottlingException"), "ThrottlingException", 2},
		"UnrecognizedClientException": {refusal(400, "UnrecognizedClientException"), "UnrecognizedClientException", 1},
		"a code made of a secret":     {refusal(400, faulttest.Marker+"Exception"), upstream.UndocumentedCode, 1},

		"reset after the request": {faulttest.ResetAfterRequest().ServeHTTP, upstream.NoConnection, 2},
		"hang":                    {faulttest.Hang().ServeHTTP, upstream.NoAnswer, 2},
		"slow drip":               {faulttest.Drip().ServeHTTP, upstream.NoAnswer, 2},
		"HTML, 200":               {faulttest.HTML(200).ServeHTTP, upstream.UnreadableAnswer, 1},
		"HTML, 503":               {faulttest.HTML(503).ServeHTTP, upstream.UnreadableAnswer, 2},
		"truncated JSON":          {answer(`{"SecretString":"sk_test_0123456789`), upstream.UnreadableAnswer, 1},
		"body cut short": {faulttest.CutShort().Of(faulttest.Respond(200, "application/json",
			`{"SecretString":"sk_test_0123456789"}`)), upstream.UnreadableAnswer, 1},
		"empty body, 200": {answer(""), upstream.UnreadableAnswer, 1},
		"10 MB, 200": {faulttest.Large().Of(faulttest.Respond(200, "application/json", "{}")),
			upstream.UnreadableAnswer, 1},
		"a redirect": {faulttest.Redirect(307, "http://127.0.0.1:9").ServeHTTP, upstream.UnreadableAnswer, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := faulttest.NewServer(t, test.handler)
			tryTimeout := patient
			if test.reason == upstream.NoAnswer {
				tryTimeout = 100 * time.Millisecond
			}
			key, err := newCache(server.URL, tryTimeout).Get(t.Context())
			faulttest.RequireAWSError(t, err, upstream.SecretsManager, test.reason)
			faulttest.RequireSilent(t, err, account, arn, "billing-portal")
			if key != (secret.Key{}) {
				t.Error("there are both a key and an error")
			}
			if server.Requests() != test.tries {
				t.Errorf("%d requests, want %d", server.Requests(), test.tries)
			}
		})
	}
	t.Run("refused", func(t *testing.T) {
		_, err := newCache(faulttest.Broken(t, faulttest.Refused()).URL, patient).Get(t.Context())
		faulttest.RequireAWSError(t, err, upstream.SecretsManager, upstream.NoConnection)
	})
	t.Run("reset before the request", func(t *testing.T) {
		server := faulttest.Broken(t, faulttest.ResetAtOnce())
		_, err := newCache(server.URL, patient).Get(t.Context())
		faulttest.RequireAWSError(t, err, upstream.SecretsManager, upstream.NoConnection)
	})
}
