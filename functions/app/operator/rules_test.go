package operator

import (
	"os"
	"regexp"
	"testing"

	"billingportal/functions/internal/auth"
)

func TestEveryReasonHasAdviceOrACause(t *testing.T) {
	source, err := os.ReadFile("../../internal/auth/reasons.go")
	if err != nil {
		t.Fatal(err)
	}
	constants := regexp.MustCompile(`Reason = "(.+)"`).FindAllSubmatch(source, -1)
	if len(constants) < 30 || len(constants) != len(refusals) {
		t.Errorf("%d reasons, %d refusals", len(constants), len(refusals))
	}
	for _, constant := range constants {
		if refusals[auth.Reason(constant[1])] == (Refusal{}) {
			t.Errorf("no advice for %q", constant[1])
		}
	}
}
