//go:build !race

package faults

import (
	"fmt"
	"strings"

	"billingportal/functions/faulttest"
)

// row is an upstream with a fault, and the expected results of requests.
type row struct {
	at    upstream
	name  string
	fault faulttest.Fault
	// instead of fault, if the fault depends on the cloud
	faultIn     func(c *cloud) faulttest.Fault
	beforeWarm  func(c *cloud) // called before the warm request
	flow        string         // type in the flow_data of the request
	secure      bool           // all upstreams use TLS
	slow        bool           // the upstream does not respond: use a short timeout of the function
	full        bool           // the upstream does not respond: use the full timeout
	uncounted   bool           // the upstream does not see requests or connections
	connections bool           // count connections instead of requests, which never arrive

	cold, warm want
	renewals   [2]int // calls of Secrets Manager because of a rejected key, cold and warm
}

// want is the expected result of a request.
type want struct {
	answer   string // status and code, followed by a comma and the Retry-After seconds
	min, max int    // calls of the upstream, including prefetches
}

func wanted(answer string, calls int) want { return want{answer, calls, calls} }

func (w want) String() string { return fmt.Sprintf("%s in %d to %d calls", w.answer, w.min, w.max) }

const served = "303"

// kind is the effect of a fault on a client.
type kind int

const (
	harmless kind = iota // the response is usable
	lost                 // no connection, or it ends too soon: a retry may help
	late                 // no response in time
	failing              // 5xx: a retry may help
	refused              // another status, without an error that the upstream documents
	denied               // another status, with an error that says that a retry will not help
	foreign              // 200, but not a response of this upstream
)

// result is the expected answer to a request, and the number of tries.
type result struct {
	answer string
	tries  int
}

// results is the contract for faults whose kind alone decides the result.
var results = map[upstream]map[kind]result{
	discovery:      issuerResults,
	keySet:         issuerResults,
	dynamoDB:       awsResults("503 customer-store-unavailable, 5", 3),
	secretsManager: awsResults("503 secrets-unavailable, 5", 2),
	stripeAPI: {
		harmless: {served, 1},
		lost:     {"502 billing-unavailable", 3},
		late:     {"504 upstream-timeout", 3},
		failing:  {"502 billing-unavailable", 3},
		refused:  {"502 billing-bad-response", 1},
		foreign:  {"502 billing-bad-response", 1},
	},
}

var issuerResults = map[kind]result{
	harmless: {served, 1},
	lost:     {noKeys, 2},
	late:     {noKeys, 2},
	failing:  {noKeys, 2},
	refused:  {noKeys, 1},
	foreign:  {noKeys, 1},
}

const (
	noKeys        = "503 identity-provider-unavailable, 1"
	misconfigured = "500 billing-misconfigured"
)

func awsResults(unavailable string, tries int) map[kind]result {
	return map[kind]result{
		harmless: {served, 1},
		lost:     {unavailable, tries},
		late:     {"504 upstream-timeout", tries},
		failing:  {unavailable, tries},
		refused:  {unavailable, 1},
		denied:   {misconfigured, 1},
		foreign:  {unavailable, 1},
	}
}

// expect sets the expected results of a row whose fault is of one kind. A cold process calls a
// prefetched upstream in the prefetch and again in the request, each time with all tries. A warm
// process does not call it.
func (r row) expect(result result, ofKind kind) row {
	r.cold, r.warm = wanted(result.answer, result.tries), wanted(result.answer, result.tries)
	if r.at.isPrefetched() {
		r.warm = wanted(served, 0)
		if ofKind != harmless {
			r.cold.min, r.cold.max = 2*result.tries, 2*result.tries
		}
	}
	if r.connections {
		// the early connection may exist before the prefetch
		r.cold.min = min(r.cold.min, result.tries)
		r.cold.max++                      // the early connection
		r.warm.min = max(r.warm.min-1, 0) // a try on a connection that was kept
	}
	switch {
	case r.uncounted:
		r.cold.min, r.cold.max, r.warm.min, r.warm.max = 0, 0, 0, 0
	case r.slow:
		// the time runs out before the tries do
		r.cold.min, r.warm.min = min(r.cold.min, 1), min(r.warm.min, 1)
	case r.full && (r.at == discovery || r.at == keySet):
		r.cold.min-- // the prefetch may leave less time than two tries take
	case r.full && !r.at.isPrefetched():
		r.cold.min = 1 // the cold request has a short timeout, the warm one does not
	}
	return r
}

// commonRows are the faults that every upstream can have.
func commonRows(elsewhere string) []row {
	var rows []row
	for _, at := range allUpstreams {
		add := func(r row, ofKind kind) {
			r.at = at
			rows = append(rows, r.expect(results[at][ofKind], ofKind))
		}
		add(row{name: "refused", fault: faulttest.Refused(), uncounted: true}, lost)
		add(connection(row{name: "reset before the request", fault: faulttest.ResetAtOnce()}), lost)
		add(row{name: "reset after the request", fault: faulttest.ResetAfterRequest()}, lost)
		add(row{name: "hang, full timeout", fault: faulttest.Hang(), full: true}, late)
		add(row{name: "hang", fault: faulttest.Hang(), slow: true}, late)
		add(row{name: "slow drip", fault: faulttest.Drip(), slow: true}, late)
		add(row{name: "slow drip of the head", fault: faulttest.DripHead(), slow: true}, late)
		for _, status := range []int{400, 401, 403, 404} {
			add(row{name: fmt.Sprintf("%d, HTML", status), fault: faulttest.HTML(status)}, refused)
		}
		rows = append(rows, throttled(at))
		for _, status := range []int{500, 502, 503, 504} {
			add(row{name: fmt.Sprintf("%d, HTML", status), fault: faulttest.HTML(status)}, failing)
		}
		add(row{name: "500, empty", fault: faulttest.Empty(500)}, failing)
		add(row{name: "307 to elsewhere", fault: faulttest.Redirect(307, elsewhere)}, refused)
		add(row{name: "200, HTML", fault: faulttest.HTML(200)}, foreign)
		add(row{name: "200, empty", fault: faulttest.Empty(200)}, foreign)
		add(row{name: "204", fault: faulttest.Empty(204)}, foreign)
		add(row{name: "200, null", fault: faulttest.Answer(200, jsonType, "null")}, foreign)
		add(row{name: "200, a list", fault: faulttest.Answer(200, jsonType, `["%s"]`)}, foreign)
		add(row{name: "incomplete JSON", fault: faulttest.HalfJSON()}, foreign)
		add(row{name: "10 MB", fault: faulttest.Large()}, foreign)
		add(row{name: "gzip bomb", fault: faulttest.GzipBomb()}, foreign)
		add(row{name: "a header of a megabyte", fault: faulttest.HeaderFlood()}, lost)
		rows = append(rows, wireRows(at)...)
		add(row{name: "wrong content type", fault: faulttest.ContentType("text/html")}, harmless)
		add(row{name: "a second response after the first", fault: faulttest.Trailing(foreignAnswer)}, harmless)
		rows = append(rows, secureRows(at)...)
	}
	return rows
}

var jsonType = map[string]string{"Content-Type": "application/json"}

// throttled is a 429 without a known error. For Stripe, 429 always means the same.
func throttled(at upstream) row {
	r := row{at: at, name: "429, HTML", fault: faulttest.HTML(429)}.expect(results[at][refused], refused)
	if at == stripeAPI {
		r.cold.answer, r.warm.answer = "503 billing-busy, 1", "503 billing-busy, 1"
	}
	return r
}

// foreignAnswer is a response to a request of another customer. A client that reads it would take
// it for its own response.
func foreignAnswer(body []byte, _ string) []byte {
	text := strings.ReplaceAll(string(body), "cus_DemoAlice", foreignCustomer)
	return []byte(strings.ReplaceAll(text, "/p/session/", "/p/session/"+foreignCustomer))
}

// foreignCustomer is the customer whose data must never appear.
const foreignCustomer = "cus_SomebodyElse"

// connection marks a fault that prevents all requests.
func connection(r row) row {
	r.connections = true
	return r
}

// cutShort returns the kind of a connection that ends within the response. To the AWS SDK it is a
// response that cannot be read.
func cutShort(at upstream) kind {
	if at == dynamoDB || at == secretsManager {
		return foreign
	}
	return lost
}

// wireRows are unusual and invalid uses of HTTP/1.1.
func wireRows(at upstream) []row {
	const head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
	const hints = "HTTP/1.1 103 Early Hints\r\nLink: </%s>; rel=preload\r\n\r\n"
	length := func(body string) string { return fmt.Sprintf("Content-Length: %d\r\n", len(body)) }
	var rows []row
	add := func(name string, ofKind kind, answer func(body string) string) {
		fault := faulttest.Raw(func(body, says string) string { return strings.ReplaceAll(answer(body), "%s", says) })
		rows = append(rows, row{at: at, name: name, fault: fault}.expect(results[at][ofKind], ofKind))
	}
	add("HTTP/1.0", harmless, func(body string) string { return "HTTP/1.0 200 OK\r\n\r\n" + body })
	add("interim responses first", harmless,
		func(body string) string { return hints + hints + head + length(body) + "\r\n" + body })
	add("endless interim responses", lost, func(string) string { return strings.Repeat(hints, 50) })
	add("two lengths", lost, func(body string) string { return head + length(body) + length(body+" ") + "\r\n" + body })
	add("incomplete chunks", cutShort(at), func(body string) string {
		return head + "Transfer-Encoding: chunked\r\n\r\n" + fmt.Sprintf("%x\r\n", len(body)) + body[:len(body)/2]
	})
	add("a chunk without a size", cutShort(at), func(body string) string {
		return head + "Transfer-Encoding: chunked\r\n\r\n%s\r\n" + body
	})
	return append(rows,
		row{at: at, name: "cut short", fault: faulttest.CutShort()}.expect(results[at][cutShort(at)], cutShort(at)),
		row{at: at, name: "not HTTP", fault: faulttest.Garbage()}.expect(results[at][lost], lost))
}

// secureRows are the faults of TLS.
func secureRows(at upstream) []row {
	untrusted := connection(row{at: at, name: "TLS: an untrusted certificate",
		fault: faulttest.Untrusted(), secure: true})
	expired := connection(row{at: at, name: "TLS: an expired certificate", fault: faulttest.Expired(), secure: true})
	lostOnce := results[at][lost]
	if at == stripeAPI {
		lostOnce.tries = 1 // a retry would get the same certificate
	}
	warmCalls := 1
	if at.isPrefetched() {
		warmCalls = 0
	}
	return []row{
		{at: at, name: "TLS: healthy", secure: true, cold: wanted(served, 1),
			warm: wanted(served, warmCalls)},
		untrusted.expect(lostOnce, lost),
		expired.expect(lostOnce, lost),
		connection(row{at: at, name: "TLS: no handshake", fault: faulttest.NoHandshake(),
			secure: true}).expect(results[at][lost], lost),
		connection(row{at: at, name: "TLS: a silent handshake", fault: faulttest.SilentHandshake(), secure: true,
			slow: true}).expect(results[at][late], late),
	}
}
