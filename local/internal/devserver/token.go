package devserver

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// FetchToken posts a form to the token endpoint of the server at base, and returns the token.
func FetchToken(ctx context.Context, base string, form url.Values) (string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, base+IssuerPath+"/token",
		strings.NewReader(form.Encode()))
	if err != nil {
		return "", err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	response, err := (&http.Client{Timeout: 10 * time.Second}).Do(request)
	if err != nil {
		return "", fmt.Errorf("no server there; start it with go run ./local: %w", err)
	}
	defer func() { _ = response.Body.Close() }()
	var answer struct {
		AccessToken string `json:"access_token"`
		Description string `json:"error_description"`
	}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		return "", fmt.Errorf("the server at %s is not go run ./local: %s", base, response.Status)
	}
	if response.StatusCode != http.StatusOK {
		return "", errors.New(answer.Description)
	}
	return answer.AccessToken, nil
}
