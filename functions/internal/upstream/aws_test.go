package upstream_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"billingportal/functions/faulttest"
	"billingportal/functions/internal/upstream"
)

// getItem calls DynamoDB at endpoint. Each try takes at most a minute.
func getItem(ctx context.Context, endpoint string, transport http.RoundTripper, tries int) error {
	role := upstream.AWS{Region: "eu-central-1", AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: "secret"}
	_, err := dynamodb.NewFromConfig(role.Config(endpoint, transport, time.Minute, tries)).GetItem(ctx,
		&dynamodb.GetItemInput{
			TableName: aws.String("customers"),
			Key:       map[string]types.AttributeValue{"user_id": &types.AttributeValueMemberS{Value: "alice"}},
		})
	return err
}

// Operators read the text in the log line. The flags decide the answer to the caller.
func TestErrorsOfAWS(t *testing.T) {
	background := func(t *testing.T) context.Context { return t.Context() }
	for name, test := range map[string]struct {
		handler   http.HandlerFunc // nil means that no server listens
		ctx       func(*testing.T) context.Context
		text      string
		timeout   bool
		permanent bool
	}{
		"a table that does not exist": {faulttest.AWSError(400, "ResourceNotFoundException"), background,
			"ResourceNotFoundException", false, true},
		"too many requests": {faulttest.AWSError(400, "ThrottlingException"), background,
			"ThrottlingException", false, false},
		"an outage": {faulttest.AWSError(500, "InternalServerError"), background, "InternalServerError", false, false},
		"an undocumented code": {faulttest.AWSError(400, faulttest.Marker), background,
			"an error without a documented code", false, false},
		"a proxy's page": {faulttest.HTML(200).ServeHTTP, background, "an answer that cannot be read", false, false},
		"an empty answer": {faulttest.Respond(200, "application/x-amz-json-1.0", ""), background,
			"an answer that cannot be read", false, false},
		"no server":         {nil, background, "no connection", false, false},
		"a lost connection": {faulttest.ResetAfterRequest().ServeHTTP, background, "no connection", false, false},
		"no time left": {faulttest.Hang().ServeHTTP, func(t *testing.T) context.Context {
			ctx, cancel := context.WithDeadline(t.Context(), time.Now())
			t.Cleanup(cancel)
			return ctx
		}, "no answer in time", true, false},
		"a caller that left": {faulttest.Hang().ServeHTTP, func(t *testing.T) context.Context {
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			return ctx
		}, "the request was cancelled", false, false},
	} {
		t.Run(name, func(t *testing.T) {
			endpoint := faulttest.Broken(t, faulttest.Refused()).URL
			if test.handler != nil {
				endpoint = faulttest.NewServer(t, test.handler).URL
			}
			transport := upstream.NewTransport()
			defer transport.CloseIdleConnections()
			failure := upstream.FromAWS("dynamodb", getItem(test.ctx(t), endpoint, transport, 1))
			if got, want := failure.Error(), "dynamodb GetItem: "+test.text; got != want {
				t.Errorf("%q, want %q", got, want)
			}
			if failure.Timeout != test.timeout || failure.Permanent != test.permanent {
				t.Errorf("Timeout %v, Permanent %v, want %v, %v", failure.Timeout, failure.Permanent,
					test.timeout, test.permanent)
			}
			faulttest.RequireSilent(t, failure)
		})
	}
	if got := upstream.FromAWS("secretsmanager",
		errors.New(faulttest.Marker)).Error(); got != "secretsmanager: no connection" {
		t.Errorf("without an operation: %q", got)
	}
}

// moments answers every request with a 500 and records its time.
type moments struct{ all []time.Time }

func (m *moments) RoundTrip(*http.Request) (*http.Response, error) {
	m.all = append(m.all, time.Now())
	return &http.Response{
		StatusCode: http.StatusInternalServerError,
		Header:     http.Header{"Content-Type": {"application/x-amz-json-1.0"}},
		Body:       io.NopCloser(strings.NewReader(`{"__type":"InternalServerError"}`)),
	}, nil
}

func TestPausesBetweenTriesAreShort(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const tries = 12
		transport := &moments{}
		if err := getItem(t.Context(), "http://127.0.0.1", transport, tries); err == nil {
			t.Fatal("no error")
		}
		if len(transport.all) != tries {
			t.Fatalf("%d requests, want %d", len(transport.all), tries)
		}
		for i, moment := range transport.all[1:] {
			if pause := moment.Sub(transport.all[i]); pause <= 0 || pause > 200*time.Millisecond {
				t.Errorf("pause %d = %v, want up to 200 ms", i+1, pause)
			}
		}
	})
}

func TestEveryTryHasATimeLimit(t *testing.T) {
	faulttest.RequireTries(t, 2, time.Minute, func(ctx context.Context, transport http.RoundTripper) error {
		err := getItem(ctx, "http://127.0.0.1", transport, 2)
		if !upstream.FromAWS("dynamodb", err).Timeout {
			t.Errorf("%v is not a timeout", err)
		}
		return err
	})
}
