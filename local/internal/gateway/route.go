package gateway

import (
	"net/http"
	"slices"
	"strings"
)

// proxied are the methods whose every path reaches the function. OPTIONS is not among them: a route
// for it would take preflights away from the gateway.
var proxied = []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut,
	http.MethodPatch, http.MethodDelete}

// route finds the template's route for a request; without one API Gateway answers 404 itself.
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
