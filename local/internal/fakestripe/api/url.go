package api

import "net/url"

// checkURL refuses what Stripe does not take as a return URL. Stripe does not document its rule;
// that an explicit scheme is needed and that the rest must parse are its two known refusals.
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
