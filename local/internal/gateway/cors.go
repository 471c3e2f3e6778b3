package gateway

import "net/http"

// As the template configures its API.
const (
	allowMethods  = "GET,POST"
	allowHeaders  = "authorization,content-type"
	exposeHeaders = "retry-after,www-authenticate"
	maxAge        = "7200" // seconds
)

// isPreflight follows the developer guide: OPTIONS with both headers. Any other OPTIONS request
// goes to the function.
// https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-cors.html
func isPreflight(r *http.Request) bool {
	return r.Method == http.MethodOptions && r.Header.Get("Origin") != "" &&
		r.Header.Get("Access-Control-Request-Method") != ""
}

// answerPreflight costs no invocation. The answer does not depend on what is asked for: comparing
// is the browser's part.
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

// addCORS comes before anything can go wrong, so that scripts can read errors too.
func (g *gateway) addCORS(header http.Header, r *http.Request) {
	if origin := r.Header.Get("Origin"); g.origins[origin] {
		header.Set("Access-Control-Allow-Origin", origin)
		header.Set("Access-Control-Allow-Credentials", "true")
		header.Set("Access-Control-Expose-Headers", exposeHeaders)
	}
}
