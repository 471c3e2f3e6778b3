package upstream

import (
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/credentials"
)

// AWS says in whose name AWS is called.
type AWS struct {
	Region          string
	AccessKeyID     string
	SecretAccessKey string
	SessionToken    string // "" for credentials that have none
}

// Config returns what a client of one service is made of. endpoint is its URL, "" for AWS's own of
// the region. Every try is bounded, and waits between tries are short: somebody is waiting.
func (a AWS) Config(endpoint string, transport http.RoundTripper, tryTimeout time.Duration, tries int) aws.Config {
	config := aws.Config{
		Region:      a.Region,
		Credentials: credentials.NewStaticCredentialsProvider(a.AccessKeyID, a.SecretAccessKey, a.SessionToken),
		HTTPClient: &http.Client{
			Transport:     LimitResponses{Next: transport},
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
