package gateway

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// event is payload format 2.0
// (https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html).
// aws-lambda-go's type is not used: it writes members that a request without authorizer or client
// certificate lacks.
type event struct {
	Version               string            `json:"version"`
	RouteKey              string            `json:"routeKey"`
	RawPath               string            `json:"rawPath"`
	RawQueryString        string            `json:"rawQueryString"`
	Cookies               []string          `json:"cookies,omitempty"`
	Headers               map[string]string `json:"headers"`
	QueryStringParameters map[string]string `json:"queryStringParameters,omitempty"`
	PathParameters        map[string]string `json:"pathParameters,omitempty"`
	RequestContext        requestContext    `json:"requestContext"`
	Body                  string            `json:"body,omitempty"`
	IsBase64Encoded       bool              `json:"isBase64Encoded"`
}

type requestContext struct {
	AccountID    string      `json:"accountId"`
	APIID        string      `json:"apiId"`
	DomainName   string      `json:"domainName"`
	DomainPrefix string      `json:"domainPrefix"`
	HTTP         httpContext `json:"http"`
	RequestID    string      `json:"requestId"`
	RouteKey     string      `json:"routeKey"`
	Stage        string      `json:"stage"`
	Time         string      `json:"time"`
	TimeEpoch    int64       `json:"timeEpoch"` // milliseconds
}

type httpContext struct {
	Method    string `json:"method"`
	Path      string `json:"path"`
	Protocol  string `json:"protocol"`
	SourceIP  string `json:"sourceIp"`
	UserAgent string `json:"userAgent"`
}

// path is what routes see of a request: HTTP APIs decode it, and cut it at a decoded question mark.
// The query string stays as it was sent.
func path(r *http.Request) string {
	decoded, _, _ := strings.Cut(r.URL.Path, "?")
	return decoded
}

func newEvent(r *http.Request, routeKey string, parameters map[string]string, body []byte,
	id string, now time.Time) event {
	domain := hostOnly(r.Host)
	prefix, _, _ := strings.Cut(domain, ".")
	ev := event{
		Version:               "2.0",
		RouteKey:              routeKey,
		RawPath:               path(r),
		RawQueryString:        r.URL.RawQuery,
		Cookies:               cookies(r.Header),
		Headers:               headers(r, len(body), now),
		QueryStringParameters: joinValues(r.URL.Query()),
		PathParameters:        parameters,
		RequestContext: requestContext{
			AccountID:    "123456789012",
			APIID:        "local",
			DomainName:   domain,
			DomainPrefix: prefix,
			HTTP: httpContext{
				Method:    r.Method,
				Path:      path(r),
				Protocol:  r.Proto,
				SourceIP:  hostOnly(r.RemoteAddr),
				UserAgent: r.UserAgent(),
			},
			RequestID: id,
			RouteKey:  routeKey,
			Stage:     "$default",
			Time:      now.UTC().Format("02/Jan/2006:15:04:05 -0700"),
			TimeEpoch: now.UnixMilli(),
		},
	}
	switch {
	case len(body) == 0:
	case isText(r.Header.Get("Content-Type")):
		ev.Body = string(body)
	default:
		ev.Body, ev.IsBase64Encoded = base64.StdEncoding.EncodeToString(body), true
	}
	return ev
}

// headers are the client's, their names in lower case and repeated ones joined with commas, and
// what API Gateway adds.
func headers(r *http.Request, bodySize int, now time.Time) map[string]string {
	out := make(map[string]string, len(r.Header)+6)
	for name, values := range r.Header {
		if name = strings.ToLower(name); name != "cookie" && !isHopByHop(name) {
			out[name] = strings.Join(values, ",")
		}
	}
	out["host"] = r.Host
	out["content-length"] = strconv.Itoa(bodySize)
	out["x-amzn-trace-id"] = newTraceID(now)
	out["x-forwarded-for"] = strings.Join(append(r.Header.Values("X-Forwarded-For"), hostOnly(r.RemoteAddr)), ", ")
	out["x-forwarded-proto"], out["x-forwarded-port"] = "http", "80"
	if _, port, err := net.SplitHostPort(r.Host); err == nil {
		out["x-forwarded-port"] = port
	}
	return out
}

// isHopByHop reports whether a header, in lower case, is about one connection only (RFC 9110,
// section 7.6.1).
func isHopByHop(name string) bool {
	switch name {
	case "connection", "keep-alive", "proxy-authorization", "proxy-connection", "te", "trailer",
		"transfer-encoding", "upgrade":
		return true
	}
	return false
}

// cookies are the pairs of all Cookie headers, one by one.
func cookies(header http.Header) []string {
	var out []string
	for _, line := range header.Values("Cookie") {
		for pair := range strings.SplitSeq(line, ";") {
			if pair = strings.TrimSpace(pair); pair != "" {
				out = append(out, pair)
			}
		}
	}
	return out
}

// joinValues is how payload format 2.0 shows parameters that may repeat.
func joinValues(query url.Values) map[string]string {
	out := make(map[string]string, len(query))
	for name, values := range query {
		out[name] = strings.Join(values, ",")
	}
	return out
}

// isText reports whether a body of this type arrives as text. HTTP APIs send everything else in
// base64, forms and bodies without a type included.
func isText(contentType string) bool {
	mediaType, _, _ := strings.Cut(strings.ToLower(contentType), ";")
	switch mediaType = strings.TrimSpace(mediaType); mediaType {
	case "application/json", "application/javascript", "application/xml":
		return true
	}
	return strings.HasPrefix(mediaType, "text/")
}

// hostOnly is a host without its port, if it has one.
func hostOnly(hostport string) string {
	if host, _, err := net.SplitHostPort(hostport); err == nil {
		return host
	}
	return hostport
}

// newTraceID is a header as X-Ray defines it.
func newTraceID(now time.Time) string {
	var b [12]byte
	rand.Read(b[:]) // never fails
	return fmt.Sprintf("Root=1-%08x-%x", now.Unix(), b)
}
