package problem

import "net/http"

// SetSecurityHeaders sets what every answer has: a session's URL must not be
// cached, and must not travel on as a referrer.
func SetSecurityHeaders(header http.Header) {
	header.Set("Cache-Control", "no-store")
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("X-Content-Type-Options", "nosniff")
}

// WriteBody answers with a whole body.
func WriteBody(w http.ResponseWriter, status int, contentType string, body []byte) {
	w.Header().Set("Content-Type", contentType)
	w.WriteHeader(status)
	// The answer is a buffer of the Lambda runtime's; there is nobody to tell of
	// a failure to fill it.
	_, _ = w.Write(body)
}
