package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/urfave/cli/v3"
)

// tokenCommand asks the serving process for a token: its issuer has the key.
func tokenCommand() *cli.Command {
	return &cli.Command{
		Name:  "token",
		Usage: "print a token of a demo user, while local serves",
		Description: "The token and nothing else goes to standard output:\n" +
			`curl -i -X POST -H "Authorization: Bearer $(go run ./local token --user alice)" ` + defaultURL + "/billing/portal",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "user", Value: "alice", Usage: "alice, bob, carol, dave or erin"},
			&cli.StringFlag{Name: "claims", Usage: `JSON object merged over the token's claims, such as {"scope":"x"}; null removes one`},
			&cli.DurationFlag{Name: "ttl", Value: time.Hour, Usage: "how long the token is valid"},
			&cli.StringFlag{Name: "url", Value: defaultURL, Usage: "where local serves"},
		},
		Action: func(ctx context.Context, cmd *cli.Command) error {
			token, err := fetchToken(ctx, cmd.String("url"), url.Values{
				"user":   {cmd.String("user")},
				"claims": {cmd.String("claims")},
				"ttl":    {cmd.Duration("ttl").String()},
			})
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(cmd.Root().Writer, token)
			return err
		},
	}
}

// fetchToken posts a form to the issuer's token endpoint.
func fetchToken(ctx context.Context, base string, form url.Values) (string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, base+issuerPath+"/token", strings.NewReader(form.Encode()))
	if err != nil {
		return "", err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	response, err := (&http.Client{Timeout: 10 * time.Second}).Do(request)
	if err != nil {
		return "", fmt.Errorf("nothing serves there; start it with go run ./local: %w", err)
	}
	defer func() { _ = response.Body.Close() }()
	var answer struct {
		AccessToken string `json:"access_token"`
		Description string `json:"error_description"`
	}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		return "", fmt.Errorf("%s is not served by local: %s", base, response.Status)
	}
	if response.StatusCode != http.StatusOK {
		return "", errors.New(answer.Description)
	}
	return answer.AccessToken, nil
}
