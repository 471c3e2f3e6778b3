package gateway

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"
)

// These events come from the real API Gateway. get.json is recorded (aws-lambda-go's testdata).
// documented.json is the example of the developer guide, with the headers that it leaves out. The
// tests of the functions read form.json.
func TestEvent(t *testing.T) {
	for name, tc := range map[string]struct {
		request    string
		remoteAddr string
		id         string
		epoch      int64
	}{
		"get.json": {
			"GET / HTTP/1.1\nHost: aaaaaaaaaa.execute-api.us-west-2.amazonaws.com\nUser-Agent: curl/7.58.0\nAccept: " +
				"*/*\n\n",
			"1.2.3.4:50000", "LV7fzho-PHcEJPw=", 1587481701067,
		},
		"documented.json": {
			"POST /my/path?parameter1=value1&parameter1=value2&parameter2=value HTTP/1.1\n" +
				"Host: id.execute-api.us-east-1.amazonaws.com\nUser-Agent: agent\nHeader1: value1\nHeader2: value1\n" +
				"Cookie: cookie1; cookie2\nheader2: value2\nContent-Type: text/plain\nContent-Length: 17\n\nHello " +
				"from Lambda",
			"192.0.2.1:50000", "id", 1583348638390,
		},
		"form.json": {
			"POST /billing/portal?a=%20b&a=c HTTP/1.1\nHost: 127.0.0.1:8080\nConnection: keep-alive\nTE: trailers\n" +
				"Accept: text/html,application/xhtml+xml;q=0.9, */*;q=0.8\nOrigin: http://127.0.0.1:8080\n" +
				"User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko)\n" +
				"X-Forwarded-For: 198.51.100.1\nCookie: __Host-session=a.b.c;theme=dark; \nCookie: more=1\n" +
				"Content-Type: application/x-www-form-urlencoded\nContent-Length: 9\n\nlocale=de",
			"[2001:db8::1]:50000", "JKJaXmPLvHcESHA=", 1584039838390,
		},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(strings.ReplaceAll(tc.request, "\n", "\r\n"))))
			if err != nil {
				t.Fatal(err)
			}
			r.RemoteAddr = tc.remoteAddr
			body, err := io.ReadAll(r.Body)
			if err != nil {
				t.Fatal(err)
			}
			key, parameters, ok := route(r.Method, path(r))
			if !ok {
				t.Fatal("no route")
			}
			got, err := json.Marshal(newEvent(r, key, parameters, body, tc.id, time.UnixMilli(tc.epoch)))
			if err != nil {
				t.Fatal(err)
			}
			want, err := os.ReadFile("testdata/" + name)
			if err != nil {
				t.Fatal(err)
			}
			compare(t, flatten(t, got), flatten(t, want))
		})
	}
}

// varies matches the values that differ on a development server: it has no account, API or TLS, and
// its own trace IDs.
var varies = regexp.MustCompile(`^\.requestContext\.(apiId|accountId)$|^\.headers\.x-(amzn-trace-id|forwarded-.*)$`)

func compare(t *testing.T, got, want map[string]any) {
	t.Helper()
	for name := range maps.Keys(want) {
		if _, ok := got[name]; !ok {
			t.Errorf("%s is missing, want %v", name, want[name])
		} else if got[name] != want[name] && (!varies.MatchString(name) || want[".requestContext.apiId"] == "local") {
			t.Errorf("%s = %v, want %v", name, got[name], want[name])
		}
	}
	for name := range maps.Keys(got) {
		if _, ok := want[name]; !ok && !varies.MatchString(name) {
			t.Errorf("%s = %v, want no value", name, got[name])
		}
	}
	if trace := fmt.Sprint(got[".headers.x-amzn-trace-id"]); !regexp.MustCompile(
		`^Root=1-[0-9a-f]{8}-[0-9a-f]{24}$`).MatchString(trace) {
		t.Errorf("trace ID %q", trace)
	}
}

// flatten returns every value of a JSON document by its path.
func flatten(t *testing.T, doc []byte) map[string]any {
	t.Helper()
	var v any
	if err := json.Unmarshal(doc, &v); err != nil {
		t.Fatal(err)
	}
	out := map[string]any{}
	var walk func(string, any)
	walk = func(path string, v any) {
		switch v := v.(type) {
		case map[string]any:
			for name, member := range v {
				walk(path+"."+name, member)
			}
		case []any:
			for i, element := range v {
				walk(fmt.Sprintf("%s[%d]", path, i), element)
			}
		default:
			out[path] = v
		}
	}
	walk("", v)
	return out
}

// Others measured this at HTTP APIs: text/* and three more types arrive as text.
func TestBodiesThatArriveInBase64(t *testing.T) {
	for contentType, base64 := range map[string]bool{
		"":                                  true,
		"application/x-www-form-urlencoded": true,
		"multipart/form-data; boundary=x":   true,
		"application/octet-stream":          true,
		"application/problem+json":          true,
		"image/png":                         true,
		"application/json":                  false,
		"Application/JSON; charset=utf-8":   false,
		"application/xml":                   false,
		"application/javascript":            false,
		"text/plain":                        false,
		"text/html; charset=utf-8":          false,
	} {
		r, _ := http.NewRequest(http.MethodPost, "http://127.0.0.1/", nil)
		r.Header.Set("Content-Type", contentType)
		ev := newEvent(r, "ANY /", nil, []byte("a"), "", time.Unix(0, 0))
		want := "a"
		if base64 {
			want = "YQ=="
		}
		if ev.IsBase64Encoded != base64 || ev.Body != want {
			t.Errorf("%q: %q, base64 %v; want %v", contentType, ev.Body, ev.IsBase64Encoded, base64)
		}
		if ev = newEvent(r, "ANY /", nil, nil, "", time.Unix(0, 0)); ev.IsBase64Encoded || ev.Body != "" {
			t.Errorf("%q without a body: %q, base64 %v", contentType, ev.Body, ev.IsBase64Encoded)
		}
	}
}

func TestPathArrivesDecoded(t *testing.T) {
	for target, want := range map[string]string{
		"/billing/portal":       "/billing/portal",
		"/a%20b":                "/a b",
		"/a%2Fb":                "/a/b",
		"/100%25":               "/100%",
		"/users/me%3Fadmin=1":   "/users/me",
		"/a?b=%20":              "/a",
		"//evil.example/%2e%2e": "//evil.example/..",
	} {
		r, err := http.ReadRequest(bufio.NewReader(strings.NewReader("GET " + target + " HTTP/1.1\r\nHost: a\r\n\r\n")))
		if err != nil {
			t.Fatal(err)
		}
		ev := newEvent(r, "", nil, nil, "", time.Unix(0, 0))
		if ev.RawPath != want || ev.RequestContext.HTTP.Path != want || ev.RawQueryString != r.URL.RawQuery {
			t.Errorf("%s: rawPath %q, path %q, query %q; want %q", target, ev.RawPath, ev.RequestContext.HTTP.Path,
				ev.RawQueryString, want)
		}
	}
}

func TestRoute(t *testing.T) {
	for request, want := range map[string]string{
		"POST /billing/portal":    "POST /billing/portal",
		"GET /billing/portal":     "GET /{proxy+}",
		"POST /billing/portal/":   "POST /{proxy+}",
		"GET /billing/status":     "GET /billing/status",
		"HEAD /billing/status":    "HEAD /{proxy+}",
		"POST /billing/status":    "POST /{proxy+}",
		"OPTIONS /billing/status": "",
		"POST /stripe/webhook":    "ANY /stripe/webhook",
		"OPTIONS /stripe/webhook": "ANY /stripe/webhook",
		"POST /stripe/webhook/":   "POST /{proxy+}",
		"POST /stripe/webhooks":   "POST /{proxy+}",
		"GET /":                   "ANY /",
		"OPTIONS /":               "ANY /",
		"PROPFIND /":              "ANY /",
		"DELETE /x":               "DELETE /{proxy+}",
		"OPTIONS /billing/portal": "",
		"PROPFIND /x":             "",
		"OPTIONS *":               "",
		"post /billing/portal":    "",
	} {
		method, path, _ := strings.Cut(request, " ")
		if got, _, ok := route(method, path); got != want || ok != (want != "") {
			t.Errorf("%s: %q, %v; want %q", request, got, ok, want)
		}
	}
}

// The development server responds like the deployment: values that are written in both places must
// be equal.
func TestTemplateAgrees(t *testing.T) {
	text, err := os.ReadFile("../../../template.yaml")
	if err != nil {
		t.Fatal(err)
	}
	type cors struct {
		Origins     any      `yaml:"allowOrigins"` // an expression
		Methods     []string `yaml:"allowMethods"`
		Headers     []string `yaml:"allowHeaders"`
		Exposed     []string `yaml:"exposeHeaders"`
		Credentials bool     `yaml:"allowCredentials"`
		MaxAge      string   `yaml:"maxAge"`
	}
	var template struct {
		Resources map[string]struct {
			Properties struct {
				Timeout int `yaml:"Timeout"`
				Events  map[string]struct {
					Properties struct {
						Method string `yaml:"Method"`
						Path   string `yaml:"Path"`
					} `yaml:"Properties"`
				} `yaml:"Events"`
				Body struct {
					CORS cors `yaml:"x-amazon-apigateway-cors"`
				} `yaml:"DefinitionBody"`
			} `yaml:"Properties"`
		} `yaml:"Resources"`
	}
	if err := yaml.Unmarshal(text, &template); err != nil {
		t.Fatal(err)
	}

	routes := map[string]bool{}
	for _, event := range template.Resources["PortalFunction"].Properties.Events {
		routes[event.Properties.Method+" "+event.Properties.Path] = true
	}
	ours := map[string]bool{"POST /billing/portal": true, "GET /billing/status": true, "ANY /": true}
	for _, method := range proxied {
		ours[method+" /{proxy+}"] = true
	}
	if !maps.Equal(routes, ours) {
		t.Errorf("template.yaml has the routes %v, package gateway %v", routes, ours)
	}

	list := func(values string) []string { return strings.Split(values, ",") }
	got := template.Resources["PortalApi"].Properties.Body.CORS
	want := cors{got.Origins, list(allowMethods), list(allowHeaders), list(exposeHeaders), true, maxAge}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("the CORS configuration of template.yaml is %+v, of package gateway %+v", got, want)
	}
	for _, function := range []string{"PortalFunction", "WebhookFunction"} {
		if got := time.Duration(template.Resources[function].Properties.Timeout) * time.Second; got != defaultTimeout {
			t.Errorf("%s has the timeout %v in template.yaml, %v in package gateway", function, got, defaultTimeout)
		}
	}
}
