package app_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/go-jose/go-jose/v4"

	"billingportal/functions/app/internal/config/configtest"
)

// Secrets that must never be logged.
const (
	firstAccessKey     = "FIRSTACCESSKEYx7Q"
	secondAccessKey    = "SECONDACCESSKEYx7Q"
	firstSessionToken  = "FIRSTSESSIONTOKENx7Q"
	secondSessionToken = "SECONDSESSIONTOKENx7Q"
	testKey            = "sk_test_" + "TESTKEYx7Q01234"
	otherKey           = "sk_test_" + "OTHERKEYx7Q0123"
	liveKey            = "sk_live_" + "LIVEKEYx7Q01234"
	signingSecret      = "whsec_" + "FIRSTSIGNINGx7Q"
	otherSigningSecret = "whsec_" + "OTHERSIGNINGx7Q"
	sessionPath        = "/p/session/test_SESSIONx7Q"
	queryString        = "QUERYSTRINGx7Q"
	upstreamText       = "UPSTREAMTEXTx7Q"
)

// requireSilence fails if a log contains a secret, a token, a session URL, a query string or an
// upstream's text.
func requireSilence(t *testing.T, written string) {
	t.Helper()
	for _, secret := range []string{"x7Q", "whsec_", "sk_test_", "sk_live_", "eyJ", "/p/session/"} {
		for line := range strings.Lines(written) {
			if strings.Contains(line, secret) {
				t.Errorf("%q was logged: %s", secret, line)
			}
		}
	}
}

// issuers sign tokens. All their keys have the same ID.
type issuers struct {
	signers map[string]jose.Signer
	sets    map[string]string
}

func newIssuers(t *testing.T) *issuers {
	t.Helper()
	i := &issuers{map[string]jose.Signer{}, map[string]string{}}
	for _, name := range []string{"issuer", "other-issuer", "alias"} {
		private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		set, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: private.Public(), KeyID: "k",
			Algorithm: "ES256", Use: "sig"}}})
		if err != nil {
			t.Fatal(err)
		}
		signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: private},
			(&jose.SignerOptions{}).WithHeader("kid", "k"))
		if err != nil {
			t.Fatal(err)
		}
		i.signers[name], i.sets[name] = signer, string(set)
	}
	return i
}

// address returns the address of an issuer, in tokens and on the network.
func address(issuer string) string { return "https://" + issuer + ".example.com/" }

// token returns a token that an issuer has signed for a user, with every claim that a setting may
// require. Entries of claims replace its own; nil removes one.
func (i *issuers) token(t *testing.T, issuer, user string, claims map[string]any) string {
	t.Helper()
	signer := i.signers[issuer]
	if signer == nil {
		signer = i.signers["issuer"]
	}
	return configtest.Token(t, signer, map[string]any{
		"iss": address(issuer), "sub": user, "org_id": "org-" + user,
		"aud": []string{"billing-portal", "other-audience"}, "scope": "read billing:manage",
		"role": "admin", "iat": time.Now().Unix(), "exp": time.Now().Add(time.Hour).Unix(),
	}, claims)
}

// cloud answers for every upstream of the functions, and notes their requests.
type cloud struct {
	issuers *issuers
	seen    *facts
	// variables are the environments of the versions that Lambda has, by ARN.
	variables  map[string]variables
	stripeTime time.Time // time that Stripe's answers have; zero means now
}

func (c *cloud) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	w.Header().Set("X-Text", upstreamText)
	w.Header().Set("Content-Type", "application/json")
	answer := func(status int, text string) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, text)
	}
	if r.ContentLength < 0 {
		c.seen.add("a request in pieces to %s", r.Host)
	}
	switch service, operation := c.noteAWS(r, body); {
	case service == "dynamodb":
		answer(c.dynamoDB(operation, body))
	case service == "secretsmanager":
		answer(c.secretsManager(body))
	case service == "lambda":
		answer(c.lambda(r, body))
	case service == "codedeploy":
		c.seen.add("codedeploy %s %s", operation, body)
		answer(200, `{}`)
	case strings.HasPrefix(r.URL.Path, "/v1/") || strings.HasPrefix(r.URL.Path, "/v2/"):
		answer(c.stripe(w, r, body))
	default:
		answer(c.keys(r))
	}
}

// noteAWS notes the address, credentials and signature of a request to AWS. It returns "" for other
// requests.
func (c *cloud) noteAWS(r *http.Request, body []byte) (service, operation string) {
	_, credential, found := strings.Cut(r.Header.Get("Authorization"), "Credential=")
	if !found {
		return "", ""
	}
	scope := strings.Split(credential, "/") // key ID, date, region, service
	signedBy := "nobody"
	for _, key := range []string{firstAccessKey, secondAccessKey} {
		if isSignedBy(r, body, scope[0], key, scope[3], scope[2]) {
			signedBy = key
		}
	}
	c.seen.add("%s at https://%s%s for %s of %s with %s, session %q", scope[3], r.Host, pathOf(r, scope[3]), scope[0],
		scope[2], signedBy, r.Header.Get("X-Amz-Security-Token"))
	_, operation, _ = strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	return scope[3], operation
}

// pathOf returns the path of the endpoint of a service. Lambda's requests also have paths of their
// own.
func pathOf(r *http.Request, service string) string {
	if service == "lambda" {
		return ""
	}
	return r.URL.Path
}

// isSignedBy signs the request again and compares the signatures.
func isSignedBy(r *http.Request, body []byte, keyID, key, service, region string) bool {
	at, err := time.Parse("20060102T150405Z", r.Header.Get("X-Amz-Date"))
	if err != nil {
		return false
	}
	scheme := "https"
	if r.TLS == nil {
		scheme = "http"
	}
	again, err := http.NewRequestWithContext(r.Context(), r.Method,
		scheme+"://"+r.Host+r.URL.RequestURI(), bytes.NewReader(body))
	if err != nil {
		return false
	}
	_, names, _ := strings.Cut(r.Header.Get("Authorization"), "SignedHeaders=")
	names, _, _ = strings.Cut(names, ",")
	for name := range strings.SplitSeq(names, ";") {
		if values := r.Header.Values(name); len(values) > 0 {
			again.Header[http.CanonicalHeaderKey(name)] = values
		}
	}
	sum := sha256.Sum256(body)
	credentials := aws.Credentials{AccessKeyID: keyID, SecretAccessKey: key,
		SessionToken: r.Header.Get("X-Amz-Security-Token")}
	err = v4.NewSigner().SignHTTP(context.Background(), credentials, again,
		hex.EncodeToString(sum[:]), service, region, at)
	return err == nil && again.Header.Get("Authorization") == r.Header.Get("Authorization")
}

// dynamoDB has customers for alice, bob and carol only.
func (c *cloud) dynamoDB(operation string, body []byte) (status int, answer string) {
	var request struct {
		TableName                string
		Key                      map[string]map[string]string
		ConsistentRead           bool
		ExpressionAttributeNames map[string]string
	}
	_ = json.Unmarshal(body, &request)
	c.seen.add("dynamodb %s of table %s", operation, request.TableName)
	if operation == "DescribeTable" {
		return 200, `{"Table":{"TableStatus":"ACTIVE","ItemCount":1,"KeySchema":[{"AttributeName":"user_id",` +
			`"KeyType":"HASH"}],"AttributeDefinitions":[{"AttributeName":"user_id","AttributeType":"S"}]}}`
	}
	key, user := []string{}, ""
	for name, value := range request.Key {
		key = append(key, name+"="+value["S"])
		for _, known := range []string{"alice", "bob", "carol"} {
			if strings.Contains(value["S"], known) {
				user = known
			}
		}
	}
	slices.Sort(key)
	if len(key) > 0 {
		c.seen.add("dynamodb %s of key %s", operation, strings.Join(key, " "))
	}
	for _, name := range request.ExpressionAttributeNames {
		c.seen.add("dynamodb %s of attribute %s", operation, name)
	}
	if operation == "GetItem" && !request.ConsistentRead {
		c.seen.add("dynamodb %s without consistency", operation)
	}
	if operation == "Scan" && request.TableName == "live-customers" {
		return 200, `{"Items":[{"user_id":{"S":"alice"},"customer_id":{"S":"cus_alice"}}],"Count":1}`
	}
	if operation != "GetItem" || user == "" {
		return 200, `{}`
	}
	return 200, `{"Item":{"customer_id":{"S":"cus_` + user +
		`"},"billing":{"M":{"customer":{"S":"cus_` + user + `"}}}}}`
}

func (c *cloud) secretsManager(body []byte) (status int, answer string) {
	var request struct {
		SecretID string `json:"SecretId"`
	}
	_ = json.Unmarshal(body, &request)
	c.seen.add("secretsmanager GetSecretValue of %s", request.SecretID)
	value := map[string]any{"api_key": testKey, "other": otherKey, "live": liveKey}
	switch {
	case strings.Contains(request.SecretID, "other-webhook"):
		value = map[string]any{"signing_secret": otherSigningSecret}
	case strings.Contains(request.SecretID, "webhook"):
		value = map[string]any{"signing_secret": signingSecret}
	}
	text, _ := json.Marshal(value)
	document, _ := json.Marshal(map[string]string{"SecretString": string(text)})
	return 200, string(document)
}

// keys answers for an issuer, which the host of the request names.
func (c *cloud) keys(r *http.Request) (status int, answer string) {
	c.seen.add("keys: %s https://%s%s", r.Method, r.Host, r.URL.Path)
	name, _, _ := strings.Cut(r.Host, ".")
	set := c.issuers.sets[name]
	switch {
	case name == "keys":
		return 200, c.issuers.sets["issuer"]
	case set == "":
		return 404, upstreamText
	case strings.HasSuffix(r.URL.Path, "/openid-configuration"):
		return 200, fmt.Sprintf(`{"issuer":%q,"jwks_uri":%q}`, address(name), address(name)+"jwks.json")
	}
	return 200, set
}

// stripe has one subscription and creates every session. The session of bob leads to another host,
// and the session of carol has the other mode.
func (c *cloud) stripe(w http.ResponseWriter, r *http.Request, body []byte) (status int, answer string) {
	key := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	c.seen.add("stripe at https://%s with %s, version %s", r.Host, key, r.Header.Get("Stripe-Version"))
	if !c.stripeTime.IsZero() {
		w.Header().Set("Date", c.stripeTime.UTC().Format(http.TimeFormat))
	}
	if r.Header.Get("X-Stripe-Client-Telemetry") != "" {
		c.seen.add("stripe has telemetry")
	}
	if r.Method == http.MethodGet {
		c.seen.add("stripe GET %s", strings.TrimSuffix(r.URL.Path+"?"+r.URL.Query().Encode(), "?"))
		return c.stripeObject(r.URL.Path)
	}
	form, _ := url.ParseQuery(string(body))
	for name, values := range form {
		c.seen.add("session: %s=%s", name, strings.Join(values, " and "))
	}
	host, livemode := "billing.stripe.com", strings.HasPrefix(key, "sk_live_")
	switch form.Get("customer") {
	case "cus_bob":
		host = "pay.example.com"
	case "cus_carol":
		livemode = !livemode
	case "cus_NobodyBillingPortalPreflight":
		return 400, `{"error":{"type":"invalid_request_error","code":"resource_missing","param":"customer",` +
			`"message":"` + upstreamText + `"}}`
	}
	return 200, fmt.Sprintf(`{"id":"bps_1","object":"billing_portal.session","customer":%q,"livemode":%t,`+
		`"url":"https://%s%s"}`,
		form.Get("customer"), livemode, host, sessionPath)
}

func (c *cloud) stripeObject(path string) (status int, answer string) {
	switch path {
	case "/v1/subscriptions/sub_1":
		return 200, `{"id":"sub_1","object":"subscription","customer":"cus_alice","status":"active",` +
			`"items":{"data":[{"id":"si_1","price":{"id":"price_0","product":"prod_0"},"quantity":1}]}}`
	case "/v1/billing_portal/configurations":
		return 200, `{"object":"list","data":[{"id":"bpc_0","object":"billing_portal.configuration","active":true,` +
			`"is_default":true,
			"features":{"payment_method_update":{"enabled":true},"subscription_cancel":{"enabled":true},` +
			`"subscription_update":{"enabled":false}}}]}`
	case "/v1/webhook_endpoints", "/v2/core/event_destinations", "/v1/subscriptions", "/v1/products":
		return 200, `{"object":"list","data":[],"has_more":false}`
	}
	return 404, `{"error":{"type":"invalid_request_error","code":"resource_missing","message":"` + upstreamText + `"}}`
}

// lambda answers the requests that preflight sends to the versions.
func (c *cloud) lambda(r *http.Request, body []byte) (status int, answer string) {
	path, _ := url.PathUnescape(r.URL.EscapedPath())
	arn, what, _ := strings.Cut(strings.TrimPrefix(path, "/2015-03-31/functions/"), "/")
	c.seen.add("lambda %s of %s", what, arn)
	if what == "configuration" {
		document, _ := json.Marshal(map[string]any{"Version": "8",
			"Environment": map[string]any{"Variables": c.variables[arn]}})
		return 200, string(document)
	}
	if bytes.Contains(body, []byte("/stripe/webhook")) {
		return 200, `{"statusCode":400}`
	}
	return 200, `{"statusCode":401}`
}

func noPause(context.Context, time.Duration) error { return nil }
