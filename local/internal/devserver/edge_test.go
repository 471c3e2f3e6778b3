package devserver_test

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"testing"
	"time"

	"billingportal/local/internal/devserver"
	"billingportal/local/internal/devserver/devservertest"
)

// edgeOrigin is the origin for browsers and Stripe with infra/edge.yaml.
const edgeOrigin = "https://billing.example.com"

// startEdge starts a proxy that forwards requests as CloudFront does with the policy
// AllViewerExceptHostHeader: all headers except Host, which becomes the origin's.
// https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/RequestAndResponseBehaviorCustomOrigin.html
func startEdge(t *testing.T, l *devservertest.Server) string {
	t.Helper()
	origin, err := url.Parse(l.Origin)
	if err != nil {
		t.Fatal(err)
	}
	edge := httptest.NewServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(origin) // the host too
		r.SetXForwarded()
		r.Out.Header.Set("Via", "2.0 abc.cloudfront.net (CloudFront)")
		r.Out.Header.Set("X-Amz-Cf-Id", "abc")
	}})
	t.Cleanup(edge.Close)
	return edge.URL
}

// at returns a server with another origin.
func at(l *devservertest.Server, origin string) *devservertest.Server {
	there := *l.Server
	there.Origin = origin
	return &devservertest.Server{Server: &there}
}

func TestBehindTheEdgeEverythingPasses(t *testing.T) {
	l, _ := devservertest.Start(t)
	edge := startEdge(t, l)
	token, err := l.Issuer.Token("alice", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name, method, path, body string
		headers                  map[string]string
		status                   int
		want                     map[string]string // headers of the answer
	}{
		{"a token", "POST", "/billing/portal", "", map[string]string{"Authorization": "Bearer " + token}, 303,
			map[string]string{"Cache-Control": "no-store"}},
		{"none", "POST", "/billing/portal", "", map[string]string{"Origin": l.Origin}, 401,
			map[string]string{"Www-Authenticate": "Bearer", "Access-Control-Allow-Origin": l.Origin}},
		{"a field", "POST", "/billing/portal", "access_token=" + token,
			map[string]string{"Content-Type": "application/x-www-form-urlencoded"}, 303, nil},
		{"a cookie", "POST", "/billing/portal", "", map[string]string{"Cookie": "session=" + token, "Origin": l.Origin,
			"Sec-Fetch-Site": "same-site"}, 303, nil},
		{
			"a preflight", "OPTIONS", "/billing/portal", "",
			map[string]string{"Origin": l.Origin, "Access-Control-Request-Method": "POST",
				"Access-Control-Request-Headers": "authorization"},
			204, map[string]string{"Access-Control-Allow-Origin": l.Origin, "Access-Control-Max-Age": "7200"},
		},
		{"a status", "GET", "/billing/status", "", map[string]string{"Authorization": "Bearer " + token,
			"Origin": l.Origin}, 200, map[string]string{"Cache-Control": "private, max-age=60",
			"Vary": "Origin, Authorization, Cookie", "Access-Control-Allow-Origin": l.Origin}},
		{"a status with a cookie", "GET", "/billing/status", "", map[string]string{"Cookie": "session=" + token,
			"Origin": l.Origin, "Sec-Fetch-Site": "same-site"}, 200, nil},
		{
			"the element", "GET", "/billing/button.js", "",
			map[string]string{"Accept-Encoding": "gzip", "Accept-Language": "de"},
			200, map[string]string{"Content-Encoding": "gzip", "Cache-Control": "public, max-age=3600"},
		},
		{"its types", "GET", "/billing/button.d.ts", "", nil, 200,
			map[string]string{"Content-Type": "application/typescript; charset=utf-8"}},
		{"another method", "DELETE", "/billing/portal", "", nil, 405, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			response, body := devservertest.Send(t, test.method, edge+test.path, test.body, test.headers)
			if response.StatusCode != test.status {
				t.Errorf("status = %d, want %d: %s", response.StatusCode, test.status, body)
			}
			for name, want := range test.want {
				if got := response.Header.Get(name); got != want {
					t.Errorf("%s = %q, want %q", name, got, want)
				}
			}
		})
	}
	viaEdge := at(l, edge)
	if status, body := viaEdge.Deliver(t, devservertest.StripeEvent(t, "customer.created"), devserver.DemoSigningSecret,
		time.Now()); status != http.StatusOK {
		t.Errorf("a signed event: %d %s", status, body)
	}
}

// The function sees the API's host, not the edge's. So if a browser does not send Sec-Fetch-Site,
// requests from the portal's own pages are accepted only if ALLOWED_ORIGINS has the edge's origin.
func TestBehindTheEdgeTheEdgesOriginIsAllowed(t *testing.T) {
	for _, test := range []struct {
		name, allowed, site string
		status              int
	}{
		{"not listed", "", "", http.StatusForbidden},
		{"listed", "," + edgeOrigin, "", http.StatusSeeOther},
		{"not listed, with Sec-Fetch-Site", "", "same-origin", http.StatusSeeOther},
	} {
		t.Run(test.name, func(t *testing.T) {
			l, _ := devservertest.Start(t,
				func(l *devserver.Server) { t.Setenv("ALLOWED_ORIGINS", l.Origin+test.allowed) })
			viaEdge := at(l, startEdge(t, l))
			token, err := l.Issuer.Token("alice", nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			headers := map[string]string{"Cookie": "session=" + token, "Origin": edgeOrigin}
			if test.site != "" {
				headers["Sec-Fetch-Site"] = test.site
			}
			if response, body := viaEdge.Post(t, "", nil, headers); response.StatusCode != test.status {
				t.Errorf("status = %d, want %d: %s", response.StatusCode, test.status, body)
			}
		})
	}
}
