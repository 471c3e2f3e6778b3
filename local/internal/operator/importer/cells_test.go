package importer

import (
	"strconv"
	"testing"
	"testing/synctest"
	"time"
)

// A claim may have the time of this second, but no later time: a claim in the future would take
// precedence over all events until then.
func TestClaimsInTheFutureAreRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		now := time.Now()
		for cell, want := range map[string]string{
			strconv.FormatInt(now.Unix(), 10):                                      "",
			now.UTC().Format(time.RFC3339):                                         "",
			strconv.FormatInt(now.Unix()+1, 10):                                    inFuture,
			now.Add(time.Second).UTC().Format(time.DateTime):                       inFuture,
			now.Add(time.Second).In(time.FixedZone("", 3600)).Format(time.RFC3339): inFuture,
			"99999999999":  inFuture,
			"100000000000": inMillis,
		} {
			if seconds, got := parseTime(cell); got != want || got == "" && seconds != now.Unix() {
				t.Errorf("%s at %d: %d, %q, want %q", cell, now.Unix(), seconds, got, want)
			}
		}
	})
}
