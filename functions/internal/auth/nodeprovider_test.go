//go:build integration

package auth

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// A nodeProvider is an OpenID provider that runs in Node, in its own process.
type nodeProvider struct{ URL string }

// A nodeAnswer holds the members of the provider's answers that the tests use.
type nodeAnswer struct {
	AccessToken string `json:"access_token"`
	IDToken     string `json:"id_token"`
	AuthReqID   string `json:"auth_req_id"`
}

// post sends a form to the path, as the client that both providers know.
func (p nodeProvider) post(t *testing.T, path string, form url.Values) nodeAnswer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, p.URL+path, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	req.SetBasicAuth("machine", "secret")
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var answer nodeAnswer
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("POST %s: %s, %v", path, resp.Status, err)
	}
	return answer
}

// rotate makes the provider replace all its keys.
func (p nodeProvider) rotate(t *testing.T) {
	t.Helper()
	resp, err := http.Post(p.URL+"/rotate", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Fatal(resp.Status)
	}
}

// opened decodes a token's header and payload, so that a test can check its format.
func opened(t *testing.T, token string) (header, payload m) {
	t.Helper()
	segments := strings.Split(token, ".")
	if len(segments) != 3 {
		t.Fatalf("a token of %d segments", len(segments))
	}
	for i, part := range []*m{&header, &payload} {
		text, err := base64.RawURLEncoding.DecodeString(segments[i])
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(text, part); err != nil {
			t.Fatal(err)
		}
	}
	return header, payload
}
