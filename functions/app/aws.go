package app

import (
	"context"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	smithyendpoints "github.com/aws/smithy-go/endpoints"

	"billingportal/functions/internal/upstream"
)

// awsEnvironment is what the SDK's own configuration loader would have read from
// a Lambda function's environment. The loader itself brings shared files, SSO,
// STS and instance metadata, none of which a function has: 1.8 MB of binary and
// 5 ms of every cold start.
type awsEnvironment struct {
	region       string
	accessKeyID  string
	secretKey    string
	sessionToken string
	endpoints    map[string]string // by the SDK's ID of the service
}

const (
	serviceDynamoDB       = "DynamoDB"
	serviceSecretsManager = "Secrets Manager"
)

func (e *environment) aws() awsEnvironment {
	a := awsEnvironment{
		region:       e.getenv("AWS_REGION"),
		accessKeyID:  e.getenv("AWS_ACCESS_KEY_ID"),
		secretKey:    e.getenv("AWS_SECRET_ACCESS_KEY"),
		sessionToken: e.getenv("AWS_SESSION_TOKEN"),
		endpoints:    map[string]string{},
	}
	for name, value := range map[string]string{
		"AWS_REGION":            a.region,
		"AWS_ACCESS_KEY_ID":     a.accessKeyID,
		"AWS_SECRET_ACCESS_KEY": a.secretKey,
	} {
		if value == "" {
			e.wrong(name, "is required (Lambda sets it)")
		}
	}
	if e.getenv("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS") == "true" {
		return a
	}
	for service, name := range map[string]string{
		serviceDynamoDB:       "AWS_ENDPOINT_URL_DYNAMODB",
		serviceSecretsManager: "AWS_ENDPOINT_URL_SECRETS_MANAGER",
	} {
		if url := e.getenv(name); url != "" {
			a.endpoints[service] = url
		} else if url := e.getenv("AWS_ENDPOINT_URL"); url != "" {
			a.endpoints[service] = url
		}
	}
	return a
}

// GetServiceBaseEndpoint tells the SDK's clients of an endpoint that the
// environment sets, as the SDK's own loader does.
//
// https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html
func (a awsEnvironment) GetServiceBaseEndpoint(_ context.Context, sdkID string) (string, bool, error) {
	url, found := a.endpoints[sdkID]
	return url, found, nil
}

// config returns what a client of one service is made of. Every try is bounded,
// and waits between tries are short: the caller of the portal is waiting.
func (a awsEnvironment) config(transport http.RoundTripper, tryTimeout time.Duration, tries int) aws.Config {
	return aws.Config{
		Region:        a.region,
		Credentials:   credentials.NewStaticCredentialsProvider(a.accessKeyID, a.secretKey, a.sessionToken),
		ConfigSources: []any{a},
		HTTPClient: &http.Client{
			Transport:     upstream.Transport{Next: transport},
			Timeout:       tryTimeout,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		Retryer: func() aws.Retryer {
			return retry.NewStandard(func(o *retry.StandardOptions) {
				o.MaxAttempts = tries
				o.MaxBackoff = 200 * time.Millisecond
				// The SDK's budget for retries would outlive the trouble that emptied it.
				o.RateLimiter = ratelimit.None
			})
		},
	}
}

// dynamoDBURL and secretsManagerURL return where the SDK's clients go, so that it
// can be dialled ahead; "" where the SDK has no endpoint, which the first request
// will report.

func (a awsEnvironment) dynamoDBURL(ctx context.Context) string {
	if url, found := a.endpoints[serviceDynamoDB]; found {
		return url
	}
	parameters := dynamodb.EndpointParameters{Region: aws.String(a.region)}
	return urlOf(dynamodb.NewDefaultEndpointResolverV2().ResolveEndpoint(ctx, parameters.WithDefaults()))
}

func (a awsEnvironment) secretsManagerURL(ctx context.Context) string {
	if url, found := a.endpoints[serviceSecretsManager]; found {
		return url
	}
	parameters := secretsmanager.EndpointParameters{Region: aws.String(a.region)}
	return urlOf(secretsmanager.NewDefaultEndpointResolverV2().ResolveEndpoint(ctx, parameters.WithDefaults()))
}

func urlOf(endpoint smithyendpoints.Endpoint, err error) string {
	if err != nil {
		return ""
	}
	return endpoint.URI.String()
}
