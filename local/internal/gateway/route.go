package gateway

import (
	"net/http"
	"slices"
	"strings"
)

// proxied are the methods that reach the function on every path. OPTIONS is left out, because a
// route for OPTIONS would send preflights to the function.
var proxied = []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut,
	http.MethodPatch, http.MethodDelete}

// route finds the route of the template for a request. API Gateway responds with 404 to requests
// without a route.
func route(method, path string) (key string, parameters map[string]string, ok bool) {
	switch {
	case path == "/stripe/webhook":
		return "ANY /stripe/webhook", nil, true
	case method == http.MethodPost && path == "/billing/portal":
		return "POST /billing/portal", nil, true
	case method == http.MethodGet && path == "/billing/status":
		return "GET /billing/status", nil, true
	case path == "/":
		return "ANY /", nil, true
	case slices.Contains(proxied, method) && strings.HasPrefix(path, "/"):
		return method + " /{proxy+}", map[string]string{"proxy": path[1:]}, true
	}
	return "", nil, false
}
