package app

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy"
	cdtypes "github.com/aws/aws-sdk-go-v2/service/codedeploy/types"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	awslambda "github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"billingportal/functions/internal/preflight"
	"billingportal/functions/internal/upstream"
)

// hanging never answers. It notes how long each try lasts.
type hanging struct{ tries []time.Duration }

func (h *hanging) RoundTrip(r *http.Request) (*http.Response, error) {
	start := time.Now()
	<-r.Context().Done()
	h.tries = append(h.tries, time.Since(start))
	return nil, r.Context().Err()
}

// How long each client waits for an answer, and how often.
func TestAHangOfAWSEnds(t *testing.T) {
	role := awsEnvironment{AWS: upstream.AWS{Region: "eu-central-1", AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: "secret"}}
	hook := func(t *testing.T) *preflight.Hook {
		t.Helper()
		handler, err := Examiner{}.Preflight(t.Context(), minimal.get, &logs{})
		if err != nil {
			t.Fatal(err)
		}
		return handler.(*preflight.Hook)
	}
	seconds := func(each time.Duration, tries int) []time.Duration {
		return slices.Repeat([]time.Duration{each * time.Second}, tries)
	}
	for name, test := range map[string]struct {
		want []time.Duration
		call func(t *testing.T, ctx context.Context, transport *hanging) error
	}{
		"DynamoDB": {seconds(1, 3), func(_ *testing.T, ctx context.Context, transport *hanging) error {
			_, err := role.dynamoDBClient(transport).GetItem(ctx, &dynamodb.GetItemInput{
				TableName: aws.String("customers"), Key: map[string]types.AttributeValue{"user_id": &types.AttributeValueMemberS{Value: "alice"}},
			})
			return err
		}},
		"Secrets Manager": {seconds(2, 2), func(_ *testing.T, ctx context.Context, transport *hanging) error {
			_, err := role.secretsManagerClient(transport).GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: aws.String("stripe")})
			return err
		}},
		// A new version may take its own 15 s.
		"Lambda": {seconds(16, 2), func(t *testing.T, ctx context.Context, transport *hanging) error {
			t.Helper()
			client := hook(t).Lambda.(*awslambda.Client)
			client.Options().HTTPClient.(*http.Client).Transport = transport
			_, err := client.Invoke(ctx, &awslambda.InvokeInput{FunctionName: aws.String("portal")})
			return err
		}},
		"CodeDeploy": {seconds(3, 4), func(t *testing.T, ctx context.Context, transport *hanging) error {
			t.Helper()
			client := hook(t).CodeDeploy.(*codedeploy.Client)
			client.Options().HTTPClient.(*http.Client).Transport = transport
			_, err := client.PutLifecycleEventHookExecutionStatus(ctx, &codedeploy.PutLifecycleEventHookExecutionStatusInput{Status: cdtypes.LifecycleEventStatusFailed})
			return err
		}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				transport := &hanging{}
				if err := test.call(t, t.Context(), transport); err == nil {
					t.Error("no error")
				}
				if !slices.Equal(transport.tries, test.want) {
					t.Errorf("tries of %v, want %v", transport.tries, test.want)
				}
			})
		})
	}
}

func TestAPanicOfAFetchAheadIsLogged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		written := &logs{}
		p := common{aws: awsEnvironment{dynamoDBEndpoint: "http://127.0.0.1:1"}}.parts(t.Context(), written)
		p.prefetch(t.Context(), map[string]func(context.Context) error{"keys": func(context.Context) error { panic(secretText) }})
		time.Sleep(time.Minute)
		if text := written.String(); !strings.Contains(text, `"what":"keys"`) || strings.Contains(text, secretText) {
			t.Errorf("logged: %s", text)
		}
	})
}

// An endpoint of the environment, or the one that the SDK's client calls.
func TestTheAddressToDialAhead(t *testing.T) {
	for want, a := range map[string]awsEnvironment{
		"https://dynamodb.eu-central-1.amazonaws.com":  {AWS: upstream.AWS{Region: "eu-central-1"}},
		"https://dynamodb.cn-north-1.amazonaws.com.cn": {AWS: upstream.AWS{Region: "cn-north-1"}},
		"http://127.0.0.1:8000/dynamodb":               {AWS: upstream.AWS{Region: "eu-central-1"}, dynamoDBEndpoint: "http://127.0.0.1:8000/dynamodb"},
	} {
		if got := a.dynamoDBURL(t.Context()); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
