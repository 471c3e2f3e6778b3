package fakestripe

import (
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
)

// stripe-mock prints nothing to standard output, and other output is not lost.
func TestStripeMockPrintsNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "stdout")
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	stdout := os.Stdout
	os.Stdout = file
	defer func() { os.Stdout = stdout }()
	s, err := New(Config{PublicURL: "http://127.0.0.1:8080", Keys: []string{testKey}})
	if err != nil {
		t.Fatal(err)
	}
	request := httptest.NewRequest("GET", "/v1/products", nil)
	request.Header.Set("Authorization", "Bearer "+testKey)
	answer := httptest.NewRecorder()
	s.ServeHTTP(answer, request)
	_, _ = os.Stdout.WriteString("heard")
	if said, err := os.ReadFile(path); err != nil || string(said) != "heard" || answer.Code != 200 {
		t.Errorf("%v: standard output is %q, status %d", err, said, answer.Code)
	}
}
