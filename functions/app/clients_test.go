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
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

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

// requireTries requires that a call is given up after some tries of the same time, if nothing answers.
func requireTries(t *testing.T, tries int, each time.Duration, call func(ctx context.Context, transport *hanging) error) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		transport := &hanging{}
		if err := call(t.Context(), transport); err == nil {
			t.Error("no error")
		}
		if want := slices.Repeat([]time.Duration{each}, tries); !slices.Equal(transport.tries, want) {
			t.Errorf("tries of %v, want %v", transport.tries, want)
		}
	})
}

func TestAHangOfDynamoDBAndSecretsManagerEnds(t *testing.T) {
	role := awsEnvironment{AWS: upstream.AWS{Region: "eu-central-1", AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: "secret"}}
	requireTries(t, 3, time.Second, func(ctx context.Context, transport *hanging) error {
		_, err := role.dynamoDBClient(transport).GetItem(ctx, &dynamodb.GetItemInput{
			TableName: aws.String("customers"), Key: map[string]types.AttributeValue{"user_id": &types.AttributeValueMemberS{Value: "alice"}},
		})
		return err
	})
	requireTries(t, 2, 2*time.Second, func(ctx context.Context, transport *hanging) error {
		_, err := role.secretsManagerClient(transport).GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: aws.String("stripe")})
		return err
	})
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

// The address is the endpoint of the environment, or the one that the SDK's client calls.
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
