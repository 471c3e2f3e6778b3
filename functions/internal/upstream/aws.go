package upstream

import (
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/credentials"
)

// AWS has the region and the credentials for calls to AWS.
type AWS struct {
	Region          string
	AccessKeyID     string
	SecretAccessKey string
	SessionToken    string // "" for long-term credentials
}

// Config returns the configuration for a client of one service. endpoint is the service's URL, or
// "" for AWS's own URL in the region. Each try takes at most tryTimeout, and the waits between
// tries are short, because a caller is waiting.
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
				// After an outage, the SDK's retry budget would stay empty for a while.
				o.RateLimiter = ratelimit.None
			})
		},
	}
	if endpoint != "" {
		config.BaseEndpoint = aws.String(endpoint)
	}
	return config
}
