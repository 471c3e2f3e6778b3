package lambdahttp_test

import (
	"errors"
	"io"
	"log"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"

	"billingportal/functions/internal/lambdahttp"

	"github.com/aws/aws-lambda-go/events"
)

func TestHeaderValuesStayWhole(t *testing.T) {
	want := map[string]string{
		"accept":              "text/html,application/xhtml+xml;q=0.9, */*;q=0.8",
		"stripe-signature":    "t=1492774577,v1=5257a869e7,v0=6ffbb59b22",
		"user-agent":          "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko)",
		"x-date":              "Tue, 15 Nov 1994 08:12:31 GMT",
		"authorization":       "Bearer a.b.c,Bearer d.e.f",
		"x-empty":             "",
		"x-spaces-and-commas": " a , b ,, ",
	}
	r, _ := received(t, event(t, func(ev *events.APIGatewayV2HTTPRequest) { ev.Headers = want }))
	for name, value := range want {
		if got := r.Header.Values(name); !slices.Equal(got, []string{value}) {
			t.Errorf("%s = %q, want %q", name, got, value)
		}
	}
	if len(r.Header) != len(want) {
		t.Errorf("%d headers, want %d: %v", len(r.Header), len(want), r.Header)
	}
}

// API Gateway sends only lower-case names. But also with other events, no credential may get lost
// depending on the order of a map.
func TestHeaderNamesThatDifferInCaseAreBothKept(t *testing.T) {
	r, _ := received(t, event(t, func(ev *events.APIGatewayV2HTTPRequest) {
		ev.Headers = map[string]string{"authorization": "a", "Authorization": "b", "x-other": "c"}
	}))
	got := r.Header.Values("Authorization")
	slices.Sort(got)
	if !slices.Equal(got, []string{"a", "b"}) || r.Header.Get("X-Other") != "c" {
		t.Errorf("%v", r.Header)
	}
}

func TestAdaptersOwnHeadersAreRemoved(t *testing.T) {
	r, _ := received(t, event(t, func(ev *events.APIGatewayV2HTTPRequest) {
		ev.Headers = map[string]string{
			"x-golambdaproxy-apigw-context":   `{"accountId":"evil"}`,
			"X-GoLambdaProxy-ApiGw-StageVars": `{"a":"evil"}`,
			"X-GOLAMBDAPROXY-ANYTHING":        "evil",
			"x-kept":                          "kept",
		}
	}))
	if len(r.Header) != 1 || r.Header.Get("X-Kept") != "kept" {
		t.Errorf("%v", r.Header)
	}
}

func TestCookiesAreOneHeader(t *testing.T) {
	r, _ := received(t, event(t, func(ev *events.APIGatewayV2HTTPRequest) {
		ev.Cookies = []string{"__Host-session=a.b.c", "theme=dark", "empty="}
	}))
	if got := r.Header["Cookie"]; !slices.Equal(got, []string{"__Host-session=a.b.c; theme=dark; empty="}) {
		t.Errorf("Cookie = %q", got)
	}
	if c, err := r.Cookie("theme"); err != nil || c.Value != "dark" {
		t.Errorf("r.Cookie: %v, %v", c, err)
	}
	r, _ = received(t, event(t, nil))
	if got, ok := r.Header["Cookie"]; ok {
		t.Errorf("without cookies: Cookie = %q", got)
	}
	r, _ = received(t, event(t, func(ev *events.APIGatewayV2HTTPRequest) {
		ev.Headers["cookie"], ev.Cookies = "a=1", []string{"b=2"}
	}))
	if got := r.Header["Cookie"]; !slices.Equal(got, []string{"a=1; b=2"}) {
		t.Errorf("both forms: Cookie = %q", got)
	}
}

func TestHost(t *testing.T) {
	for name, tc := range map[string]struct{ header, domain, env, want string }{
		"the Host header": {"localhost:3000", "localhost", "", "localhost:3000"},
		"the gateway's domain without a Host header": {"", "api.example.com", "", "api.example.com"},
		"GO_API_HOST changes nothing": {"api.example.com", "api.example.com",
			"https://evil.example", "api.example.com"},
		"GO_API_HOST with a path changes nothing": {"", "api.example.com",
			"https://evil.example/base?q=", "api.example.com"},
	} {
		t.Run(name, func(t *testing.T) {
			if tc.env != "" {
				t.Setenv("GO_API_HOST", tc.env)
			}
			r, _ := received(t, event(t, func(ev *events.APIGatewayV2HTTPRequest) {
				ev.RequestContext.DomainName = tc.domain
				delete(ev.Headers, "host")
				if tc.header != "" {
					ev.Headers["host"] = tc.header
				}
			}))
			if r.Host != tc.want {
				t.Errorf("Host = %q, want %q", r.Host, tc.want)
			}
			// As with net/http's server, Host is not in the map and the URL is relative.
			if r.Header.Get("Host") != "" || r.URL.String() != "/billing/portal" {
				t.Errorf("header %q, URL %q", r.Header.Get("Host"), r.URL)
			}
		})
	}
}

func TestRemoteAddrIsHostAndPort(t *testing.T) {
	for ip, want := range map[string]string{
		"203.0.113.7":    "203.0.113.7:0",
		"2001:db8::1":    "[2001:db8::1]:0",
		"::ffff:1.2.3.4": "[::ffff:1.2.3.4]:0",
	} {
		r, _ := received(t, event(t, func(ev *events.APIGatewayV2HTTPRequest) { ev.RequestContext.HTTP.SourceIP = ip }))
		if r.RemoteAddr != want {
			t.Errorf("RemoteAddr = %q, want %q", r.RemoteAddr, want)
		}
		if _, err := netip.ParseAddrPort(r.RemoteAddr); err != nil {
			t.Error(err)
		}
	}
}

func TestBody(t *testing.T) {
	for name, tc := range map[string]struct {
		body   string
		base64 bool
		want   string
	}{
		"text":                     {"a=1&b=2", false, "a=1&b=2"},
		"base64":                   {"YT0xJmI9Mg==", true, "a=1&b=2"},
		"base64 of binary":         {"AP/+gA==", true, "\x00\xff\xfe\x80"},
		"text that is also base64": {"YT0x", false, "YT0x"},
		"empty":                    {"", false, ""},
		"empty base64":             {"", true, ""},
	} {
		t.Run(name, func(t *testing.T) {
			r, got := received(t,
				event(t, func(ev *events.APIGatewayV2HTTPRequest) { ev.Body, ev.IsBase64Encoded = tc.body, tc.base64 }))
			if got != tc.want || r.ContentLength != int64(len(tc.want)) {
				t.Errorf("%q with ContentLength %d, want %q", got, r.ContentLength, tc.want)
			}
		})
	}
}

func TestMethodIsKeptAsSent(t *testing.T) {
	// Methods are case-sensitive (RFC 9110, section 9.1). The adapter would change "post" to POST.
	for _, method := range []string{"POST", "GET", "HEAD", "OPTIONS", "DELETE", "PROPFIND", "post",
		"M-SEARCH", "AZ-az09"} {
		r, _ := received(t,
			event(t, func(ev *events.APIGatewayV2HTTPRequest) { ev.RequestContext.HTTP.Method = method }))
		if r.Method != method {
			t.Errorf("%q became %q", method, r.Method)
		}
	}
}

func TestPath(t *testing.T) {
	for name, tc := range map[string]struct{ raw, http, want, uri string }{
		"rawPath":                       {"/billing/portal", "", "/billing/portal", "/billing/portal"},
		"http.path if rawPath is empty": {"", "/billing/portal", "/billing/portal", "/billing/portal"},
		"an escape":                     {"/a%20b", "", "/a b", "/a%20b"},
		"decoded by the gateway":        {"/a b", "", "/a b", "/a%20b"},
		"a decoded fragment sign":       {"/a#b", "", "/a#b", "/a%23b"},
		"not ASCII":                     {"/ü", "", "/ü", "/%C3%BC"},
		"two slashes do not begin a host": {"//evil.example/billing", "", "//evil.example/billing",
			"//evil.example/billing"},
		"dots stay": {"/a/../b", "", "/a/../b", "/a/../b"},
	} {
		t.Run(name, func(t *testing.T) {
			r, _ := received(t, event(t, func(ev *events.APIGatewayV2HTTPRequest) {
				ev.RawPath, ev.RequestContext.HTTP.Path = tc.raw, tc.http
			}))
			if r.URL.Path != tc.want || r.RequestURI != tc.uri || r.URL.Host != "" {
				t.Errorf("path %q, URI %q, host %q; want %q, %q, none", r.URL.Path, r.RequestURI,
					r.URL.Host, tc.want, tc.uri)
			}
		})
	}
}

const marker = "marker-that-must-not-be-printed"

var refusals = map[string]struct {
	payload string                                // the whole payload, unless edit is set
	edit    func(*events.APIGatewayV2HTTPRequest) // changes a valid event
	want    error
}{
	"JSON without its end": {payload: `{"version":"2.0","rawPath":"` + marker, want: lambdahttp.ErrBadRequest},
	"not JSON":             {payload: marker, want: lambdahttp.ErrBadRequest},
	"nothing":              {payload: "", want: lambdahttp.ErrBadRequest},
	"a header that is not a string": {payload: `{"version":"2.0","rawPath":"/","headers":{"a":{"b":"` + marker + `"}}}`,
		want: lambdahttp.ErrBadRequest},
	"a body that is not a string": {payload: `{"version":"2.0","rawPath":"/","body":{"a":"` + marker + `"}}`,
		want: lambdahttp.ErrBadRequest},

	"undecodable base64": {edit: func(ev *events.APIGatewayV2HTTPRequest) {
		ev.Body, ev.IsBase64Encoded = marker+"!", true
	}, want: lambdahttp.ErrBadRequest},
	"base64 without its padding": {edit: func(ev *events.APIGatewayV2HTTPRequest) {
		ev.Body, ev.IsBase64Encoded = "YQ", true
	}, want: lambdahttp.ErrBadRequest},
	"a path that does not decode": {edit: func(ev *events.APIGatewayV2HTTPRequest) { ev.RawPath = "/100%" },
		want: lambdahttp.ErrBadRequest},
	"a bad escape": {edit: func(ev *events.APIGatewayV2HTTPRequest) { ev.RawPath = "/%zz" },
		want: lambdahttp.ErrBadRequest},
	"a path without a slash": {edit: func(ev *events.APIGatewayV2HTTPRequest) {
		ev.RawPath = "evil.example"
	}, want: lambdahttp.ErrBadRequest},
	"an absolute URL": {edit: func(ev *events.APIGatewayV2HTTPRequest) {
		ev.RawPath = "https://evil.example/"
	}, want: lambdahttp.ErrBadRequest},
	"userinfo that moves the host": {edit: func(ev *events.APIGatewayV2HTTPRequest) {
		ev.RawPath = "@evil.example/"
	}, want: lambdahttp.ErrBadRequest},
	"no path": {edit: func(ev *events.APIGatewayV2HTTPRequest) {
		ev.RawPath, ev.RequestContext.HTTP.Path = "", ""
	}, want: lambdahttp.ErrBadRequest},
	"a path with a query": {edit: func(ev *events.APIGatewayV2HTTPRequest) {
		ev.RawPath = "/a?b=" + marker
	}, want: lambdahttp.ErrBadRequest},
	"a control character": {edit: func(ev *events.APIGatewayV2HTTPRequest) { ev.RawPath = "/a\r\nb" },
		want: lambdahttp.ErrBadRequest},
	"a control character in a query": {edit: func(ev *events.APIGatewayV2HTTPRequest) {
		ev.RawQueryString = "a=\x7f"
	}, want: lambdahttp.ErrBadRequest},
	"no method": {edit: func(ev *events.APIGatewayV2HTTPRequest) {
		ev.RequestContext.HTTP.Method = ""
	}, want: lambdahttp.ErrBadRequest},
	"an invalid method": {edit: func(ev *events.APIGatewayV2HTTPRequest) {
		ev.RequestContext.HTTP.Method = "PO ST"
	}, want: lambdahttp.ErrBadRequest},
	"a method with the character after z": {edit: func(ev *events.APIGatewayV2HTTPRequest) {
		ev.RequestContext.HTTP.Method = "A{"
	}, want: lambdahttp.ErrBadRequest},
	"a method with the character after 9": {edit: func(ev *events.APIGatewayV2HTTPRequest) {
		ev.RequestContext.HTTP.Method = "A:"
	}, want: lambdahttp.ErrBadRequest},
	"a method with the character before 0": {edit: func(ev *events.APIGatewayV2HTTPRequest) {
		ev.RequestContext.HTTP.Method = "A/"
	}, want: lambdahttp.ErrBadRequest},
	"a method that is not ASCII": {edit: func(ev *events.APIGatewayV2HTTPRequest) {
		ev.RequestContext.HTTP.Method = "PÖST"
	}, want: lambdahttp.ErrBadRequest},

	"payload version 1.0": {edit: func(ev *events.APIGatewayV2HTTPRequest) { ev.Version = "1.0" },
		want: lambdahttp.ErrPayloadVersion},
	"no version (a REST API)": {edit: func(ev *events.APIGatewayV2HTTPRequest) { ev.Version = "" },
		want: lambdahttp.ErrPayloadVersion},
	"a later version": {edit: func(ev *events.APIGatewayV2HTTPRequest) { ev.Version = "3.0" },
		want: lambdahttp.ErrPayloadVersion},
	"a version that is a number": {payload: `{"version":2.0,"rawPath":"/"}`, want: lambdahttp.ErrPayloadVersion},
	"a scheduled event": {payload: `{"version":"0","source":"aws.events","detail-type":"Scheduled ` +
		`Event","detail":{}}`, want: lambdahttp.ErrPayloadVersion},
	"JSON that is not an event": {payload: `null`, want: lambdahttp.ErrPayloadVersion},
	"a list of events":          {payload: `[]`, want: lambdahttp.ErrPayloadVersion},
	"a load balancer's event": {payload: `{"requestContext":{"elb":{}},"httpMethod":"GET","path":"/",` +
		`"headers":{},"isBase64Encoded":false}`, want: lambdahttp.ErrPayloadVersion},
	"an older version, wrong types": {payload: `{"version":"1.0","cookies":"` + marker + `"}`,
		want: lambdahttp.ErrPayloadVersion},
}

var refusalTexts = []string{
	"not JSON", "a member of the event has the wrong type", "invalid method", "invalid path",
	"invalid path or query",
	"the body is not base64", "the event is not of payload format 2.0",
}

// Each refused event also has the marker in its query string, headers and cookies. If the adapter
// cannot convert an event, it prints the URL to the standard logger and to standard output.
func TestRefusals(t *testing.T) {
	for name, tc := range refusals {
		t.Run(name, func(t *testing.T) {
			payload := []byte(tc.payload)
			if tc.edit != nil {
				payload = event(t, func(ev *events.APIGatewayV2HTTPRequest) {
					ev.RawQueryString = "access_token=" + marker
					ev.Headers["authorization"] = "Bearer " + marker
					ev.Cookies = []string{"session=" + marker}
					tc.edit(ev)
				})
			}
			printed := capture(t, func() {
				r, err := refused(t, payload)
				if !errors.Is(err, tc.want) {
					t.Errorf("error = %v, want %v", err, tc.want)
				}
				if text := err.Error(); !slices.Contains(refusalTexts, text[strings.LastIndex(text, ": ")+2:]) {
					t.Errorf("the error is not a fixed text and may quote the event: %v", err)
				}
				if path := r.URL.Path; path != "/" && path != "/billing/portal" || r.Body == nil ||
					r.Header == nil || r.Context() == nil {
					t.Errorf("not a request to answer: %+v", r)
				}
			})
			if printed != "" {
				t.Errorf("printed: %s", printed)
			}
		})
	}
}

func TestRefusalCanBeNegotiated(t *testing.T) {
	r, err := refused(t, event(t, func(ev *events.APIGatewayV2HTTPRequest) { ev.RawPath = "/100%" }))
	if r.Method != "POST" || r.Header.Get("Accept") == "" || !errors.Is(err, lambdahttp.ErrBadRequest) {
		t.Errorf("2.0: %s %v, %v", r.Method, r.Header, err)
	}
	if id := lambdahttp.RequestID(r.Context()); id != "JKJaXmPLvHcESHA=" {
		t.Errorf("2.0: RequestID = %q", id)
	}

	r, err = refused(t, readFile(t, "testdata/payload-1.0.json"))
	if r.Method != "POST" || r.Header.Get("Accept") != "text/html" || !errors.Is(err, lambdahttp.ErrPayloadVersion) {
		t.Errorf("1.0: %s %v, %v", r.Method, r.Header, err)
	}
	if id := lambdahttp.RequestID(r.Context()); id != "id=" {
		t.Errorf("1.0: RequestID = %q", id)
	}
}

// A GO_API_HOST that is not a URL is a fault of the function itself. It causes a function error
// that quotes nothing of the request.
func TestInvalidAPIHostLeaksNothing(t *testing.T) {
	t.Setenv("GO_API_HOST", "http://%zz")
	payload := event(t, func(ev *events.APIGatewayV2HTTPRequest) {
		ev.RawPath, ev.RawQueryString, ev.Body = "/"+marker, marker, marker
		ev.Headers["authorization"] = marker
	})
	printed := capture(t, func() {
		out, err := lambdahttp.New(nil, nil, "", maxBody).Invoke(t.Context(), payload)
		if err == nil || strings.Contains(err.Error(), marker) {
			t.Errorf("%s, %v", out, err)
		}
	})
	if strings.Contains(printed, marker) {
		t.Errorf("printed: %s", printed)
	}
}

// capture returns everything that f prints to the standard logger and to standard output.
func capture(t *testing.T, f func()) string {
	t.Helper()
	file, err := os.CreateTemp(t.TempDir(), "stdout")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	stdout := os.Stdout
	os.Stdout = file
	log.SetOutput(file)
	defer func() {
		os.Stdout = stdout
		log.SetOutput(os.Stderr)
	}()
	f()
	printed, err := io.ReadAll(io.NewSectionReader(file, 0, 1<<20))
	if err != nil {
		t.Fatal(err)
	}
	return string(printed)
}
