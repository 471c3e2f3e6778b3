package requestlog_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"billingportal/functions/internal/requestlog"
	"billingportal/functions/internal/requestlog/requestlogtest"
)

// membersOf returns the members of the line, which must be the only one.
func membersOf(t *testing.T, written *bytes.Buffer) map[string]any {
	t.Helper()
	line, rest, _ := strings.Cut(written.String(), "\n")
	if rest != "" {
		t.Fatalf("more than a line: %s", written)
	}
	requestlogtest.RequireMetrics(t, line)
	var members map[string]any
	if err := json.Unmarshal([]byte(line), &members); err != nil {
		t.Fatal(err)
	}
	return members
}

func TestALineHasTheMembersOfTheRequest(t *testing.T) {
	var written bytes.Buffer
	log := requestlog.New(&written, "PortalFunction", "v1.2.3")
	record := log.Begin("request-1", "/billing/portal")
	record.Add("lookup_ms", 1500*time.Microsecond)
	record.Add("stripe_ms", 20*time.Millisecond)
	record.Add("lookup_ms", 500*time.Microsecond)
	record.Time("auth_ms")()
	record.Set(slog.String("customer_id", "cus_1"))
	record.Set(slog.Int("attempts", 1))
	record.Set(slog.Int("attempts", 2))
	record.Count("events", "effect", "claimed")
	record.End(303, "ok", false)

	members := membersOf(t, &written)
	for name, want := range map[string]any{
		"level": "INFO", "msg": "request", "function": "PortalFunction", "request_id": "request-1",
		"route":  "/billing/portal",
		"status": 303.0, "code": "ok", "cold_start": true, "requests": 1.0, "release": "v1.2.3",
		"failures": 0.0, "cold_starts": 1.0, "lookup_ms": 2.0, "stripe_ms": 20.0, "customer_id": "cus_1",
		"attempts": 2.0, "events": 1.0, "effect": "claimed",
	} {
		if members[name] != want {
			t.Errorf("%s = %v, want %v", name, members[name], want)
		}
	}
	for _, name := range []string{"duration_ms", "auth_ms"} {
		if value, ok := members[name].(float64); !ok || value < 0 || value > 60_000 {
			t.Errorf("%s = %v", name, members[name])
		}
	}
}

func TestOnlyTheFirstRequestIsAColdStart(t *testing.T) {
	var written bytes.Buffer
	log := requestlog.New(&written, "PortalFunction", "")
	for _, want := range []bool{true, false, false} {
		written.Reset()
		log.Begin("request-1", "other").End(200, "ok", false)
		members := membersOf(t, &written)
		if members["cold_start"] != want {
			t.Errorf("cold_start = %v, want %v", members["cold_start"], want)
		}
		if _, said := members["release"]; said {
			t.Error("there is a release, but New got none")
		}
	}
}

func TestARequestThatTheOperatorMustActOnIsAnError(t *testing.T) {
	var written bytes.Buffer
	requestlog.New(&written, "PortalFunction", "").Begin("request-1", "other").End(500, "internal", true)
	if level := membersOf(t, &written)["level"]; level != "ERROR" {
		t.Errorf("level = %v", level)
	}
}

func TestAWarningIsNotAFailure(t *testing.T) {
	for isError, want := range map[bool]string{false: "WARN", true: "ERROR"} {
		var written bytes.Buffer
		record := requestlog.New(&written, "WebhookFunction", "").Begin("request-1", "other")
		record.Warn("the event has no object")
		record.End(200, "ok", isError)
		if members := membersOf(t, &written); members["level"] != want ||
			members["warning"] != "the event has no object" || members["failures"] != 0.0 {
			t.Errorf("%v, want %s", members, want)
		}
	}
}

func TestFailuresAreCountedByVersionToo(t *testing.T) {
	var written bytes.Buffer
	log := requestlog.New(&written, "PortalFunction", "")
	log.Version = "7"
	for status, want := range map[int]float64{303: 0, 499: 0, 500: 1, 504: 1} {
		written.Reset()
		log.Begin("request-1", "other").End(status, "any", false)
		members := membersOf(t, &written)
		if members["failures"] != want || members["version"] != "7" {
			t.Errorf("%d: failures %v of version %v", status, members["failures"], members["version"])
		}
		if directives, _ := json.Marshal(members["_aws"]); !bytes.Contains(directives,
			[]byte(`[["function","version"]]`)) {
			t.Errorf("no metric of the version: %s", directives)
		}
	}
}

func TestOnlyFetchedValuesHaveAnAge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var written bytes.Buffer
		record := requestlog.New(&written, "PortalFunction", "").Begin("request-1", "other")
		record.Age("secret_age_ms", time.Now().Add(-time.Hour))
		record.Age("keys_age_ms", time.Now().Add(time.Second)) // the clock was set back
		record.Age("never_age_ms", time.Time{})
		record.End(200, "ok", false)
		members := membersOf(t, &written)
		if members["secret_age_ms"] != 3_600_000.0 || members["keys_age_ms"] != 0.0 {
			t.Errorf("%v and %v, want an hour and 0", members["secret_age_ms"], members["keys_age_ms"])
		}
		if age, found := members["never_age_ms"]; found {
			t.Errorf("never_age_ms = %v", age)
		}
	})
}

// Dashboards, alarms and saved queries depend on every name here.
func TestTheWholeLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var written bytes.Buffer
		log := requestlog.New(&written, "PortalFunction", "v1.2.3")
		log.Version = "7"
		record := log.Begin("request-1", "/billing/portal")
		stop := record.Time("auth_ms")
		time.Sleep(1500*time.Microsecond + 999) // less than a microsecond is dropped
		stop()
		record.Set(slog.String("customer_id", "cus_1"))
		record.Count("failures_by_upstream", "upstream", "dynamodb")
		time.Sleep(time.Second)
		now := time.Now()
		record.End(503, "customer-store-unavailable", true)

		want := `{"time":"` + now.Format(time.RFC3339Nano) + `","level":"ERROR","msg":"request",` +
			`"function":"PortalFunction","request_id":"request-1","route":"/billing/portal","status":503,` +
			`"code":"customer-store-unavailable",` +
			`"cold_start":true,"requests":1,"failures":1,"cold_starts":1,"duration_ms":1001.5,"auth_ms":1.5,` +
			`"customer_id":"cus_1","failures_by_upstream":1,"upstream":"dynamodb","release":"v1.2.3","version":"7",` +
			`"_aws":{"Timestamp":` + strconv.FormatInt(now.UnixMilli(), 10) + `,"CloudWatchMetrics":[` +
			`{"Namespace":"BillingPortal","Dimensions":[["function"]],"Metrics":[{"Name":"duration_ms",` +
			`"Unit":"Milliseconds"},` +
			`{"Name":"auth_ms","Unit":"Milliseconds"},{"Name":"requests","Unit":"Count"},{"Name":"failures",` +
			`"Unit":"Count"},{"Name":"cold_starts","Unit":"Count"}]},` +
			`{"Namespace":"BillingPortal","Dimensions":[["function","code"]],"Metrics":[{"Name":"requests",` +
			`"Unit":"Count"}]},` +
			`{"Namespace":"BillingPortal","Dimensions":[["function","version"]],"Metrics":[{"Name":"requests",` +
			`"Unit":"Count"},{"Name":"failures","Unit":"Count"}]},` +
			`{"Namespace":"BillingPortal","Dimensions":[["function","upstream"]],` +
			`"Metrics":[{"Name":"failures_by_upstream","Unit":"Count"}]}]}}` + "\n"
		if got := written.String(); got != want {
			t.Errorf("%s\nwant\n%s", got, want)
		}
	})
}

// The requests that pages send on every view must not outnumber those of users. But problems that
// only the operator can correct are counted for every route.
func TestARequestCountsByItsRoute(t *testing.T) {
	for status, want := range map[int]string{
		200: `[{"Namespace":"BillingPortal","Dimensions":[["function","route"]],"Metrics":[` +
			`{"Name":"duration_ms","Unit":"Milliseconds"},{"Name":"requests","Unit":"Count"},` +
			`{"Name":"failures","Unit":"Count"}]},` +
			`{"Namespace":"BillingPortal","Dimensions":[["function"]],"Metrics":[` +
			`{"Name":"keys_age_ms","Unit":"Milliseconds"},{"Name":"cold_starts","Unit":"Count"}]},` +
			`{"Namespace":"BillingPortal","Dimensions":[["function","account"]],"Metrics":[` +
			`{"Name":"statuses","Unit":"Count"}]}]`,
		500: `[{"Namespace":"BillingPortal","Dimensions":[["function","route"]],"Metrics":[` +
			`{"Name":"duration_ms","Unit":"Milliseconds"},{"Name":"requests","Unit":"Count"},` +
			`{"Name":"failures","Unit":"Count"}]},` +
			`{"Namespace":"BillingPortal","Dimensions":[["function"]],"Metrics":[` +
			`{"Name":"keys_age_ms","Unit":"Milliseconds"},{"Name":"cold_starts","Unit":"Count"}]},` +
			`{"Namespace":"BillingPortal","Dimensions":[["function","code"]],"Metrics":[` +
			`{"Name":"requests","Unit":"Count"}]},` +
			`{"Namespace":"BillingPortal","Dimensions":[["function","account"]],"Metrics":[` +
			`{"Name":"statuses","Unit":"Count"}]}]`,
	} {
		var written bytes.Buffer
		log := requestlog.New(&written, "PortalFunction", "")
		log.Version = "7"
		record := log.Begin("request-1", "/billing/status")
		record.CountByRoute()
		record.Add("lookup_ms", time.Millisecond)
		record.Age("keys_age_ms", time.Now())
		record.Count("statuses", "account", "true")
		record.End(status, "any", false)
		if members := membersOf(t, &written); members["lookup_ms"] != 1.0 || members["requests"] != 1.0 {
			t.Errorf("%d: %v", status, members)
		}
		_, metrics, _ := strings.Cut(written.String(), `"CloudWatchMetrics":`)
		if got := strings.TrimSuffix(metrics, "}}\n"); got != want {
			t.Errorf("%d: %s\nwant\n%s", status, got, want)
		}
	}
}

// pieces writes a byte at a time and lets other goroutines run in between.
type pieces struct{ strings.Builder }

func (p *pieces) Write(line []byte) (int, error) {
	for _, b := range line {
		p.WriteByte(b)
		runtime.Gosched()
	}
	return len(line), nil
}

func TestLoggersThatShareAWriterTakeTurns(t *testing.T) {
	out := &pieces{}
	shared := requestlog.Lines(out)
	var wait sync.WaitGroup
	for range 10 {
		log := requestlog.New(shared, "PortalFunction", "")
		wait.Go(func() { log.Begin("request-1", "other").End(200, "ok", false) })
	}
	wait.Wait()
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 10 {
		t.Errorf("%d lines, want 10", len(lines))
	}
	for _, line := range lines {
		requestlogtest.RequireMetrics(t, line)
	}
}

func TestARequestWithoutAnIDGetsOne(t *testing.T) {
	log := requestlog.New(&bytes.Buffer{}, "PortalFunction", "")
	first, second := log.Begin("", "other").RequestID(), log.Begin("", "other").RequestID()
	if first == "" || first == second {
		t.Errorf("%q and %q", first, second)
	}
}
