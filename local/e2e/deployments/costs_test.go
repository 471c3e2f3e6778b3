package deployments

import (
	"fmt"
	"math"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"billingportal/local/internal/devserver/devservertest"
)

// Prices of us-east-1 in dollars, without free tiers, in November 2026. infra/COSTS.md cites the
// pages of AWS.
const (
	perAPIRequest    = 1.00 / 1e6 // 0.90 above 300 million a month
	perManyRequests  = 0.90 / 1e6
	perInvocation    = 0.20 / 1e6
	perGBSecond      = 0.0000133334 // arm64
	perRead          = 0.125 / 1e6
	perWrite         = 0.625 / 1e6
	perStoredGB      = 0.25 + 0.20 // storage and point-in-time recovery
	perLoggedGB      = 0.50
	perKeptGB        = 0.03 * 0.15 // for 30 days, compressed
	perSentGB        = 0.09
	perSecret        = 0.40
	perSecretCall    = 0.05 / 1e4
	perMetric        = 0.30
	perAlarmMetric   = 0.10
	perDashboard     = 3.00
	perEdgeRequest   = 1.00/1e6 + 0.60/1e6 // CloudFront, WAF
	perWebACL        = 5.00 + 2*1.00       // with its two rules
	gigabyte         = 1e9
	secondsInAMonth  = 30 * 24 * 3600
	memoryGB         = 0.5
	monthsKept       = 3   // LogRetentionDays is 90 in the environment prod
	bytesOfAUser     = 395 // local/bench/README.md: both items, with 100 bytes of DynamoDB for each
	refreshesOfACopy = secondsInAMonth / 300
)

// Assumptions of the table.
const (
	ownMilliseconds      = 2.5 // a warm request without its upstreams: local/bench/README.md
	dynamoDBMilliseconds = 5.0 // per call
	stripeMilliseconds   = 400.0
)

// costKind is a row of the table.
type costKind struct {
	name    string
	perUser float64 // per month
	usage
}

func (k costKind) invocations() float64 {
	if k.milliseconds == 0 {
		return 0
	}
	return 1
}

// price returns the price of one call, without the price of the API, which depends on the number of
// calls.
func (k costKind) price() float64 {
	return k.invocations()*perInvocation + k.milliseconds/1000*memoryGB*perGBSecond + float64(
		k.reads)*perRead + float64(k.writes)*perWrite +
		float64(k.logged)/gigabyte*(perLoggedGB+monthsKept*perKeptGB) + float64(k.sent)/gigabyte*perSentGB
}

// requestPrice returns the average price of an API request, given the number of requests a month.
func requestPrice(requests float64) float64 {
	const first = 300e6
	return (min(requests, first)*perAPIRequest + max(requests-first, 0)*perManyRequests) / requests
}

// monthly returns the rows with a monthly price.
func monthly(t *testing.T, kinds []costKind, users float64) (table, secrets, watching, edge float64) {
	t.Helper()
	busy, invocations, requests, sent := 0.0, 0.0, 0.0, 0.0
	for _, k := range kinds {
		busy += users * k.perUser * k.milliseconds / 1000
		invocations += users * k.perUser * k.invocations()
		requests += users * k.perUser
		sent += users * k.perUser * float64(k.sent)
	}
	// Each copy reads its secret every five minutes if it gets requests. Assume enough copies for
	// three times the average load.
	copies := math.Ceil(3 * busy / secondsInAMonth)
	secrets = 2*perSecret + min(copies*refreshesOfACopy, invocations)*perSecretCall
	runbook := strings.Join(strings.Fields(devservertest.ReadText(t, "../../../infra/RUNBOOK.md")), " ")
	watching = number(t, runbook, `at most (\d+) custom metrics`)*perMetric + number(t, runbook,
		`alarms look at (\d+) metrics`)*perAlarmMetric + perDashboard
	// AWS does not charge for data that CloudFront fetches from the API. It is about as much as the
	// data that CloudFront sends.
	edge = perWebACL + requests*(perEdgeRequest+float64(edgeLog(t))/gigabyte*(perLoggedGB+perKeptGB))
	return users * bytesOfAUser / gigabyte * perStoredGB, secrets, watching, edge
}

// number returns a number from a text. Tests in .ci/template compare the number with the templates.
func number(t *testing.T, text, pattern string) float64 {
	t.Helper()
	found := regexp.MustCompile(pattern).FindStringSubmatch(text)
	if found == nil {
		t.Fatalf("infra/RUNBOOK.md has no text that matches %q", pattern)
	}
	n, _ := strconv.Atoi(found[1])
	return float64(n)
}

// measured measures each kind of call with the real binaries.
func measured(t *testing.T) []costKind {
	t.Helper()
	m := newMeter(t)
	token, err := m.Issuer.Token("alice", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	button := requestOf(t, http.MethodGet, "/billing/button.js", nil,
		map[string]string{"Accept-Encoding": "gzip, deflate, br"})
	open := requestOf(t, http.MethodPost, "/billing/portal", nil,
		map[string]string{"Authorization": "Bearer " + token, "Accept": "application/json", "Sec-Fetch-Dest": "empty"})
	poll := requestOf(t, http.MethodGet, "/billing/status", nil,
		map[string]string{"Authorization": "Bearer " + token, "Accept": "application/json", "Sec-Fetch-Dest": "empty"})
	portal := m.start(t, portalPackage, "PortalFunction", m.Environment(m.Origin), button)
	m.call(t, portal, open, http.StatusOK) // the first session waits for the keys and the secret
	created := devservertest.StripeEvent(t, "customer.created", `"alice"`, `"user_0123456789abcdefghijklmno"`)
	webhook := m.start(t, webhookPackage, "WebhookFunction", m.WebhookEnvironment(m.Origin),
		signed(t, devservertest.StripeEvent(t, "invoice.paid")))

	view := m.call(t, portal, button, http.StatusOK)
	view.milliseconds = math.Ceil(ownMilliseconds) // Lambda charges whole milliseconds
	status := m.call(t, portal, poll, http.StatusOK)
	status.milliseconds = math.Ceil(ownMilliseconds + float64(status.reads)*dynamoDBMilliseconds)
	session := m.call(t, portal, open, http.StatusOK)
	session.milliseconds = math.Ceil(ownMilliseconds + float64(session.reads)*dynamoDBMilliseconds + stripeMilliseconds)
	claim := m.call(t, webhook, signed(t, created), http.StatusOK)
	known := m.call(t, webhook, signed(t, created), http.StatusOK)
	for _, event := range []*usage{&claim, &known} {
		event.milliseconds = math.Ceil(ownMilliseconds + float64(event.reads+event.writes)*dynamoDBMilliseconds)
	}
	return []costKind{
		{"a page view of the button: `button.js`", 4, view},
		{"a billing status, if pages ask for it", 4, status},
		{"a preflight (OPTIONS) of a status or a session by fetch", 5, m.preflight(t)},
		{"a session", 1, session},
		{"an event that is a new claim", 0.1, claim},
		{"an event that changes nothing", 1, known},
	}
}

// costs returns the table of infra/COSTS.md.
func costs(t *testing.T, kinds []costKind) string {
	t.Helper()
	sizes := []float64{1e4, 1e6, 1e8}
	var b strings.Builder
	b.WriteString("| | each user, a month | Lambda, ms | DynamoDB, reads and writes | log, bytes | answer, bytes | " +
		"price of " +
		"a million requests | 10,000 users, a month | 1 million users, a month | 100 million users, a month |\n")
	b.WriteString("|---|---|---|---|---|---|---|---|---|---|\n")
	totals := make([]float64, len(sizes))
	edges := make([]float64, len(sizes))
	for _, k := range kinds {
		fmt.Fprintf(&b, "| %s | %g | %g | %d, %d | %d | %d | $%.2f |", k.name, k.perUser, k.milliseconds, k.reads,
			k.writes, k.logged, k.sent, (k.price()+perAPIRequest)*1e6)
		for i, users := range sizes {
			requests := 0.0
			for _, other := range kinds {
				requests += users * other.perUser
			}
			cost := users * k.perUser * (k.price() + requestPrice(requests))
			totals[i] += cost
			fmt.Fprintf(&b, " %s |", dollars(cost))
		}
		b.WriteString("\n")
	}
	rows := []string{"the table, with point-in-time recovery", "two secrets", "metrics, alarms, dashboard"}
	cells := make([]string, len(rows))
	for i, users := range sizes {
		table, secrets, watching, edge := monthly(t, kinds, users)
		for row, cost := range []float64{table, secrets, watching} {
			totals[i] += cost
			cells[row] += " " + dollars(cost) + " |"
		}
		edges[i] = edge
	}
	for i, row := range rows {
		fmt.Fprintf(&b, "| %s | | | | | | |%s\n", row, cells[i])
	}
	b.WriteString("| **all** | | | | | | |")
	for _, total := range totals {
		fmt.Fprintf(&b, " **%s** |", dollars(total))
	}
	b.WriteString("\n| CloudFront and WAF, if they are in front | | | | | | |")
	for _, edge := range edges {
		fmt.Fprintf(&b, " %s |", dollars(edge))
	}
	b.WriteString("\n")
	return b.String()
}

// dollars formats a price. It leaves out the cents of large prices.
func dollars(cost float64) string {
	if cost < 100 {
		return fmt.Sprintf("$%.2f", cost)
	}
	digits := strconv.FormatFloat(math.Round(cost), 'f', 0, 64)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return "$" + digits
}

// A longer log line, another call, or one more alarm or metric changes the table.
func TestTheTableOfCostsIsMeasured(t *testing.T) {
	table, page := costs(t, measured(t)), devservertest.ReadText(t, "../../../infra/COSTS.md")
	if !strings.Contains(page, table) {
		t.Errorf("infra/COSTS.md must contain this table:\n%s", table)
	}
	sum := regexp.MustCompile(`dashboard [| ]*\$([\d.]+)(?:.*\n)*?\| \*\*all\*\* [| ]*\*\*\$([\d.]+)`).
		FindStringSubmatch(table)
	watching, _ := strconv.ParseFloat(sum[1], 64)
	all, _ := strconv.ParseFloat(sum[2], 64)
	if first := fmt.Sprintf("For 10,000 users the stack costs about $%.0f a month, of which $%.0f is for metrics", all,
		watching); !strings.Contains(page, first) {
		t.Errorf("infra/COSTS.md must begin with: %s", first)
	}
}
