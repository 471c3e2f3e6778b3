package gateway

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
)

// answer is the response of a function in payload format 2.0.
type answer struct {
	StatusCode      int               `json:"statusCode"`
	Headers         map[string]string `json:"headers"`
	Cookies         []string          `json:"cookies"`
	Body            string            `json:"body"`
	IsBase64Encoded bool              `json:"isBase64Encoded"`

	body []byte // Body, decoded
}

// parseAnswer reads the response of a function like API Gateway does. JSON without a statusCode is
// the body of a 200; JSON with a statusCode must be a complete response. Output that is not JSON is
// an error here, so that it is noticed; the real API Gateway was seen to pass it on.
func parseAnswer(out []byte) (*answer, error) {
	if len(out) > maxPayload {
		return nil, fmt.Errorf("the response of the function has %d bytes", len(out))
	}
	if !json.Valid(out) {
		return nil, errors.New("the response of the function is not JSON")
	}

	var member struct {
		StatusCode json.RawMessage `json:"statusCode"`
	}
	if err := json.Unmarshal(out, &member); err != nil || member.StatusCode == nil {
		body := out
		var text string
		if json.Unmarshal(out, &text) == nil && string(out) != "null" {
			body = []byte(text)
		}
		return &answer{StatusCode: http.StatusOK,
			Headers: map[string]string{"content-type": "application/json"}, body: body}, nil
	}

	a := new(answer)
	if err := json.Unmarshal(out, a); err != nil {
		return nil, err
	}
	if a.StatusCode < 200 || a.StatusCode > 599 {
		return nil, fmt.Errorf("status %d", a.StatusCode)
	}
	a.body = []byte(a.Body)
	if a.IsBase64Encoded {
		var err error
		if a.body, err = base64.StdEncoding.DecodeString(a.Body); err != nil {
			return nil, err
		}
	}
	return a, nil
}

// write sends the response. It leaves out hop-by-hop headers and the CORS headers of the function:
// API Gateway ignores those if it has its own CORS configuration.
func (a *answer) write(w http.ResponseWriter) {
	header := w.Header()
	header.Set("Content-Type", "text/plain;charset=UTF-8") // the default of API Gateway
	for name, value := range a.Headers {
		lower := strings.ToLower(name)
		if strings.HasPrefix(lower, "access-control-") || lower == "content-length" || isHopByHop(lower) {
			continue
		}
		header.Set(name, value)
	}
	for _, cookie := range a.Cookies {
		header.Add("Set-Cookie", cookie)
	}
	w.WriteHeader(a.StatusCode)
	_, _ = w.Write(a.body) // fails if the status or method allows no body, or if the client is gone
}
