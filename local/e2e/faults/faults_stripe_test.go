//go:build !race

package faults

import (
	"fmt"
	"slices"
	"strings"

	"billingportal/functions/faulttest"
)

// stripeError is an error in Stripe's format. %s in the message stands for text that Stripe repeats
// from the request.
//
// https://docs.stripe.com/api/errors
func stripeError(status int, members string, headers ...string) faulttest.Fault {
	header := map[string]string{"Content-Type": "application/json"}
	for i := 0; i < len(headers); i += 2 {
		header[headers[i]] = headers[i+1]
	}
	return faulttest.Answer(status, header,
		`{"error":{`+members+`,"request_log_url":"https://dashboard.stripe.com/logs/%s","doc_url":"%s"}}`)
}

// Parts of Stripe error responses. The messages are those that functions/internal/billing quotes
// with their sources.
const (
	invalid = `"type":"invalid_request_error"`
	missing = `"code":"resource_missing",` + invalid

	otherMode  = "; a similar object exists in live mode, but a test mode key was used to make this request."
	neverSaved = "You can’t create a portal session in test mode until you save your customer portal settings in " +
		"test mode at https://dashboard.stripe.com/test/settings/billing/portal."
	neverSaved2 = "No configuration provided and your test mode default configuration has not been created. Provide " +
		"a configuration or create your default by saving your customer portal settings in test mode at " +
		"https://dashboard.stripe.com/test/settings/billing/portal."
	lockTimeout = `"code":"lock_timeout",` + invalid + `,"message":"This object cannot be accessed right now because ` +
		`another API request or Stripe process is currently accessing it. %s"`
	rateLimit = `"code":"rate_limit",` + invalid + `,"message":"Request rate limit exceeded. %s"`
)

func says(words string) string { return `,"message":"` + words + ` %s"` }
func param(name string) string { return `,"param":"` + name + `"` }

// stripeRows are the errors of Stripe, each of its own class, and sessions that do not match the
// request.
func stripeRows() []row {
	rows := append(keyRows(), sessionRows()...)
	add := func(name string, fault faulttest.Fault, answer string, calls int) {
		rows = append(rows,
			row{at: stripeAPI, name: name, fault: fault, cold: wanted(answer, calls), warm: wanted(answer, calls)})
	}
	const (
		nonsense   = "502 billing-bad-response"
		ineligible = "409 subscription-not-eligible"
		cancel     = "flow_data[subscription_cancel][subscription]"
	)
	add("no such customer", stripeError(400, missing+param("customer")+says("No such customer: 'cus_DemoAlice'")),
		"404 no-billing-account", 1)
	add("no such customer, 404", stripeError(404, missing+param("customer")+says("No such customer: 'cus_DemoAlice'")),
		"404 no-billing-account", 1)
	add("no such customer, no param",
		stripeError(400, missing+says("No such customer: 'cus_DemoAlice'")), misconfigured, 1)
	add("no such customer, another param",
		stripeError(400, missing+param("on_behalf_of")+says("No such customer: 'cus_DemoAlice'")), misconfigured, 1)
	add("a live customer with a test key", stripeError(400,
		missing+param("customer")+says("No such customer: 'cus_DemoAlice'"+otherMode)), misconfigured, 1)
	add("no such configuration",
		stripeError(400, missing+param("configuration")+says("No such configuration: 'bpc_1'")), misconfigured, 1)
	add("portal settings never saved", stripeError(400, invalid+says(neverSaved)), misconfigured, 1)
	add("portal settings never saved, other words", stripeError(400, invalid+says(neverSaved2)), misconfigured, 1)
	add("portal settings never saved, live mode",
		stripeError(400, invalid+says(strings.ReplaceAll(neverSaved2, "test mode", "live mode"))), misconfigured, 1)
	add("the portal does not offer the flow", stripeError(400,
		invalid+says("This subscription cannot be updated because the subscription update feature in the portal "+
			"configuration is disabled.")), "409 flow-unavailable", 1)
	add("already set to be canceled",
		stripeError(400, invalid+param(cancel)+says("This subscription is already set to be canceled")), ineligible, 1)
	add("already canceled at period end", stripeError(400,
		invalid+says("The subscription `sub_1` is already set to be canceled at period end.")), ineligible, 1)
	add("nothing to confirm", stripeError(400,
		invalid+says("Cannot update the subscription because there are no changes to confirm.")), ineligible, 1)
	add("no such subscription", stripeError(400, missing+param(cancel)+says("No such subscription: 'sub_1'")),
		"404 subscription-not-found", 1)
	add("a value that Stripe refuses", stripeError(400,
		`"code":"url_invalid",`+invalid+param("return_url")+says("Not a valid URL")), "400 invalid-parameter", 1)
	add("a parameter that Stripe does not know", stripeError(400,
		`"code":"parameter_unknown",`+invalid+param("flow_data[%s]")+says("Received unknown parameter: %s")),
		misconfigured, 1)
	add("no such account", stripeError(403, `"code":"account_invalid",`+
		invalid+says("The provided key 'sk_test_***%s' does not have access to account 'acct_1'")), misconfigured, 1)
	add("a missing permission", stripeError(403, invalid+says("The provided key 'rk_test_***%s' does not have the "+
		"required permissions for this endpoint")), misconfigured, 1)
	add("402 card_error",
		stripeError(402, `"type":"card_error","code":"card_declined"`+says("Your card was declined.")), nonsense, 1)
	add("404, not an endpoint",
		stripeError(404, invalid+says("Unrecognized request URL (POST: /v1/%s).")), misconfigured, 1)
	add("409 lock_timeout", stripeError(409, lockTimeout), "503 billing-busy, 1", 3)
	add("409 lock_timeout, not to be retried", stripeError(409, lockTimeout, "Stripe-Should-Retry", "false"),
		"503 billing-busy, 1", 1)
	add("429 lock_timeout", stripeError(429, lockTimeout), "503 billing-busy, 1", 3)
	add("409 idempotency_key_in_use", stripeError(409, `"code":"idempotency_key_in_use","type":"idempotency_error"`+
		says("There is currently another in-progress request using this Idempotent Key")), "503 billing-busy, 1", 1)
	add("400 idempotency_error", stripeError(400, `"type":"idempotency_error"`+
		says("Keys for idempotent requests can only be used with the same parameters they were first used with.")),
		nonsense, 1)
	add("424", stripeError(424, `"type":"api_error"`+says("An external dependency failed")), nonsense, 1)
	add("429 rate_limit", stripeError(429, rateLimit), "503 billing-busy, 1", 1)
	add("429 with Retry-After", stripeError(429, rateLimit, "Retry-After", "7"), "503 billing-busy, 7", 1)
	add("429 with a Retry-After of a year", stripeError(429, rateLimit, "Retry-After", "31536000"),
		"503 billing-busy, 3600", 1)
	add("500 api_error", stripeError(500, `"type":"api_error"`+says("An unknown error occurred")),
		"502 billing-unavailable", 3)
	add("500, not to be retried", stripeError(500, `"type":"api_error"`+says("An unknown error occurred"),
		"Stripe-Should-Retry", "false"), "502 billing-unavailable", 1)
	add("503 api_error", stripeError(503, `"type":"api_error"`+says("Stripe is down")), "502 billing-unavailable", 3)
	return append(rows, flowRows()...)
}

// keyRows are keys that Stripe rejects. After the function has fetched the secret because of a
// rejected key, it waits ten seconds before it fetches it again. The warm request therefore does
// not fetch it.
func keyRows() []row {
	var rows []row
	for name, words := range map[string]string{
		"401 invalid key": invalid + says("Invalid API Key provided: sk_test_***%s"),
		"401 expired key": `"code":"api_key_expired",` + invalid + says("Expired API Key provided: sk_test_***%s"),
		"401 revoked key": `"code":"platform_api_key_expired",` +
			invalid + says("The API key provided by your Connect platform has expired. %s"),
	} {
		const answer = "500 billing-misconfigured"
		rows = append(rows, row{at: stripeAPI, name: name, fault: stripeError(401, words), cold: wanted(answer, 1),
			warm: wanted(answer, 1), renewals: [2]int{1, 0}})
	}
	refusal := stripeError(401, `"code":"api_key_expired",`+invalid+says("Expired API Key provided: %s"))
	onceRotated := func(fault faulttest.Fault, methods ...string) func(c *cloud) faulttest.Fault {
		return func(c *cloud) faulttest.Fault {
			return faulttest.When(func(r faulttest.Request) bool {
				return c.isRotated() && (r.Authorization == "Bearer "+c.oldKey) && slices.Contains(methods, r.Method)
			}, fault)
		}
	}
	return append(rows,
		row{
			at: stripeAPI, name: "key rotated before the start", cold: wanted(served, 1), warm: wanted(served, 1),
			faultIn: func(c *cloud) faulttest.Fault {
				c.rotate()
				return onceRotated(refusal, "POST")(c)
			},
		},
		row{
			at: stripeAPI, name: "key rotated after the start", cold: wanted(served, 1),
			warm: wanted(served, 2), renewals: [2]int{0, 1},
			faultIn: onceRotated(refusal, "POST"), beforeWarm: (*cloud).rotate,
		},
		row{
			at: stripeAPI, name: "key rotated within a flow", flow: "subscription_cancel", cold: wanted(served, 2),
			warm: wanted(served, 3), renewals: [2]int{0, 1},
			faultIn: onceRotated(refusal, "POST"), beforeWarm: (*cloud).rotate,
		},
		row{
			at: stripeAPI, name: "key rotated before a flow", flow: "subscription_cancel", cold: wanted(served, 2),
			warm: wanted(served, 3), renewals: [2]int{0, 1},
			faultIn: onceRotated(refusal, "GET", "POST"), beforeWarm: (*cloud).rotate,
		},
		row{
			at: stripeAPI, name: "key rotated after the start, then lock_timeout", cold: wanted(served, 1),
			warm: wanted("503 billing-busy, 1", 4), renewals: [2]int{0, 1},
			faultIn: func(c *cloud) faulttest.Fault {
				return faulttest.When(func(faulttest.Request) bool { return c.isRotated() },
					faulttest.Either(func(r faulttest.Request) bool { return r.Authorization == "Bearer "+c.oldKey },
						refusal, stripeError(409, lockTimeout)))
			},
			beforeWarm: (*cloud).rotate,
		},
		row{
			at: stripeAPI, name: "key rotated after the start, secret unavailable", cold: wanted(served, 1),
			warm: wanted("503 secrets-unavailable, 5", 1), renewals: [2]int{0, 2},
			faultIn: onceRotated(refusal, "POST"),
			beforeWarm: func(c *cloud) {
				c.rotate()
				c.servers[secretsManager].Break(faulttest.HTML(500))
			},
		})
}

// sessionRows are responses with status 200 that are not the requested session.
func sessionRows() []row {
	var rows []row
	add := func(name, answer string, old, replacement string) {
		fault := faulttest.Rewritten(func(body []byte, says string) []byte {
			changed := strings.Replace(string(body), old,
				strings.ReplaceAll(replacement, "%s", strings.Fields(says)[0]), 1)
			if changed == string(body) {
				return []byte(`{"the test is wrong":true}`)
			}
			return []byte(changed)
		})
		rows = append(rows,
			row{at: stripeAPI, name: name, fault: fault, cold: wanted(answer, 1), warm: wanted(answer, 1)})
	}
	const nonsense, portal = "502 billing-bad-response", `"url":"https://` + portalHost + `/p/session/`
	add("200 without url", nonsense, `"url"`, `"link"`)
	add("200 with another host", nonsense, portal, `"url":"https://evil.example/p/session/%s`)
	add("200 with a host that starts the same", nonsense, portal,
		`"url":"https://`+portalHost+`.evil.example/p/session/%s`)
	add("200 with another port", nonsense, portal, `"url":"https://`+portalHost+`:8443/p/session/%s`)
	add("200 with a user in front", nonsense, portal, `"url":"https://`+portalHost+`@evil.example/p/session/%s`)
	add("200 with plain HTTP", nonsense, portal, `"url":"http://`+portalHost+`/p/session/%s`)
	add("200 with a script", nonsense, portal, `"url":"javascript://`+portalHost+`/%s`)
	add("200 with a new line in the URL", nonsense, portal, portal+`\r\nSet-Cookie: %s`)
	add("200 with another customer", nonsense, `"customer":"cus_DemoAlice"`, `"customer":"cus_DemoDave"`)
	add("200 without customer", nonsense, `"customer":"cus_DemoAlice",`, ``)
	add("200 of the other mode", "500 billing-misconfigured", `"livemode":false`, `"livemode":true`)
	rows = append(rows, row{
		at: stripeAPI, name: "an error with status 200", cold: wanted(nonsense, 1), warm: wanted(nonsense, 1),
		fault: stripeError(200, missing+param("customer")+says("No such customer: 'cus_DemoAlice'")),
	}, row{
		at: stripeAPI, name: "201", cold: wanted(nonsense, 1), warm: wanted(nonsense, 1),
		fault: faulttest.Answer(201, jsonType,
			`{"url":"https://`+portalHost+`/p/session/%s","customer":"cus_DemoAlice","livemode":false}`),
	})
	return rows
}

// flowRows are faults in the call that finds the subscription of a flow, before the session is
// created.
func flowRows() []row {
	var rows []row
	add := func(name string, fault faulttest.Fault, answer string, calls int) {
		rows = append(rows, row{
			at: stripeAPI, name: "a flow's subscriptions: " + name, flow: "subscription_cancel",
			cold: wanted(answer, calls), warm: wanted(answer, calls),
			fault: faulttest.When(func(r faulttest.Request) bool { return r.Path == "/v1/subscriptions" }, fault),
		})
	}
	add("none", faulttest.Answer(200, jsonType, `{"object":"list","data":[],"has_more":false,"note":"%s"}`),
		"409 subscription-not-eligible", 1)
	add("somebody else's", faulttest.Answer(200, jsonType,
		`{"object":"list","data":[{"id":"sub_1","customer":"cus_%s","status":"active"}],"has_more":false}`),
		"502 billing-bad-response", 1)
	add("no such customer", stripeError(400, missing+param("customer")+says("No such customer: 'cus_DemoAlice'")),
		"404 no-billing-account", 1)
	add("a missing permission", stripeError(403, invalid+says("The provided key 'rk_test_***%s' does not have the "+
		"required permissions for this endpoint")), "500 billing-misconfigured", 1)
	add("429", stripeError(429, rateLimit), "503 billing-busy, 1", 1)
	add("500", stripeError(500, `"type":"api_error"`+says("An unknown error occurred")), "502 billing-unavailable", 3)
	add("HTML", faulttest.HTML(200), "502 billing-bad-response", 1)
	add("reset", faulttest.ResetAfterRequest(), "502 billing-unavailable", 3)
	add("cut short", faulttest.CutShort(), "502 billing-unavailable", 3)
	slow := row{at: stripeAPI, name: "a flow's subscriptions: hang", flow: "subscription_cancel", slow: true,
		fault: faulttest.When(func(r faulttest.Request) bool { return r.Path == "/v1/subscriptions" },
			faulttest.Hang())}
	return append(rows, slow.expect(results[stripeAPI][late], late))
}

// title is the name of the row in the table.
func (r row) title() string { return fmt.Sprintf("%s: %s", r.at, r.name) }
