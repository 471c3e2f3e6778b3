package gateway

import "net/http"

// CORS configuration of the API in the template.
const (
	allowMethods  = "GET,POST"
	allowHeaders  = "authorization,content-type"
	exposeHeaders = "retry-after,www-authenticate"
	maxAge        = "7200" // seconds
)

// isPreflight reports whether a request is a CORS preflight: OPTIONS with both headers. All other
// OPTIONS requests go to the function.
// https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-cors.html
func isPreflight(r *http.Request) bool {
	return r.Method == http.MethodOptions && r.Header.Get("Origin") != "" &&
		r.Header.Get("Access-Control-Request-Method") != ""
}

// answerPreflight responds without invoking the function. The response does not depend on the
// requested method and headers, because the browser compares them.
func (g *gateway) answerPreflight(w http.ResponseWriter, r *http.Request) {
	if origin := r.Header.Get("Origin"); g.origins[origin] {
		header := w.Header()
		header.Set("Access-Control-Allow-Origin", origin)
		header.Set("Access-Control-Allow-Credentials", "true")
		header.Set("Access-Control-Allow-Methods", allowMethods)
		header.Set("Access-Control-Allow-Headers", allowHeaders)
		header.Set("Access-Control-Max-Age", maxAge)
	}
	w.WriteHeader(http.StatusNoContent)
}

// addCORS must run before all checks, so that scripts can read error responses too.
func (g *gateway) addCORS(header http.Header, r *http.Request) {
	if origin := r.Header.Get("Origin"); g.origins[origin] {
		header.Set("Access-Control-Allow-Origin", origin)
		header.Set("Access-Control-Allow-Credentials", "true")
		header.Set("Access-Control-Expose-Headers", exposeHeaders)
	}
}
