//go:build !race

package faults

import (
	"fmt"
	"strconv"
	"strings"

	"billingportal/functions/faulttest"
)

// awsError is an error in the JSON protocols of AWS. It contains texts that must not leak.
func awsError(status int, code string) faulttest.Fault {
	return faulttest.Answer(status, map[string]string{"Content-Type": "application/x-amz-json-1.0"},
		`{"__type":"`+code+
			`","message":"User: arn:aws:sts::123456789012:assumed-role/%s is not authorized: %s","Item":{"S":"%s"}}`)
}

// awsRows are the errors that the two services document.
//
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html
// https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html
// https://docs.aws.amazon.com/secretsmanager/latest/apireference/CommonErrors.html
func awsRows() []row {
	const dynamo, service = "com.amazonaws.dynamodb.v20120810#", "com.amazon.coral.service#"
	var rows []row
	add := func(at upstream, status int, prefix, code string, ofKind kind) {
		r := row{at: at, name: fmt.Sprintf("%d %s", status, code), fault: awsError(status, prefix+code)}
		rows = append(rows, r.expect(results[at][ofKind], ofKind))
	}
	add(dynamoDB, 400, service, "AccessDeniedException", denied)
	add(dynamoDB, 400, service, "ExpiredTokenException", refused)
	add(dynamoDB, 400, service, "IncompleteSignatureException", denied)
	add(dynamoDB, 400, service, "MissingAuthenticationTokenException", denied)
	add(dynamoDB, 400, service, "UnrecognizedClientException", denied)
	add(dynamoDB, 400, service, "SerializationException", denied)
	add(dynamoDB, 400, "com.amazon.coral.validate#", "ValidationException", denied)
	add(dynamoDB, 400, dynamo, "ResourceNotFoundException", denied)
	add(dynamoDB, 400, dynamo, "ItemCollectionSizeLimitExceededException", denied)
	add(dynamoDB, 400, service, "KMSAccessDeniedException", denied)
	add(dynamoDB, 400, service, "KMSDisabledException", denied)
	add(dynamoDB, 400, dynamo, "ProvisionedThroughputExceededException", failing)
	add(dynamoDB, 400, dynamo, "RequestLimitExceeded", failing)
	add(dynamoDB, 400, service, "ThrottlingException", failing)
	add(dynamoDB, 429, dynamo, "ThrottlingException", failing)
	add(dynamoDB, 500, dynamo, "InternalServerError", failing)
	add(dynamoDB, 503, service, "ServiceUnavailable", failing)

	add(secretsManager, 400, "", "AccessDeniedException", denied)
	add(secretsManager, 400, "", "DecryptionFailure", denied)
	add(secretsManager, 400, "", "ExpiredTokenException", refused)
	add(secretsManager, 400, "", "IncompleteSignature", denied)
	add(secretsManager, 403, "", "InvalidClientTokenId", denied)
	add(secretsManager, 400, "", "InvalidParameterException", denied)
	// the secret is scheduled for deletion
	add(secretsManager, 400, "", "InvalidRequestException", denied)
	add(secretsManager, 403, "", "MissingAuthenticationToken", denied)
	add(secretsManager, 400, "", "NotAuthorized", denied)
	add(secretsManager, 403, "", "OptInRequired", denied)
	add(secretsManager, 400, "", "RequestExpired", refused)
	add(secretsManager, 400, "", "ResourceNotFoundException", denied)
	add(secretsManager, 400, "", "UnrecognizedClientException", denied)
	add(secretsManager, 400, "", "ValidationError", denied)
	add(secretsManager, 400, "", "KMSInvalidStateException", denied)
	add(secretsManager, 400, "", "DisabledException", denied)
	add(secretsManager, 400, "", "ThrottlingException", failing)
	add(secretsManager, 429, "", "ThrottlingException", failing)
	add(secretsManager, 500, "", "InternalFailure", failing)
	add(secretsManager, 500, "", "InternalServiceError", failing)
	add(secretsManager, 503, "", "ServiceUnavailable", failing)
	return append(rows, awsDataRows()...)
}

// awsDataRows are complete responses with wrong content, and responses that no AWS service has
// sent.
func awsDataRows() []row {
	const broken, none = "500 billing-misconfigured", "404 no-billing-account"
	var rows []row
	item := func(name, body, answer string) {
		r := row{at: dynamoDB, name: name, fault: faulttest.Answer(200, jsonType, body)}
		rows = append(rows, r.expect(result{answer, 1}, foreign))
	}
	item("no item", `{}`, none)
	item("an item without the attribute", `{"Item":{"other":{"S":"%s"}}}`, none)
	item("a customer that is NULL", `{"Item":{"customer_id":{"NULL":true}}}`, none)
	item("a customer that is empty", `{"Item":{"customer_id":{"S":""}}}`, none)
	item("a customer that is a number", `{"Item":{"customer_id":{"N":"12345678"}}}`, broken)
	item("a customer that is something else", `{"Item":{"customer_id":{"S":"%s"}}}`, broken)
	item("a customer of an unknown type", `{"Item":{"customer_id":{"X":"%s"}}}`, broken)

	secret := func(name, body string) {
		r := row{at: secretsManager, name: name, fault: faulttest.Answer(200, jsonType, body)}
		rows = append(rows, r.expect(result{broken, 1}, foreign))
	}
	secret("a secret that is not a key", `{"SecretString":"%s"}`)
	secret("a secret that is empty", `{"SecretString":""}`)
	secret("a secret that is a publishable key", `{"SecretString":"pk_test_0123456789"}`)
	secret("a secret without api_key", `{"SecretString":"{\"note\":\"%s\"}"}`)
	secret("a secret with incomplete JSON", `{"SecretString":"{\"api_key\":\"sk_test_"}`)
	secret("a secret that is binary", `{"SecretBinary":"c2tfdGVzdF8wMTIzNDU2Nzg5"}`)

	for _, at := range []upstream{dynamoDB, secretsManager} {
		rows = append(rows,
			row{at: at, name: "400, a code that contains a secret",
				fault: awsError(400, "%s")}.expect(results[at][refused], refused),
			row{at: at, name: "500, a code that contains a secret",
				fault: awsError(500, "%s")}.expect(results[at][failing], failing),
			row{at: at, name: "400, the code in a header", fault: faulttest.Answer(400,
				map[string]string{"X-Amzn-Errortype": "AccessDeniedException:http://%s/"}, `{"message":"%s"}`)}.
				expect(results[at][denied], denied))
	}
	// The SDK computes the checksum and ignores a mismatch; TLS protects the responses.
	checksum := row{at: dynamoDB, name: "a wrong checksum", fault: faulttest.Header("X-Amz-Crc32", "1")}
	return append(rows, checksum.expect(results[dynamoDB][harmless], harmless))
}

// issuerRows are JSON documents that an issuer must not serve.
//
// https://openid.net/specs/openid-connect-discovery-1_0.html#ProviderConfigurationValidation
// https://www.rfc-editor.org/rfc/rfc7517#section-5
func issuerRows(elsewhere string) []row {
	var rows []row
	document := func(name string, change func(body []byte, says string) []byte) {
		rows = append(rows, row{at: discovery, name: name,
			fault: faulttest.Rewritten(change)}.expect(results[discovery][foreign], foreign))
	}
	document("another issuer", func(body []byte, says string) []byte {
		return []byte(strings.Replace(string(body), `"issuer":"http://127.0.0.1`, `"issuer":"http://localhost`, 1))
	})
	document("no jwks_uri", func([]byte, string) []byte { return []byte(`{"issuer":"https://issuer.example"}`) })
	document("keys at a metadata address", func(body []byte, says string) []byte {
		return []byte(strings.Replace(string(body), `"jwks_uri":"http://127.0.0.1`,
			`"jwks_uri":"http://169.254.169.254`, 1))
	})
	document("keys by plain HTTP", func(body []byte, says string) []byte {
		return []byte(strings.Replace(string(body), `"jwks_uri":"http://127.0.0.1`,
			`"jwks_uri":"http://issuer.example`, 1))
	})
	keys := func(name, body string) {
		rows = append(rows, row{at: keySet, name: name,
			fault: faulttest.Answer(200, jsonType, body)}.expect(results[keySet][foreign], foreign))
	}
	keys("no keys", `{"keys":[]}`)
	keys("no usable key", `{"keys":[{"kty":"oct","kid":"%s","k":"%s"}]}`)
	keys("keys in another format", `{"keys":{"%s":"%s"}}`)
	for _, at := range []upstream{discovery, keySet} {
		for _, status := range []int{301, 410} {
			rows = append(rows, row{at: at, name: strconv.Itoa(status),
				fault: faulttest.Redirect(status, elsewhere)}.expect(results[at][refused], refused))
		}
		rows = append(rows,
			row{at: at, name: "429 with Retry-After", fault: faulttest.Answer(429,
				map[string]string{"Retry-After": "7"}, `{"error":"%s"}`)}.expect(results[at][refused], refused),
			row{at: at, name: "503 with Retry-After", fault: faulttest.Answer(503,
				map[string]string{"Retry-After": "7"}, `{"error":"%s"}`)}.expect(results[at][failing], failing))
	}
	return rows
}
