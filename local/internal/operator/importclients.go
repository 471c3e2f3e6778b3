package operator

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"billingportal/functions/app/operator"
	"billingportal/local/internal/operator/importer"
)

// dynamoDB returns a client that can read the table. It waits for a table that throttles.
func (j *importJob) dynamoDB(ctx context.Context, mapping operator.Mapping) (*dynamodb.Client, error) {
	endpoint := j.cmd.String("endpoint-url")
	override := cmp.Or(endpoint, j.getenv("AWS_ENDPOINT_URL_DYNAMODB"), j.getenv("AWS_ENDPOINT_URL"))
	// The SDK keeps 10 idle connections. With more writers, most requests would open a new one.
	transport := awshttp.NewBuildableClient().WithTransportOptions(func(t *http.Transport) {
		t.MaxIdleConnsPerHost = importer.Writers
	})
	cfg, err := loadAWS(ctx, override, j.end, config.WithHTTPClient(transport), config.WithRetryer(func() aws.Retryer {
		return retry.NewAdaptiveMode(func(o *retry.AdaptiveModeOptions) {
			o.StandardOptions = append(o.StandardOptions, func(o *retry.StandardOptions) { o.MaxAttempts = 10 })
		})
	}))
	if err != nil {
		return nil, err
	}
	j.sources = sourcesOf(cfg.Credentials)
	client := dynamodb.NewFromConfig(cfg, func(o *dynamodb.Options) {
		if endpoint != "" {
			o.BaseEndpoint = aws.String(endpoint)
		}
	})
	// A fault of the table or the credentials fails every request, so this request finds it first.
	key, _ := mapping.NewItem("nobody", nil, nil)
	_, err = client.GetItem(ctx, &dynamodb.GetItemInput{TableName: aws.String(mapping.Table()), Key: key},
		func(o *dynamodb.Options) {
			o.Retryer = retry.NewStandard(func(o *retry.StandardOptions) {
				o.MaxAttempts, o.MaxBackoff = 3, time.Second
			})
		})
	if err != nil {
		return nil, fmt.Errorf("the table %s: %w", mapping.Table(), describeAWS(operator.DynamoDB, cfg, err))
	}
	return client, nil
}

// stripeAccount returns the account of STRIPE_SECRET_KEY, or of the secret that STRIPE_SECRET_ID
// names. may says in messages what the key must be allowed to do. Requests have apiVersion; ""
// means the version that the functions use.
func stripeAccount(ctx context.Context, getenv func(string) string, end context.CancelCauseFunc, may,
	apiVersion string) (*operator.StripeAccount, error) {
	key := strings.TrimSpace(getenv("STRIPE_SECRET_KEY"))
	if id := getenv("STRIPE_SECRET_ID"); key == "" && id != "" {
		cfg, err := loadAWS(ctx,
			cmp.Or(getenv("AWS_ENDPOINT_URL_SECRETS_MANAGER"), getenv("AWS_ENDPOINT_URL")), end)
		if err != nil {
			return nil, err
		}
		output, err := secretsmanager.NewFromConfig(cfg).GetSecretValue(ctx,
			&secretsmanager.GetSecretValueInput{SecretId: aws.String(id)})
		if err != nil {
			return nil, fmt.Errorf("the secret of STRIPE_SECRET_ID: %w", describeAWS(operator.SecretsManager, cfg, err))
		}
		key = aws.ToString(output.SecretString)
	}
	if key == "" {
		return nil, errors.New("there is no Stripe key: set STRIPE_SECRET_ID, or STRIPE_SECRET_KEY to a key that may " +
			may)
	}
	return operator.NewStripeAccount(getenv, key, apiVersion) // it names the problem of the key
}
