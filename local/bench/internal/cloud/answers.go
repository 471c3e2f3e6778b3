package cloud

import (
	"bytes"
	"hash/crc32"
	"io"
	"net/http"
	"strconv"
	"strings"
)

// key looks like a test mode key of Stripe, but is not a real key.
const key = "sk_test_" + "benchmark00000000000000"

// SigningSecret looks like the secret of a webhook endpoint. It signs only the events of the
// measurements.
const SigningSecret = "whsec_" + "benchmark00000000000000"

// KnownUser is the only user with a stored claim. The claim is as new as the events of the
// benchmark, so they change nothing.
const KnownUser = "known"

const (
	customer  = "cus_NffrFeUfNV2Hib"
	item      = `{"Item":{"customer_id":{"S":"` + customer + `"}}}`
	knownItem = `{"Item":{"customer_id":{"S":"` + customer + `"},"billing_portal":{"M":{"` + customer +
		`":{"M":{"metadata":{"N":"1717430400"}}}}}}}`
	noItem = `{}`
)

// serveDynamoDB returns a customer for every user and stores nothing.
func serveDynamoDB(w http.ResponseWriter, r *http.Request) {
	request, _ := io.ReadAll(r.Body)
	item := item
	switch {
	case strings.HasSuffix(r.Header.Get("X-Amz-Target"), ".UpdateItem"):
		item = noItem
	case bytes.Contains(request, []byte(`"`+KnownUser+`"`)):
		item = knownItem
	}
	header := w.Header()
	header.Set("X-Amzn-Requestid", "OC5H8DBQ0SBQ4P3J5Q9TKVRK3BVV4KQNSO5AEMVJF66Q9ASUAAJG")
	header.Set("X-Amz-Crc32", strconv.FormatUint(uint64(crc32.ChecksumIEEE([]byte(item))), 10)) // the SDK checks it
	header.Set("Server", "Server")
	answerJSON(w, "application/x-amz-json-1.0", item)
}

func serveSecretsManager(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("X-Amzn-Requestid", "b1a3b1a1-7f39-4b1c-9f5b-0e8a1c2d3e4f")
	answerJSON(w, "application/x-amz-json-1.1",
		`{"ARN":"arn:aws:secretsmanager:eu-central-1:123456789012:secret:billing-portal/stripe-AbCdEf",`+
			`"CreatedDate":1.7954e9,"Name":"billing-portal/stripe","SecretString":"{\"api_key\":\"`+key+
			`\",\"signing_secret\":\"`+SigningSecret+`\"}",`+
			`"VersionId":"b1a3b1a1-7f39-4b1c-9f5b-0e8a1c2d3e4f","VersionStages":["AWSCURRENT"]}`)
}

func serveStripe(w http.ResponseWriter, _ *http.Request) {
	header := w.Header()
	for name, value := range map[string]string{
		"Access-Control-Allow-Credentials": "true",
		"Access-Control-Allow-Methods":     "GET, HEAD, PUT, PATCH, POST, DELETE",
		"Access-Control-Allow-Origin":      "*",
		"Access-Control-Expose-Headers": "Request-Id, Stripe-Manage-Version, Stripe-Should-Retry, " +
			"X-Stripe-External-Auth-Required",
		"Access-Control-Max-Age": "300",
		"Cache-Control":          "no-cache, no-store",
		"Content-Security-Policy": "base-uri 'none'; default-src 'none'; form-action 'none'; " +
			"frame-ancestors 'none'; img-src 'self'; script-src 'self' 'report-sample'; style-src 'self'",
		"Idempotency-Key":                        "0a1b2c3d-4e5f-6789-abcd-ef0123456789",
		"Original-Request":                       "req_bLnKq3gQ9Yd8mD",
		"Request-Id":                             "req_bLnKq3gQ9Yd8mD",
		"Server":                                 "nginx",
		"Strict-Transport-Security":              "max-age=63072000; includeSubDomains; preload",
		"Stripe-Should-Retry":                    "false",
		"Stripe-Version":                         "2024-09-30.acacia",
		"Vary":                                   "Origin",
		"X-Stripe-Priority-Routing-Enabled":      "true",
		"X-Stripe-Routing-Context-Priority-Tier": "api-testmode",
	} {
		header.Set(name, value)
	}
	answerJSON(w, "application/json", `{
  "id": "bps_1NAkqEJITzLVzkSb5ZKVnMmX",
  "object": "billing_portal.session",
  "configuration": "bpc_1MAhNDLkdIwHu7ixckACO1Jq",
  "created": 1795440000,
  "customer": "`+customer+`",
  "flow": null,
  "livemode": false,
  "locale": null,
  "on_behalf_of": null,
  "return_url": "https://app.example.com/account",
  "url": "https://billing.stripe.com/p/session/`+
		`test_YWNjdF8xTTJKVGtMa2RJd0h1N2l4LF9OZ2xVNXRZeEFBd0N3cGpFSXVLUm5Yc0s3bWZKdDVD0100cQ4bBCQK"
}
`)
}

func answerJSON(w http.ResponseWriter, contentType, body string) {
	w.Header().Set("Content-Type", contentType)
	_, _ = w.Write([]byte(body))
}
