//go:build integration

package params

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"os/exec"
	"strings"
	"testing"
)

// TestReturnURLAgreesWithBrowsers compares the rule with Node's URL, which is the WHATWG parser
// that browsers use. Thousands of strings combine parts that parsers read differently. Each
// accepted string must lead to the allowed origin.
func TestReturnURLAgreesWithBrowsers(t *testing.T) {
	const seed, count = 1, 50_000
	random := rand.New(rand.NewPCG(seed, seed)) //nolint:gosec // must be repeatable, not secret
	urls := make([]string, count)
	for i := range urls {
		urls[i] = strangeURL(random)
	}
	origins := browserOrigins(t, urls)

	policy := Policy{AllowedOrigins: []Origin{"https://app.example.com", "http://localhost:3000", "http://[::1]:8080"}}
	accepted := 0
	for i, rawURL := range urls {
		if !policy.isReturnURL(rawURL) {
			continue
		}
		accepted++
		ours, err := OriginOf(rawURL)
		if err != nil || origins[i] == nil || *origins[i] != string(ours) {
			t.Errorf("accepted %q as %s; a browser goes to %v", rawURL, ours, origins[i])
		}
	}
	t.Logf("%d of %d URLs accepted", accepted, count)
	if accepted < count/100 {
		t.Errorf("only %d of %d URLs are accepted: the test shows nothing", accepted, count)
	}
}

// strangeURL combines parts that are right, nearly right, or ambiguous.
func strangeURL(random *rand.Rand) string {
	pick := func(usual string, others ...string) string {
		if random.IntN(3) > 0 {
			return usual
		}
		return others[random.IntN(len(others))]
	}
	var u strings.Builder
	u.WriteString(pick("https", "http", "HTTPS", "hTTp", "javascript", "ftp", "file", "ws", "", " https",
		"https\t", "blob:https"))
	u.WriteString(pick("://", ":/", ":", ":///", `:\\`, `:/\`, "//", "", ":////", "://\t", "::"))
	u.WriteString(pick("", "user@", "user:pass@", "@", "app.example.com@", "app.example.com:443@", `app.example.com\@`,
		"app.example.com%40", "a:b@c@"))
	u.WriteString(pick("app.example.com", "APP.example.COM", "localhost", "[::1]", "[0:0:0:0:0:0:0:1]",
		"127.0.0.1", "0x7f.1", "2130706433",
		"evil.example", "app.example.com.", "app.example.com.evil.example", "app%2eexample%2ecom",
		"app。example.com", "аpp.example.com",
		"xn--pp-8ka.example.com", "app.example.com\x00", "app.\texample.com", "app.example.com%00", "", ".",
		"*.example.com", "[::ffff:127.0.0.1]"))
	u.WriteString(pick("", ":443", ":80", ":3000", ":8080", ":0443", ":", ":99999", ":-1", ":4 43", ":443:443", ":٤٤٣"))
	for range random.IntN(3) {
		u.WriteString(pick("/", "/path", "?q=1", "#f", "//evil.example", `/\evil.example`, `\@evil.example`,
			"@evil.example", "/..//evil", "?@evil", "#@evil",
			"\r\nLocation: //evil", " ", "\u2028", "/%2e%2e", ";", "%", "\x7f", "ü"))
	}
	if random.IntN(20) == 0 { // another character, anywhere
		s := u.String()
		at := random.IntN(len(s) + 1)
		return s[:at] + string(rune(random.IntN(0x100))) + s[at:]
	}
	return u.String()
}

func browserOrigins(t *testing.T, urls []string) []*string {
	t.Helper()
	input, err := json.Marshal(urls)
	if err != nil {
		t.Fatal(err)
	}
	node := exec.CommandContext(t.Context(), "node", "testdata/origins.js")
	node.Stdin = bytes.NewReader(input)
	output, err := node.Output()
	if err != nil {
		t.Fatalf("node: %v; run: make tools", err)
	}
	var origins []*string
	if err := json.Unmarshal(output, &origins); err != nil {
		t.Fatal(err)
	}
	if len(origins) != len(urls) {
		t.Fatalf("%d origins of %d URLs", len(origins), len(urls))
	}
	return origins
}
