package billing_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"billingportal/functions/faulttest"
)

// stripe-go has a logger that prints answers, including a portal's URL. This test runs the tests
// with faults once more in a separate process, and searches the whole output for texts from their
// servers.
func TestNothingIsPrinted(t *testing.T) {
	const tests = "^(TestAnswersTheSessionByteForByte|TestClasses|TestOnlyTheCustomersOwnSessionOfThisModeIsAccepted|" +
		"TestTheSessionURLLeadsToThePortal|TestARedirectIsFollowedNowhere|TestRetries|TestNoConnection|" +
		"TestAHangIsATimeout)$"
	command := exec.CommandContext(t.Context(), os.Args[0], "-test.run", tests) //nolint:gosec // itself
	output, err := command.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	for _, text := range []string{faulttest.Marker, sessionSecret, apiKey, "KEYx7Q", customer, "stripe.com"} {
		if strings.Contains(string(output), text) {
			t.Errorf("%q was printed:\n%s", text, output)
		}
	}
	if !strings.HasPrefix(string(output), "PASS\n") {
		t.Errorf("something was printed:\n%s", output)
	}
}
