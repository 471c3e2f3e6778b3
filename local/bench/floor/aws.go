package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"strings"
	"time"
)

// awsHeader signs a request to an AWS service with Signature Version 4
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html).
func awsHeader(service, host, target, contentType, body string) string {
	now := time.Now().UTC().Format("20060102T150405Z")
	scope := now[:8] + "/" + os.Getenv("AWS_REGION") + "/" + service + "/aws4_request"
	token := os.Getenv("AWS_SESSION_TOKEN")
	const signed = "content-type;host;x-amz-date;x-amz-security-token;x-amz-target"
	canonical := "POST\n/\n\ncontent-type:" + contentType + "\nhost:" + host + "\nx-amz-date:" + now +
		"\nx-amz-security-token:" + token + "\nx-amz-target:" + target + "\n\n" + signed + "\n" + digest(body)
	key := []byte("AWS4" + os.Getenv("AWS_SECRET_ACCESS_KEY"))
	for part := range strings.SplitSeq(scope, "/") {
		key = mac(key, part)
	}
	signature := hex.EncodeToString(mac(key, "AWS4-HMAC-SHA256\n"+now+"\n"+scope+"\n"+digest(canonical)))
	return "Content-Type: " + contentType + "\r\nX-Amz-Date: " + now + "\r\nX-Amz-Security-Token: " + token +
		"\r\nX-Amz-Target: " + target + "\r\nAuthorization: AWS4-HMAC-SHA256 Credential=" +
		os.Getenv("AWS_ACCESS_KEY_ID") +
		"/" + scope + ", SignedHeaders=" + signed + ", Signature=" + signature + "\r\n"
}

func mac(key []byte, data string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(data))
	return h.Sum(nil)
}

func digest(data string) string {
	sum := sha256.Sum256([]byte(data))
	return hex.EncodeToString(sum[:])
}

// fetchSecret reads the Stripe key.
func fetchSecret() string {
	c := newUpstream(os.Getenv("AWS_ENDPOINT_URL_SECRETS_MANAGER")).get()
	body := `{"SecretId":"` + os.Getenv("STRIPE_SECRET_ID") + `"}`
	header := awsHeader("secretsmanager", c.host, "secretsmanager.GetSecretValue", "application/x-amz-json-1.1", body)
	var answer struct{ SecretString string }
	check(json.Unmarshal(c.ok("POST", "/", header, body), &answer))
	return answer.SecretString
}

// lookUp finds the customer of a user.
func lookUp(c *connection, user string) string {
	body := `{"TableName":"` + os.Getenv("CUSTOMERS_TABLE") + `","Key":{"user_id":{"S":"` + user +
		`"}},"ConsistentRead":true,` +
		`"ProjectionExpression":"#c","ExpressionAttributeNames":{"#c":"customer_id"}}`
	header := awsHeader("dynamodb", c.host, "DynamoDB_20120810.GetItem", "application/x-amz-json-1.0", body)
	var answer struct {
		Item struct {
			Customer struct{ S string } `json:"customer_id"`
		}
	}
	check(json.Unmarshal(c.ok("POST", "/", header, body), &answer))
	return answer.Item.Customer.S
}
