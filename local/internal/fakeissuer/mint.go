package fakeissuer

import (
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// maxForm limits a request to the token endpoint, in bytes.
const maxForm = 8 << 10

// mint responds to a form with a token. The form has the fields user, ttl (a Go duration, optional)
// and claims (a JSON object, optional). The responses have the format of RFC 6749: section 5.1 for
// success and 5.2 for errors. The endpoint does not authenticate its callers, so it must reject web
// pages.
func (i *Issuer) mint(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store") // RFC 6749, section 5.1
	if !i.local(r) {
		refuse(w, http.StatusForbidden, "invalid_request", "tokens are for programs on this machine, not for web pages")
		return
	}
	form, err := readForm(w, r)
	if err != nil {
		refuse(w, http.StatusBadRequest, "invalid_request", err.Error())
		return
	}
	asked, err := parseMint(form)
	if err != nil {
		refuse(w, http.StatusBadRequest, "invalid_request", err.Error())
		return
	}
	if !slices.Contains(Users(), asked.user) {
		refuse(w, http.StatusBadRequest, "invalid_grant", "unknown user: the users are "+strings.Join(Users(), ", "))
		return
	}
	token, err := i.Token(asked.user, asked.claims, asked.ttl)
	if err != nil { // parsed claims can always be encoded again
		http.Error(w, "cannot sign", http.StatusInternalServerError)
		return
	}
	answer := struct {
		AccessToken string `json:"access_token"`
		TokenType   string `json:"token_type"`
		ExpiresIn   int64  `json:"expires_in,omitempty"` // seconds; only recommended
	}{AccessToken: token, TokenType: "Bearer"}
	if _, overridden := asked.claims["exp"]; !overridden {
		answer.ExpiresIn = int64(asked.ttl / time.Second)
	}
	writeJSON(w, http.StatusOK, answer)
}

// refuse responds with an error (RFC 6749, section 5.2). The description is a fixed text that uses
// only the allowed characters.
func refuse(w http.ResponseWriter, status int, code, description string) {
	writeJSON(w, status, struct {
		Error       string `json:"error"`
		Description string `json:"error_description"`
	}{code, description})
}

// readForm returns the parameters in the body. It ignores the query string.
func readForm(w http.ResponseWriter, r *http.Request) (url.Values, error) {
	mediaType, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || mediaType != "application/x-www-form-urlencoded" {
		return nil, errors.New("the body must be application/x-www-form-urlencoded")
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		return nil, errors.New("the body is not a form, or it is too large")
	}
	for _, values := range r.PostForm {
		if len(values) > 1 { // RFC 6749, section 3.2
			return nil, errors.New("a parameter is repeated")
		}
	}
	return r.PostForm, nil
}

// request is a request to the token endpoint.
type request struct {
	user   string
	claims map[string]any
	ttl    time.Duration
}

func parseMint(form url.Values) (request, error) {
	asked := request{user: form.Get("user"), ttl: DefaultTTL}
	if asked.user == "" {
		return request{}, errors.New("user is missing")
	}
	if text := form.Get("ttl"); text != "" {
		ttl, err := time.ParseDuration(text)
		if err != nil || ttl < time.Second {
			return request{}, errors.New("ttl must be a duration of a second or more, for example 90s or 1h30m")
		}
		asked.ttl = ttl
	}
	if text := form.Get("claims"); text != "" {
		claims, err := parseClaims(text)
		if err != nil {
			return request{}, errors.New("claims must be one JSON object")
		}
		asked.claims = claims
	}
	return asked, nil
}

// parseClaims parses a JSON object. It keeps numbers exactly as written.
func parseClaims(text string) (map[string]any, error) {
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	var claims map[string]any
	if err := decoder.Decode(&claims); err != nil {
		return nil, err
	}
	if claims == nil {
		return nil, errors.New("null is not an object")
	}
	if _, err := decoder.Token(); err != io.EOF {
		return nil, errors.New("unexpected data after the object")
	}
	return claims, nil
}
