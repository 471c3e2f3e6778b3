package operator

import (
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"billingportal/local/internal/fakestripe/account"
)

func TestAVerificationThatCorrectsEverythingSucceeds(t *testing.T) {
	t.Parallel()
	c := newCompany(t, 3)
	if output, err := c.run(t); err != nil {
		t.Fatalf("%v: %s", err, output)
	}
	c.Stripe.Change(func(d *account.Data) { d.Customers[1].Deleted = true })
	if output, err := c.run(t, "--verify", "--fix"); err != nil || !strings.Contains(output, "; 1 corrected") {
		t.Errorf("%v: %s", err, output)
	}
}

// A dry run keeps no state, so it does not promise to continue.
func TestAnInterruptedRunSaysHowToContinue(t *testing.T) {
	t.Parallel()
	const continues = "interrupted; run the same command again to continue from here"
	for _, mode := range []string{"", "--dry-run"} {
		c := newCompany(t, 150)
		c.before = func(w http.ResponseWriter, r *http.Request) bool {
			isSecondPage := strings.Contains(r.URL.RawQuery, "starting_after")
			if isSecondPage {
				w.WriteHeader(http.StatusUnauthorized)
				_, _ = io.WriteString(w, `{"error":{"type":"invalid_request_error"}}`)
			}
			return isSecondPage
		}
		arguments := []string{"--state", filepath.Join(t.TempDir(), "state")}
		if mode != "" {
			arguments = append(arguments, mode)
		}
		output, err := c.run(t, arguments...)
		if err == nil || strings.Contains(err.Error(), continues) != (mode == "") {
			t.Errorf("%q: %v: %s", mode, err, output)
		}
	}
}
