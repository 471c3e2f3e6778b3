package lambdahttp

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/textproto"
	"net/url"
	"slices"
	"strings"

	"github.com/aws/aws-lambda-go/events"
	"github.com/awslabs/aws-lambda-go-api-proxy/core"
)

// event has the members of a payload that this package reads. HTTPMethod is the method in payload
// format 1.0, which is read so that onError gets it.
type event struct {
	Version        string            `json:"version"`
	HTTPMethod     string            `json:"httpMethod"`
	RawPath        string            `json:"rawPath"`
	RawQueryString string            `json:"rawQueryString"`
	Cookies        []string          `json:"cookies"`
	Headers        map[string]string `json:"headers"`
	RequestContext struct {
		DomainName string `json:"domainName"`
		RequestID  string `json:"requestId"`
		HTTP       struct {
			Method   string `json:"method"`
			Path     string `json:"path"`
			SourceIP string `json:"sourceIp"`
		} `json:"http"`
	} `json:"requestContext"`
	Body            string `json:"body"` // always empty: cutBody has moved a string to body
	IsBase64Encoded bool   `json:"isBase64Encoded"`

	body []byte // the body as a JSON string, with its quotation marks
}

// parseEvent returns the members that it could read, even if it returns an error.
func parseEvent(payload []byte) (*event, error) {
	ev := new(event)
	payload, ev.body = cutBody(payload)
	err := json.Unmarshal(payload, ev)
	// A value of the wrong type does not stop the decoder, so the version is known even then.
	// The decoder's error texts quote the payload, so they are not used.
	wrongType := new(json.UnmarshalTypeError)
	if err != nil && !errors.As(err, &wrongType) {
		return ev, fmt.Errorf("%w: not JSON", ErrBadRequest)
	}
	if ev.Version != "2.0" {
		return ev, ErrPayloadVersion
	}
	if err != nil {
		return ev, fmt.Errorf("%w: a member of the event has the wrong type", ErrBadRequest)
	}
	return ev, nil
}

// adapt returns a request for "/" with ev's headers. The adapter makes it, and adds its values to
// the context.
//
// The adapter does not get the members that it would change (headers, host, address), nor those
// that it would print together with the query string if they are invalid (method, path, body). It
// can then fail only if GO_API_HOST is not a URL, which is a fault of the function itself. A
// GO_API_HOST that is a URL has no effect, because the request's URL and Host are set here.
func (ev *event) adapt(ctx context.Context) (*http.Request, error) {
	bare := events.APIGatewayV2HTTPRequest{RawPath: "/"}
	bare.RequestContext.RequestID = ev.RequestContext.RequestID
	var adapter core.RequestAccessorV2
	r, err := adapter.EventToRequestWithContext(ctx, bare)
	if err != nil {
		return nil, fmt.Errorf("adapt the event: %w", err)
	}

	r.Method = ""
	if method := cmp.Or(ev.RequestContext.HTTP.Method, ev.HTTPMethod); isToken(method) {
		r.Method = method
	}
	r.URL, r.RequestURI = &url.URL{Path: "/"}, "/"
	r.RemoteAddr = net.JoinHostPort(ev.RequestContext.HTTP.SourceIP, "0")
	r.Header = ev.header()
	r.Host = cmp.Or(r.Header.Get("Host"), ev.RequestContext.DomainName)
	r.Header.Del("Host")
	return r, nil
}

// header returns every header value as the gateway sent it. The adapter would split the values on
// commas, which User-Agent, Accept, dates and signatures contain.
func (ev *event) header() http.Header {
	header := make(http.Header, len(ev.Headers))
	values := make([]string, 0, len(ev.Headers)) // one allocation for all the one-element slices
	for name, value := range ev.Headers {
		name = textproto.CanonicalMIMEHeaderKey(name)
		// Code that is written for the adapter trusts these headers, so no caller may set them.
		if strings.HasPrefix(name, "X-Golambdaproxy-") {
			continue
		}
		if header[name] != nil { // never from API Gateway, which sends lower-case names
			header[name] = append(header[name], value)
			continue
		}
		values = append(values, value)
		header[name] = values[len(values)-1 : len(values) : len(values)]
	}
	// RFC 6265, section 5.4: one Cookie header, its pairs joined by "; ".
	if cookies := slices.Concat(header["Cookie"], ev.Cookies); len(cookies) > 0 {
		header["Cookie"] = []string{strings.Join(cookies, "; ")}
	}
	return header
}

// complete adds the method, path and body to r. Its errors wrap ErrBadRequest or are ErrTooLarge.
func (ev *event) complete(r *http.Request, basePath string, maxBody int) error {
	if r.Method == "" {
		return fmt.Errorf("%w: invalid method", ErrBadRequest)
	}

	path := cmp.Or(ev.RawPath, ev.RequestContext.HTTP.Path)
	if !strings.HasPrefix(path, "/") || strings.Contains(path, "?") {
		return fmt.Errorf("%w: invalid path", ErrBadRequest)
	}
	target := withoutBase(path, basePath)
	if ev.RawQueryString != "" {
		target += "?" + ev.RawQueryString
	}
	parsed, err := url.ParseRequestURI(target)
	if err != nil {
		return fmt.Errorf("%w: invalid path or query", ErrBadRequest) // url.Error quotes both
	}

	r.URL, r.RequestURI = parsed, parsed.RequestURI()

	body, err := decodeBody(ev.body, ev.IsBase64Encoded, maxBody)
	if err != nil {
		return err
	}
	if body != "" {
		r.Body, r.ContentLength = io.NopCloser(strings.NewReader(body)), int64(len(body))
	}
	return nil
}

// withoutBase removes basePath from a path that begins with it.
func withoutBase(path, basePath string) string {
	rest, ok := strings.CutPrefix(path, basePath)
	if ok && rest == "" {
		return "/"
	}
	if ok && rest[0] == '/' {
		return rest
	}
	return path
}

// isToken reports whether s is a token, as a method must be (RFC 9110, sections 5.6.2 and 9.1).
func isToken(s string) bool {
	for i := range len(s) {
		c := s[i]
		letterOrDigit := 'a' <= c|0x20 && c|0x20 <= 'z' || '0' <= c && c <= '9'
		if !letterOrDigit && !strings.ContainsRune("!#$%&'*+-.^_`|~", rune(c)) {
			return false
		}
	}
	return s != ""
}
