package billing_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"billingportal/functions/faulttest"
	"billingportal/functions/internal/billing"
)

// session answers with Stripe's example, with some members changed; nil removes a member.
func session(changes map[string]any) http.HandlerFunc {
	var members map[string]any
	if err := json.Unmarshal([]byte(sessionJSON), &members); err != nil {
		panic(err)
	}
	for name, value := range changes {
		members[name] = value
		if value == nil {
			delete(members, name)
		}
	}
	body, _ := json.Marshal(members)
	return faulttest.Respond(200, "application/json", string(body))
}

func TestOnlyTheCustomersOwnSessionOfThisModeIsAccepted(t *testing.T) {
	for name, test := range map[string]struct {
		livemode bool
		answer   http.HandlerFunc
		want     billing.Class
	}{
		"a session":                     {false, session(nil), 0},
		"a session of live mode":        {true, session(map[string]any{"livemode": true}), 0},
		"live mode, expected test mode": {false, session(map[string]any{"livemode": true}), billing.ModeMismatch},
		"test mode, expected live mode": {true, session(nil), billing.ModeMismatch},
		"no mode, expected live mode":   {true, session(map[string]any{"livemode": nil}), billing.ModeMismatch},
		"a mode that is text":           {true, session(map[string]any{"livemode": "true"}), billing.BadResponse},
		"another customer": {false,
			session(map[string]any{"customer": "cus_" + faulttest.Marker}), billing.BadResponse},
		"no customer": {false, session(map[string]any{"customer": nil}), billing.BadResponse},
		"the customer in capitals": {false,
			session(map[string]any{"customer": "CUS_NciAYcXfLnqBoz"}), billing.BadResponse},
		"no url":                 {false, session(map[string]any{"url": nil}), billing.BadResponse},
		"an empty url":           {false, session(map[string]any{"url": ""}), billing.BadResponse},
		"a url that is a number": {false, session(map[string]any{"url": 1}), billing.BadResponse},
		"null": {false,
			faulttest.Respond(200, "application/json", "null"), billing.BadResponse},
		"a list": {false,
			faulttest.Respond(200, "application/json", "["+sessionJSON+"]"), billing.BadResponse},
		"two documents": {false,
			faulttest.Respond(200, "application/json", sessionJSON+sessionJSON), billing.BadResponse},
		"an error with status 200": {false,
			stripeError(200, `"type":"api_error","message":"`+faulttest.Marker+`"`), billing.BadResponse},
		"a session with status 201": {false,
			faulttest.Respond(201, "application/json", sessionJSON), billing.BadResponse},
		"a session with status 302": {false,
			faulttest.Respond(302, "application/json", sessionJSON), billing.BadResponse},
		"a session with status 404": {false,
			faulttest.Respond(404, "application/json", sessionJSON), billing.BadResponse},
		"HTML":               {false, faulttest.HTML(200).ServeHTTP, billing.BadResponse},
		"HTML, 401":          {false, faulttest.HTML(401).ServeHTTP, billing.BadResponse},
		"HTML, 429":          {false, faulttest.HTML(429).ServeHTTP, billing.Busy},
		"an empty body":      {false, faulttest.Respond(200, "application/json", ""), billing.BadResponse},
		"no content, 204":    {false, faulttest.Respond(204, "", ""), billing.BadResponse},
		"an empty body, 401": {false, faulttest.Respond(401, "application/json", ""), billing.BadResponse},
		"truncated JSON": {false,
			faulttest.Respond(200, "application/json", sessionJSON[:200]), billing.BadResponse},
		"10 MB, 200": {false,
			faulttest.Large().Of(faulttest.Respond(200, "application/json", "{}")), billing.BadResponse},
		"10 MB, 400": {false,
			faulttest.Large().Of(faulttest.Respond(400, "application/json", "{}")), billing.BadResponse},
		"10 MB, 500": {false,
			faulttest.Large().Of(faulttest.Respond(500, "application/json", "{}")), billing.BadResponse},
		// The body counts, not its type.
		"a session as text/plain": {false, faulttest.Respond(200, "text/plain", sessionJSON), 0},
		"an error of no known type, 400": {false,
			stripeError(400, `"type":"`+faulttest.Marker+`","message":"`+faulttest.Marker+`"`), billing.BadResponse},
		"an error that is text, 400": {false,
			faulttest.Respond(400, "application/json", `{"error":"`+faulttest.Marker+`"}`), billing.BadResponse},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			handler := &stripeServer{answers: []http.HandlerFunc{test.answer}}
			server := httptest.NewServer(handler)
			defer server.Close()
			config := newConfig(server.URL)
			config.Livemode = test.livemode
			_, err := create(t, billing.New(config))
			requireClass(t, err, test.want)
			if got := len(handler.seen()); got != 1 {
				t.Errorf("%d requests, want 1", got)
			}
		})
	}
}

// The session's URL opens the portal, so it must lead only to the portal.
func TestTheSessionURLLeadsToThePortal(t *testing.T) {
	const path = "/p/session/test_" + sessionSecret
	for name, test := range map[string]struct {
		url  string
		good bool
	}{
		"the portal":                              {"https://billing.stripe.com" + path, true},
		"the scheme in capitals":                  {"HTTPS://billing.stripe.com" + path, true},
		"a query and a fragment":                  {"https://billing.stripe.com" + path + "?a=b#c", true},
		"a listed host with its port":             {"https://portal.example:8443" + path, true},
		"a loopback host over http":               {"http://127.0.0.1:8080" + path, true},
		"a loopback host over https":              {"https://127.0.0.1:8080" + path, true},
		"http":                                    {"http://billing.stripe.com" + path, false},
		"another host":                            {"https://evil.example" + path, false},
		"the portal's host as a prefix":           {"https://billing.stripe.com.evil.example" + path, false},
		"the portal's host as a suffix":           {"https://evil-billing.stripe.com" + path, false},
		"a subdomain":                             {"https://x.billing.stripe.com" + path, false},
		"the parent domain":                       {"https://stripe.com" + path, false},
		"a port that is not listed":               {"https://billing.stripe.com:8443" + path, false},
		"an empty port":                           {"https://billing.stripe.com:" + path, false},
		"a listed host without its port":          {"https://portal.example" + path, false},
		"a trailing dot":                          {"https://billing.stripe.com." + path, false},
		"user information":                        {"https://user@billing.stripe.com" + path, false},
		"empty user information":                  {"https://@billing.stripe.com" + path, false},
		"the portal as user information":          {"https://billing.stripe.com@evil.example" + path, false},
		"the portal as user and password":         {"https://billing.stripe.com:443@evil.example" + path, false},
		"the last printable character":            {"https://billing.stripe.com" + path + "~", true},
		"a delete character":                      {"https://billing.stripe.com" + path + "\x7f", false},
		"a backslash before an at sign":           {`https://billing.stripe.com\@evil.example` + path, false},
		"backslashes instead of slashes":          {`https:\\billing.stripe.com` + path, false},
		"a backslash in the path":                 {`https://billing.stripe.com\evil.example`, false},
		"a fragment before an at sign":            {"https://evil.example#@billing.stripe.com" + path, false},
		"a query before an at sign":               {"https://evil.example?@billing.stripe.com" + path, false},
		"an escaped dot in the host":              {"https://billing%2Estripe.com" + path, false},
		"an escaped slash in the host":            {"https://billing.stripe.com%2F.evil.example" + path, false},
		"a letter that looks alike":               {"https://billing.str\u0456pe.com" + path, false},
		"a full-width dot":                        {"https://billing\uff0estripe.com" + path, false},
		"a tab in the host":                       {"https://billing.\tstripe.com" + path, false},
		"a line feed, which would end the header": {"https://billing.stripe.com" + path + "\nSet-Cookie: a=b", false},
		"a carriage return":                       {"https://billing.stripe.com" + path + "\r", false},
		"space before":                            {" https://billing.stripe.com" + path, false},
		"space in the path":                       {"https://billing.stripe.com/p /x", false},
		"a letter that is not ASCII in the path":  {"https://billing.stripe.com/p/\u00e9", false},
		"DEL":                                     {"https://billing.stripe.com" + path + "\x7f", false},
		"no scheme":                               {"//billing.stripe.com" + path, false},
		"no slashes":                              {"https:billing.stripe.com" + path, false},
		"one slash":                               {"https:/billing.stripe.com" + path, false},
		"three slashes":                           {"https:///billing.stripe.com" + path, false},
		"only a path":                             {path, false},
		"a script":                                {"javascript:alert(1)//billing.stripe.com" + path, false},
		"data":                                    {"data:text/html,billing.stripe.com", false},
		"ftp":                                     {"ftp://billing.stripe.com" + path, false},
		"an invalid escape":                       {"https://billing.stripe.com/%zz", false},
	} {
		t.Run(name, func(t *testing.T) {
			handler := &stripeServer{answers: []http.HandlerFunc{session(map[string]any{"url": test.url})}}
			server := httptest.NewServer(handler)
			defer server.Close()
			config := newConfig(server.URL)
			config.PortalHosts = []string{"billing.stripe.com", "portal.example:8443", "127.0.0.1:8080"}
			created, err := create(t, billing.New(config))
			if test.good {
				if err != nil || created.URL != test.url {
					t.Errorf("CreateSession = %v", err)
				}
				return
			}
			requireClass(t, err, billing.BadResponse)
		})
	}
}

func TestARedirectIsFollowedNowhere(t *testing.T) {
	var elsewhere int
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { elsewhere++ }))
	defer other.Close()
	for _, status := range []int{301, 302, 303, 307, 308} {
		for name, location := range map[string]string{
			"to another host":    other.URL + "/" + faulttest.Marker,
			"to the same host":   "/v1/" + faulttest.Marker,
			"to an invalid URL":  "http://[" + faulttest.Marker,
			"without a location": "",
		} {
			t.Run(fmt.Sprint(status, " ", name), func(t *testing.T) {
				server, client := newStripe(t, func(w http.ResponseWriter, _ *http.Request) {
					if location != "" {
						w.Header().Set("Location", location)
					}
					w.WriteHeader(status)
				})
				_, err := create(t, client)
				requireClass(t, err, billing.BadResponse)
				if len(server.seen()) != 1 || elsewhere != 0 {
					t.Errorf("%d requests there, %d elsewhere", len(server.seen()), elsewhere)
				}
			})
		}
	}
}
