package requestlog_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"strings"
	"testing"
	"time"

	"billingportal/functions/internal/requestlog"
	"billingportal/functions/internal/requestlog/requestlogtest"
)

// membersOf reads the one line that was written.
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

func TestALineHasWhatIsKnownOfTheRequest(t *testing.T) {
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
		"level": "INFO", "msg": "request", "function": "PortalFunction", "request_id": "request-1", "route": "/billing/portal",
		"status": 303.0, "code": "ok", "cold_start": true, "requests": 1.0, "release": "v1.2.3",
		"failures": 0.0, "cold_starts": 1.0, "lookup_ms": 2.0, "stripe_ms": 20.0, "customer_id": "cus_1", "attempts": 2.0, "events": 1.0, "effect": "claimed",
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

func TestTheFirstRequestAloneIsAColdStart(t *testing.T) {
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
			t.Error("a release where nobody has named one")
		}
	}
}

func TestWhatAnOperatorHasToMendIsAnError(t *testing.T) {
	var written bytes.Buffer
	requestlog.New(&written, "PortalFunction", "").Begin("request-1", "other").End(500, "internal", true)
	if level := membersOf(t, &written)["level"]; level != "ERROR" {
		t.Errorf("level = %v", level)
	}
}

func TestAWarningIsNoFailure(t *testing.T) {
	for isError, want := range map[bool]string{false: "WARN", true: "ERROR"} {
		var written bytes.Buffer
		record := requestlog.New(&written, "WebhookFunction", "").Begin("request-1", "other")
		record.Warn("the event has no object")
		record.End(200, "ok", isError)
		if members := membersOf(t, &written); members["level"] != want || members["warning"] != "the event has no object" || members["failures"] != 0.0 {
			t.Errorf("%v, want %s", members, want)
		}
	}
}

func TestFailuresAreCountedByTheVersionToo(t *testing.T) {
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
		if directives, _ := json.Marshal(members["_aws"]); !bytes.Contains(directives, []byte(`[["function","version"]]`)) {
			t.Errorf("no metric of the version: %s", directives)
		}
	}
}

func TestAgesAreOfWhatWasFetched(t *testing.T) {
	var written bytes.Buffer
	record := requestlog.New(&written, "PortalFunction", "").Begin("request-1", "other")
	record.Age("secret_age_ms", time.Now().Add(-time.Hour))
	record.Age("keys_age_ms", time.Time{})
	record.End(200, "ok", false)
	members := membersOf(t, &written)
	if age, _ := members["secret_age_ms"].(float64); age < 3_600_000 || age > 3_660_000 {
		t.Errorf("secret_age_ms = %v, want an hour", members["secret_age_ms"])
	}
	if age, said := members["keys_age_ms"]; said {
		t.Errorf("keys_age_ms = %v, of what was never fetched", age)
	}
}

func TestARequestWithoutAnIDGetsOne(t *testing.T) {
	log := requestlog.New(&bytes.Buffer{}, "PortalFunction", "")
	first, second := log.Begin("", "other").RequestID(), log.Begin("", "other").RequestID()
	if first == "" || first == second {
		t.Errorf("%q and %q", first, second)
	}
}
