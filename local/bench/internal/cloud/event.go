package cloud

import (
	"encoding/json"
	"time"

	"github.com/aws/aws-lambda-go/events"
)

// Event returns the event that API Gateway sends when a browser submits a form with the token of
// the user in the Authorization header.
func (c *Cloud) Event() ([]byte, error) {
	token, err := c.Token()
	if err != nil {
		return nil, err
	}
	const host = "abcdefghij.execute-api.eu-central-1.amazonaws.com"
	event := events.APIGatewayV2HTTPRequest{
		Version: "2.0", RouteKey: "POST /billing/portal", RawPath: "/billing/portal",
		Headers: map[string]string{
			"accept": "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;" +
				"q=0.8",
			"accept-encoding":   "gzip, deflate, br, zstd",
			"accept-language":   "en-GB,en;q=0.9,de;q=0.8",
			"authorization":     "Bearer " + token,
			"content-length":    "0",
			"host":              host,
			"origin":            "https://app.example.com",
			"referer":           "https://app.example.com/",
			"sec-fetch-dest":    "document",
			"sec-fetch-mode":    "navigate",
			"sec-fetch-site":    "cross-site",
			"user-agent":        "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
			"x-amzn-trace-id":   "Root=1-6b043b8f-aafe03285edb76a85d543bb1",
			"x-forwarded-for":   "192.0.2.1",
			"x-forwarded-port":  "443",
			"x-forwarded-proto": "https",
		},
		RequestContext: events.APIGatewayV2HTTPRequestContext{
			RouteKey: "POST /billing/portal", AccountID: "123456789012", Stage: "$default",
			RequestID: "TUu8qhOvLQvK6T0=",
			APIID:     "abcdefghij", DomainName: host, DomainPrefix: "abcdefghij",
			Time: "23/Nov/2026:13:11:43 +0000", TimeEpoch: time.Now().UnixMilli(),
			HTTP: events.APIGatewayV2HTTPRequestContextHTTPDescription{
				Method: "POST", Path: "/billing/portal", Protocol: "HTTP/1.1", SourceIP: "192.0.2.1",
				UserAgent: "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
			},
		},
	}
	return json.Marshal(event)
}
