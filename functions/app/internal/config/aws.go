package config

import (
	"cmp"
	"context"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"billingportal/functions/internal/upstream"
)

var regionPattern = regexp.MustCompile(`^[a-z0-9-]{1,63}$`)

// AWS has the settings that the SDK's own loader reads from the environment of a Lambda function.
// The loader also supports shared files, SSO, STS and instance metadata, which a function does not
// have; it costs 1.8 MB of binary and 5 ms of every cold start.
type AWS struct {
	upstream.AWS
	// Endpoints that the environment sets; "" means AWS's endpoint of the region.
	DynamoDBEndpoint       string
	SecretsManagerEndpoint string
}

// AWS reads the region, the credentials and the endpoints.
func (e *Environment) AWS() AWS {
	a := AWS{AWS: upstream.AWS{
		Region:          e.Matching("AWS_REGION", Required, regionPattern, "must be the name of a region"),
		AccessKeyID:     e.Required("AWS_ACCESS_KEY_ID"),
		SecretAccessKey: e.Required("AWS_SECRET_ACCESS_KEY"),
		SessionToken:    e.Optional("AWS_SESSION_TOKEN"),
	}}
	if e.isTrue("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS") {
		return a
	}
	all := e.Endpoint("AWS_ENDPOINT_URL")
	a.DynamoDBEndpoint = cmp.Or(e.Endpoint("AWS_ENDPOINT_URL_DYNAMODB"), all)
	a.SecretsManagerEndpoint = cmp.Or(e.Endpoint("AWS_ENDPOINT_URL_SECRETS_MANAGER"), all)
	return a
}

// Endpoint reads an endpoint from one of the SDK's own variables. Secrets Manager's answers contain
// the Stripe key, so an endpoint must satisfy the same rules as Stripe's API base.
//
// https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html
func (e *Environment) Endpoint(name string) string {
	if e.getenv(name) == "" {
		return ""
	}
	return e.apiBase(name, Optional)
}

// containerHost is the name by which a container on a developer's machine reaches that machine.
const containerHost = "host.docker.internal"

// apiBase reads the base URL of an API that receives a key: https, or http on this machine.
func (e *Environment) apiBase(name string, fallback Fallback) string {
	value, _ := e.Value(name, fallback)
	u, err := url.Parse(value)
	isLocal := err == nil && (upstream.IsLoopback(u.Hostname()) || u.Hostname() == containerHost)
	if err != nil || u.Hostname() == "" || u.User != nil || strings.ContainsAny(value, "?#") ||
		(u.Scheme != "https" && (u.Scheme != "http" || !isLocal)) {
		e.Wrong(name, "must be an https URL without userinfo, query or fragment (http only for a loopback host)")
	}
	return strings.TrimRight(value, "/")
}

// isTrue reads a switch of the SDK: true or false in any case.
func (e *Environment) isTrue(name string) bool {
	value := e.getenv(name)
	if value != "" && !strings.EqualFold(value, "true") && !strings.EqualFold(value, "false") {
		e.Wrong(name, "must be true or false")
	}
	return strings.EqualFold(value, "true")
}

// dynamoDBURL returns the URL that the SDK's client calls, so that connections can be dialled
// ahead. It returns "" if the SDK has no endpoint for the region; the first request will report
// that.
func (a AWS) dynamoDBURL(ctx context.Context) string {
	if a.DynamoDBEndpoint != "" {
		return a.DynamoDBEndpoint
	}
	parameters := dynamodb.EndpointParameters{Region: aws.String(a.Region)}
	endpoint, err := dynamodb.NewDefaultEndpointResolverV2().ResolveEndpoint(ctx, parameters.WithDefaults())
	if err != nil {
		return ""
	}
	return endpoint.URI.String()
}

const (
	dynamoDBTryTimeout       = 1 * time.Second
	dynamoDBTries            = 3
	secretsManagerTryTimeout = 2 * time.Second
	secretsManagerTries      = 2
)

// DynamoDBClient returns a client that makes at most three attempts of a second each.
func (a AWS) DynamoDBClient(transport http.RoundTripper) *dynamodb.Client {
	return dynamodb.NewFromConfig(a.Config(a.DynamoDBEndpoint, transport, dynamoDBTryTimeout, dynamoDBTries))
}

// SecretsManagerClient returns a client that makes at most two attempts of two seconds each.
func (a AWS) SecretsManagerClient(transport http.RoundTripper) *secretsmanager.Client {
	return secretsmanager.NewFromConfig(a.Config(a.SecretsManagerEndpoint, transport,
		secretsManagerTryTimeout, secretsManagerTries))
}
