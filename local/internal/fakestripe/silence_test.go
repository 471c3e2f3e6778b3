package fakestripe

import (
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"testing"
)

// TestSilence runs itself as a process of its own, since the process that reports on tests needs its standard output.
func TestSilence(t *testing.T) {
	if os.Getenv("FAKESTRIPE_SILENCED") != "" {
		silenced()
	}
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestSilence$")
	child.Env = append(os.Environ(), "FAKESTRIPE_SILENCED=1")
	said, err := child.Output()
	if err != nil || string(said) != "heard\n" {
		t.Errorf("%v, said %q", err, said)
	}
}

// silenced has stripe-mock print as much as it likes, says one word and ends the process.
func silenced() {
	stdout, err := SilenceStripeMock()
	if err != nil {
		os.Exit(1)
	}
	s, err := New(Config{PublicURL: "http://127.0.0.1:8080", Keys: []string{testKey}})
	if err != nil {
		os.Exit(2)
	}
	request := httptest.NewRequest("GET", "/v1/products", nil)
	request.Header.Set("Authorization", "Bearer "+testKey)
	answer := httptest.NewRecorder()
	s.ServeHTTP(answer, request)
	if answer.Code != 200 {
		os.Exit(3)
	}
	if _, err := fmt.Fprintln(stdout, "heard"); err != nil {
		os.Exit(4)
	}
	os.Exit(0)
}
