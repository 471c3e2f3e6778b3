package api

import "net/url"

// checkURL returns an error for a return URL that Stripe does not accept. Stripe does not document
// its rule. Its two known errors say that the URL needs an explicit scheme and that the rest must
// be valid.
func checkURL(text, param string) *apiError {
	u, err := url.Parse(text)
	switch {
	case err == nil && u.Scheme == "":
		return invalid("url_invalid", param, "Invalid URL: An explicit scheme (such as https) must be provided.")
	case err != nil, u.Scheme != "https" && u.Scheme != "http", u.Hostname() == "", len(text) > 5000:
		return invalid("url_invalid", param, "Not a valid URL")
	}
	return nil
}
