package importer

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// The rate and the time left count only this run: its time does not include earlier runs.
func TestTimeLeftCountsThisRun(t *testing.T) {
	var out strings.Builder
	now := time.Unix(1_700_000_000, 0)
	l := &lines{w: &out, every: 10 * time.Second, now: func() time.Time { return now }}
	l.Start("import", 900_000, 1_000_000)
	for range 20 {
		now = now.Add(time.Second)
		l.Read(1000)
	}
	const want = "import: 910000 read, 1000 a second, 91 % of 1000000, 1m30s left\nimport: 920000 read, 1000 a " +
		"second, 92 % of 1000000, 1m20s left\n"
	if out.String() != want {
		t.Errorf("%s\nwant\n%s", &out, want)
	}
}

// A phase counts nothing of the phase before. If its end is not known, no time left is shown.
func TestEachPhaseIsCountedSeparately(t *testing.T) {
	var out strings.Builder
	now := time.Unix(1_700_000_000, 0)
	l := &lines{w: &out, every: 10 * time.Second, now: func() time.Time { return now }}
	l.Start("read", 0, 10)
	l.Read(10)
	now = now.Add(time.Hour)
	l.Start("import", 0, 0)
	now = now.Add(10 * time.Second)
	l.Read(50)
	if want := "import: 50 read, 5 a second\n"; out.String() != want {
		t.Errorf("%s\nwant\n%s", &out, want)
	}
}

// A line is printed after ten seconds, and not earlier.
func TestALineComesEveryTenSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out strings.Builder
		l := Lines(&out)
		l.Start("read customers", 0, 0)
		for range 3 {
			time.Sleep(10*time.Second - time.Millisecond)
			l.Read(30)
			time.Sleep(time.Millisecond)
			l.Read(20)
		}
		l.Stop()
		const want = "read customers: 50 read, 5 a second\nread customers: 100 read, 5 a second\nread customers: 150 " +
			"read, 5 a second\n"
		if out.String() != want {
			t.Errorf("%s\nwant\n%s", &out, want)
		}
	})
}

// The bar shows the remaining part, with the rate of this run.
func TestTheBarShowsTheRemainingPart(t *testing.T) {
	var out strings.Builder
	b := &bar{w: &out}
	b.Start("import", 900, 1000)
	if left := b.bar.GetMax64(); left != 100 {
		t.Errorf("%d are left, want 100", left)
	}
	b.Read(100)
	b.Stop()
	if !strings.Contains(out.String(), "(900 done before)") || !strings.Contains(out.String(), "100%") {
		t.Errorf("%q", out.String())
	}
}
