package params

import (
	"net/url"
	"strings"
	"testing"
)

func TestReturnURL(t *testing.T) {
	policy := Policy{AllowedOrigins: []Origin{"https://app.example.com", "https://other.example.com:8443",
		"http://localhost:3000", "http://[::1]:3000"}}
	long := func(n int) string {
		return "https://app.example.com/" + strings.Repeat("a", n-len("https://app.example.com/"))
	}
	for rawURL, want := range map[string]bool{
		"https://app.example.com":                      true,
		"https://app.example.com/":                     true,
		"https://app.example.com/a?b=c#d":              true,
		"https://app.example.com/~alice":               true,
		"https://APP.Example.COM/":                     true,
		"HTTPS://app.example.com/":                     true,
		"https://app.example.com:443/":                 true,
		"https://app.example.com:/":                    true,
		"https://app.example.com/?next=//evil":         true,
		"https://other.example.com:8443/a":             true,
		"http://localhost:3000/":                       true,
		"http://[::1]:3000/":                           true,
		long(2048):                                     true,
		long(2049):                                     false,
		"":                                             false,
		"//evil":                                       false,
		"/account":                                     false,
		`/\evil`:                                       false,
		`\\evil`:                                       false,
		"https://app@evil":                             false,
		"https://app.example.com@evil.example":         false,
		"https://app.example.com:x@evil.example":       false,
		"https://@app.example.com/":                    false,
		"https://app.evil":                             false,
		"https://app.example.com.evil.example":         false,
		"https://evil.example/app.example.com":         false,
		"https://evil.example?https://app.example.com": false,
		"https://evil.example#https://app.example.com": false,
		`https://evil.example\@app.example.com`:        false,
		`https://app.example.com\@evil.example`:        false,
		`https://app.example.com\.evil.example`:        false,
		`https://app.example.com/\`:                    false,
		`https:\\app.example.com`:                      false,
		"https:app.example.com":                        false,
		"https:/app.example.com":                       false,
		"https:///app.example.com":                     false,
		"https://":                                     false,
		"https://app.example.com:444/":                 false,
		"https://app.example.com:80/":                  false,
		"https://other.example.com/":                   false,
		"https://app.example.com./":                    false,
		"https://sub.app.example.com/":                 false,
		"https://app.example.com:0443/":                false,
		"https://app%2eexample.com/":                   false,
		"https://app.example.com%00.evil/":             false,
		"http://app.example.com/":                      false,
		"http://localhost:3001/":                       false,
		"https://localhost:3000/":                      false,
		"javascript:alert(1)":                          false,
		"javascript://app.example.com/%0aalert(1)":     false,
		"data:text/html,x":                             false,
		"ftp://app.example.com/":                       false,
		"https://app.example.com/\r\nSet-Cookie: a":    false,
		"https://app.example.com/\t":                   false,
		"ht\ntps://app.example.com/":                   false,
		" https://app.example.com/":                    false,
		"https://app.example.com/ ":                    false,
		"https://app.example.com/\x00":                 false,
		"https://app.example.com/ü":                    false,
		"https://äpp.example.com/":                     false,
		"https://app。example.com/":                     false,
		"null":                                         false,
		"*":                                            false,
	} {
		if got := policy.isReturnURL(rawURL); got != want {
			t.Errorf("isReturnURL(%q) = %v", rawURL, got)
		}
	}
}

func TestParseOrigin(t *testing.T) {
	for s, want := range map[string]Origin{
		"https://app.example.com":          "https://app.example.com",
		"https://App.Example.com/":         "https://app.example.com",
		"https://app.example.com:443":      "https://app.example.com",
		"https://app.example.com:8443":     "https://app.example.com:8443",
		"http://localhost:3000":            "http://localhost:3000",
		"http://127.0.0.1":                 "http://127.0.0.1",
		"http://localhost:80":              "http://localhost",
		"http://[::1]:3000":                "http://[::1]:3000",
		"http://app.example.com":           "",
		"https://app.example.com/path":     "",
		"https://app.example.com?":         "",
		"https://app.example.com#":         "",
		"https://user@app.example.com":     "",
		"*":                                "",
		"null":                             "",
		"https://*.example.com":            "",
		"app.example.com":                  "",
		"https://app.example.com,https://": "",
	} {
		got, err := ParseOrigin(s)
		if (err != nil) != (want == "") || got != want {
			t.Errorf("ParseOrigin(%q) = %q, %v", s, got, err)
		}
	}
}

// FuzzReturnURL checks that every parser finds the allowed host in an accepted URL.
func FuzzReturnURL(f *testing.F) {
	for _, seed := range []string{
		"https://app.example.com/a", `https://app.example.com\@evil`, "https://app@evil", "//evil",
		"https:///app.example.com", "https://app.example.com:443/",
	} {
		f.Add(seed)
	}
	policy := Policy{AllowedOrigins: []Origin{"https://app.example.com"}}
	f.Fuzz(func(t *testing.T, rawURL string) {
		if !policy.isReturnURL(rawURL) {
			return
		}
		u, err := url.Parse(rawURL)
		if err != nil || !strings.EqualFold(u.Hostname(), "app.example.com") || u.User != nil {
			t.Errorf("accepted %q", rawURL)
		}
		rest, found := strings.CutPrefix(strings.ToLower(rawURL), "https://app.example.com")
		if !found || (rest != "" && !strings.ContainsAny(rest[:1], ":/?#")) {
			t.Errorf("accepted %q", rawURL)
		}
	})
}
