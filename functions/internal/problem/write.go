package problem

import "net/http"

// SetSecurityHeaders sets the headers that every answer has. A session's URL must not be cached,
// and must not be sent on as a referrer.
func SetSecurityHeaders(header http.Header) {
	header.Set("Cache-Control", "no-store")
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("X-Content-Type-Options", "nosniff")
}

// WriteBody answers with a status and a body.
func WriteBody(w http.ResponseWriter, status int, contentType string, body []byte) {
	w.Header().Set("Content-Type", contentType)
	w.WriteHeader(status)
	_, _ = w.Write(body) // lambdahttp buffers it, so no connection can fail here
}
