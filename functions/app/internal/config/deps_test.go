package config

import (
	"bytes"
	"context"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"billingportal/functions/faulttest"
	"billingportal/functions/internal/upstream"
)

func TestAHangOfDynamoDBAndSecretsManagerEnds(t *testing.T) {
	role := AWS{AWS: upstream.AWS{Region: "eu-central-1", AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: "secret"}}
	faulttest.RequireTries(t, 3, time.Second, func(ctx context.Context, transport http.RoundTripper) error {
		_, err := role.DynamoDBClient(transport).GetItem(ctx, &dynamodb.GetItemInput{
			TableName: aws.String("customers"),
			Key:       map[string]types.AttributeValue{"user_id": &types.AttributeValueMemberS{Value: "alice"}},
		})
		return err
	})
	faulttest.RequireTries(t, 2, 2*time.Second, func(ctx context.Context, transport http.RoundTripper) error {
		_, err := role.SecretsManagerClient(transport).GetSecretValue(ctx,
			&secretsmanager.GetSecretValueInput{SecretId: aws.String("stripe")})
		return err
	})
}

func TestAPanicOfAFetchAheadIsLogged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		written := &bytes.Buffer{}
		deps := Common{AWS: AWS{DynamoDBEndpoint: "http://127.0.0.1:1"}}.Deps(t.Context(), written)
		deps.Prefetch(t.Context(),
			map[string]func(context.Context) error{"keys": func(context.Context) error { panic(faulttest.Marker) }})
		synctest.Wait()
		if text := written.String(); !strings.Contains(text, `"what":"keys"`) ||
			strings.Contains(text, faulttest.Marker) {
			t.Errorf("logged: %s", text)
		}
	})
}

// The address is the endpoint from the environment, or the endpoint that the SDK's client calls.
func TestTheAddressToDialAhead(t *testing.T) {
	for want, a := range map[string]AWS{
		"https://dynamodb.eu-central-1.amazonaws.com":  {AWS: upstream.AWS{Region: "eu-central-1"}},
		"https://dynamodb.cn-north-1.amazonaws.com.cn": {AWS: upstream.AWS{Region: "cn-north-1"}},
		"http://127.0.0.1:8000/dynamodb": {AWS: upstream.AWS{Region: "eu-central-1"},
			DynamoDBEndpoint: "http://127.0.0.1:8000/dynamodb"},
	} {
		if got := a.dynamoDBURL(t.Context()); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
