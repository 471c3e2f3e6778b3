package app

import (
	"cmp"
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

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
	// Endpoints that the environment sets; "" is AWS's own for the region.
	dynamoDBEndpoint       string
	secretsManagerEndpoint string
}

func (e *environment) aws() awsEnvironment {
	a := awsEnvironment{
		region:       e.matching("AWS_REGION", "", regionPattern, "must be the name of a region"),
		accessKeyID:  e.required("AWS_ACCESS_KEY_ID"),
		secretKey:    e.required("AWS_SECRET_ACCESS_KEY"),
		sessionToken: e.optional("AWS_SESSION_TOKEN"),
	}
	if e.isTrue("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS") {
		return a
	}
	all := e.endpoint("AWS_ENDPOINT_URL")
	a.dynamoDBEndpoint = cmp.Or(e.endpoint("AWS_ENDPOINT_URL_DYNAMODB"), all)
	a.secretsManagerEndpoint = cmp.Or(e.endpoint("AWS_ENDPOINT_URL_SECRETS_MANAGER"), all)
	return a
}

// endpoint reads an endpoint of the SDK's own overrides. The key for Stripe
// comes back from one, so what holds for its API holds for them.
//
// https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html
func (e *environment) endpoint(name string) string {
	if e.getenv(name) == "" {
		return ""
	}
	return e.apiBase(name, none)
}

// isTrue reads a switch of the SDK's, which takes true and false in any case.
func (e *environment) isTrue(name string) bool {
	value := e.getenv(name)
	if value != "" && !strings.EqualFold(value, "true") && !strings.EqualFold(value, "false") {
		e.wrong(name, "must be true or false")
	}
	return strings.EqualFold(value, "true")
}

// config returns what a client of one service is made of. Every try is bounded,
// and waits between tries are short: the caller of the portal is waiting.
func (a awsEnvironment) config(endpoint string, transport http.RoundTripper, tryTimeout time.Duration, tries int) aws.Config {
	config := aws.Config{
		Region:      a.region,
		Credentials: credentials.NewStaticCredentialsProvider(a.accessKeyID, a.secretKey, a.sessionToken),
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
	if endpoint != "" {
		config.BaseEndpoint = aws.String(endpoint)
	}
	return config
}

// dynamoDBURL returns where the SDK's client goes, so that it can be dialled
// ahead; "" where the SDK has no endpoint, which the first request will report.
func (a awsEnvironment) dynamoDBURL(ctx context.Context) string {
	if a.dynamoDBEndpoint != "" {
		return a.dynamoDBEndpoint
	}
	parameters := dynamodb.EndpointParameters{Region: aws.String(a.region)}
	endpoint, err := dynamodb.NewDefaultEndpointResolverV2().ResolveEndpoint(ctx, parameters.WithDefaults())
	if err != nil {
		return ""
	}
	return endpoint.URI.String()
}
