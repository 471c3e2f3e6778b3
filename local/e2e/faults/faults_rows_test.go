//go:build !race

package faults

import (
	"fmt"
	"strings"

	"billingportal/functions/faulttest"
)

// row is one upstream with one fault, and what is expected of requests that meet it.
type row struct {
	at          upstream
	name        string
	fault       faulttest.Fault
	faultIn     func(c *cloud) faulttest.Fault // in place of fault, where it depends on the cloud
	beforeWarm  func(c *cloud)                 // what else happens before the warm request
	flow        string                         // type of the request's flow_data
	secure      bool                           // all upstreams speak TLS
	slow        bool                           // nothing is answered: the function's time is cut
	full        bool                           // nothing is answered, and the function has all its time
	uncounted   bool                           // the upstream cannot know of its callers
	connections bool                           // connections are counted, for want of requests

	cold, warm want
	renewals   [2]int // calls of Secrets Manager for a refused key, cold and warm
}

// want is what is expected of a request.
type want struct {
	answer   string // status and code, and after a comma the seconds of Retry-After
	min, max int    // calls of the upstream, those ahead of the request included
}

func wanted(answer string, calls int) want { return want{answer, calls, calls} }

func (w want) String() string { return fmt.Sprintf("%s in %d to %d calls", w.answer, w.min, w.max) }

const served = "303"

// kind is what a fault is to a client.
type kind int

const (
	harmless kind = iota // it is served all the same
	lost                 // there is no connection, or it ends too soon: another try may help
	late                 // there is no answer in time
	failing              // 5xx: another try may help
	refused              // another status, without the words that the upstream has for it
	denied               // another status, in words that say that no other try will help
	foreign              // 200, and no answer of the upstream's
)

// reaction is what becomes of a request, and after how many tries.
type reaction struct {
	answer string
	tries  int
}

// reactions is the contract for what needs no words to be understood.
var reactions = map[upstream]map[kind]reaction{
	discovery:      issuerReactions,
	keySet:         issuerReactions,
	dynamoDB:       awsReactions("503 customer-store-unavailable, 5", 3),
	secretsManager: awsReactions("503 secrets-unavailable, 5", 2),
	stripeAPI: {
		harmless: {served, 1},
		lost:     {"502 billing-unavailable", 3},
		late:     {"504 upstream-timeout", 3},
		failing:  {"502 billing-unavailable", 3},
		refused:  {"502 billing-bad-response", 1},
		foreign:  {"502 billing-bad-response", 1},
	},
}

var issuerReactions = map[kind]reaction{
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

func awsReactions(unavailable string, tries int) map[kind]reaction {
	return map[kind]reaction{
		harmless: {served, 1},
		lost:     {unavailable, tries},
		late:     {"504 upstream-timeout", tries},
		failing:  {unavailable, tries},
		refused:  {unavailable, 1},
		denied:   {misconfigured, 1},
		foreign:  {unavailable, 1},
	}
}

// expect fills in what is expected of a row whose fault is of one kind. What is fetched ahead is
// tried twice when the process is cold, once ahead and once by the request, and not at all when it
// is warm.
func (r row) expect(reaction reaction, ofKind kind) row {
	r.cold, r.warm = wanted(reaction.answer, reaction.tries), wanted(reaction.answer, reaction.tries)
	if r.at.isPrefetched() {
		r.warm = wanted(served, 0)
		if ofKind != harmless {
			r.cold.min, r.cold.max = 2*reaction.tries, 2*reaction.tries
		}
	}
	if r.connections {
		r.cold.min = min(r.cold.min, reaction.tries) // the connection ahead may be there before the fetch ahead
		r.cold.max++                                 // the connection ahead
		r.warm.min = max(r.warm.min-1, 0)            // a try on the connection that was kept
	}
	switch {
	case r.uncounted:
		r.cold.min, r.cold.max, r.warm.min, r.warm.max = 0, 0, 0, 0
	case r.slow:
		r.cold.min, r.warm.min = min(r.cold.min, 1), min(r.warm.min, 1) // time runs out before the tries do
	case r.full && (r.at == discovery || r.at == keySet):
		r.cold.min-- // what the fetch ahead has left of the time is less than two tries take
	case r.full && !r.at.isPrefetched():
		r.cold.min = 1 // its time is cut, the warm one's is not
	}
	return r
}

// commonRows are the faults that every upstream may have.
func commonRows(elsewhere string) []row {
	var rows []row
	for _, at := range allUpstreams {
		add := func(r row, ofKind kind) {
			r.at = at
			rows = append(rows, r.expect(reactions[at][ofKind], ofKind))
		}
		add(row{name: "refused", fault: faulttest.Refused(), uncounted: true}, lost)
		add(connection(row{name: "reset before the request", fault: faulttest.ResetAtOnce()}), lost)
		add(row{name: "reset after the request", fault: faulttest.ResetAfterRequest()}, lost)
		add(row{name: "hang, all the time there is", fault: faulttest.Hang(), full: true}, late)
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
		add(row{name: "JSON that breaks off", fault: faulttest.HalfJSON()}, foreign)
		add(row{name: "10 MB", fault: faulttest.Large()}, foreign)
		add(row{name: "gzip bomb", fault: faulttest.GzipBomb()}, foreign)
		add(row{name: "a megabyte of header", fault: faulttest.HeaderFlood()}, lost)
		rows = append(rows, wireRows(at)...)
		add(row{name: "wrong content type", fault: faulttest.ContentType("text/html")}, harmless)
		add(row{name: "a second answer behind the first", fault: faulttest.Trailing(foreignAnswer)}, harmless)
		rows = append(rows, secureRows(at)...)
	}
	return rows
}

var jsonType = map[string]string{"Content-Type": "application/json"}

// throttled is a 429 without words: Stripe's means one thing, whatever stands in it.
func throttled(at upstream) row {
	r := row{at: at, name: "429, HTML", fault: faulttest.HTML(429)}.expect(reactions[at][refused], refused)
	if at == stripeAPI {
		r.cold.answer, r.warm.answer = "503 billing-busy, 1", "503 billing-busy, 1"
	}
	return r
}

// foreignAnswer is an answer that would be taken for the upstream's, to a request of somebody
// else's.
func foreignAnswer(body []byte, _ string) []byte {
	text := strings.ReplaceAll(string(body), "cus_DemoAlice", foreignCustomer)
	return []byte(strings.ReplaceAll(text, "/p/session/", "/p/session/"+foreignCustomer))
}

// foreignCustomer is whose data must never turn up.
const foreignCustomer = "cus_SomebodyElse"

// connection marks a fault that no request gets past.
func connection(r row) row {
	r.connections = true
	return r
}

// cutShort is the kind of a connection that ends within the answer. The AWS SDK takes it for an
// answer that cannot be read.
func cutShort(at upstream) kind {
	if at == dynamoDB || at == secretsManager {
		return foreign
	}
	return lost
}

// wireRows are what HTTP/1.1 allows, and what it does not.
func wireRows(at upstream) []row {
	const head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
	const hints = "HTTP/1.1 103 Early Hints\r\nLink: </%s>; rel=preload\r\n\r\n"
	length := func(body string) string { return fmt.Sprintf("Content-Length: %d\r\n", len(body)) }
	var rows []row
	add := func(name string, ofKind kind, answer func(body string) string) {
		fault := faulttest.Raw(func(body, says string) string { return strings.ReplaceAll(answer(body), "%s", says) })
		rows = append(rows, row{at: at, name: name, fault: fault}.expect(reactions[at][ofKind], ofKind))
	}
	add("HTTP/1.0", harmless, func(body string) string { return "HTTP/1.0 200 OK\r\n\r\n" + body })
	add("interim answers first", harmless,
		func(body string) string { return hints + hints + head + length(body) + "\r\n" + body })
	add("interim answers without an end", lost, func(string) string { return strings.Repeat(hints, 50) })
	add("two lengths", lost, func(body string) string { return head + length(body) + length(body+" ") + "\r\n" + body })
	add("chunks that break off", cutShort(at), func(body string) string {
		return head + "Transfer-Encoding: chunked\r\n\r\n" + fmt.Sprintf("%x\r\n", len(body)) + body[:len(body)/2]
	})
	add("a chunk of no size", cutShort(at), func(body string) string {
		return head + "Transfer-Encoding: chunked\r\n\r\n%s\r\n" + body
	})
	return append(rows,
		row{at: at, name: "cut short", fault: faulttest.CutShort()}.expect(reactions[at][cutShort(at)], cutShort(at)),
		row{at: at, name: "not HTTP", fault: faulttest.Garbage()}.expect(reactions[at][lost], lost))
}

// secureRows are the faults of TLS.
func secureRows(at upstream) []row {
	untrusted := connection(row{at: at, name: "TLS: nobody's certificate", fault: faulttest.Untrusted(), secure: true})
	expired := connection(row{at: at, name: "TLS: an expired certificate", fault: faulttest.Expired(), secure: true})
	lostOnce := reactions[at][lost]
	if at == stripeAPI {
		lostOnce.tries = 1 // a certificate will not be another one in a moment
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
			secure: true}).expect(reactions[at][lost], lost),
		connection(row{at: at, name: "TLS: a silent handshake", fault: faulttest.SilentHandshake(), secure: true,
			slow: true}).expect(reactions[at][late], late),
	}
}
