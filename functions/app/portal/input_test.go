package portal

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"

	"billingportal/functions/app/internal/config/configtest"
	"billingportal/functions/app/webhook"
)

const formType = "application/x-www-form-urlencoded"

// withBody sets the body of an event: plain, or in base64, as API Gateway sends types that it does
// not treat as text.
func withBody(contentType, body string, inBase64 bool) func(*events.APIGatewayV2HTTPRequest) {
	return func(event *events.APIGatewayV2HTTPRequest) {
		event.Headers["content-type"] = contentType
		event.Body, event.IsBase64Encoded = body, inBase64
		if inBase64 {
			event.Body = base64.StdEncoding.EncodeToString([]byte(body))
		}
	}
}

// requireProblem requires a problem document and the matching line in the function's log.
func requireProblem(t *testing.T, response events.APIGatewayV2HTTPResponse, status int, code, line string) {
	t.Helper()
	var document struct{ Code string }
	if err := json.Unmarshal([]byte(response.Body), &document); err != nil ||
		response.StatusCode != status || document.Code != code {
		t.Fatalf("answer = %d %s, want %d %s", response.StatusCode, response.Body, status, code)
	}
	for _, want := range []string{`"code":"` + code + `"`, `"msg":"request"`} {
		if !strings.Contains(line, want) {
			t.Errorf("the line lacks %s: %s", want, line)
		}
	}
}

// lastLine returns the line of the last request. Fetches in the background may log at any time.
func lastLine(written *configtest.Log) string {
	last := ""
	for line := range strings.Lines(written.String()) {
		if strings.Contains(line, `"msg":"request"`) {
			last = line
		}
	}
	return last
}

func TestBodiesAreLimitedBeforeTheyAreDecoded(t *testing.T) {
	c := newCloud(t)
	portal, portalLogs := newPortal(t, c.environment())
	webhookLogs := &configtest.Log{}
	webhook, err := webhook.New(t.Context(), configtest.Webhook.With(configtest.Env{
		"AWS_ENDPOINT_URL_DYNAMODB": c.dynamoDB.URL, "AWS_ENDPOINT_URL_SECRETS_MANAGER": c.secrets.URL,
	}).Get, webhookLogs)
	if err != nil {
		t.Fatal(err)
	}
	for name, function := range map[string]struct {
		lambda.Handler
		logs              *configtest.Log
		path, contentType string
		most              int
		code              string // for a body of the maximum length
		status            int
	}{
		"portal":  {portal, portalLogs, "/billing/portal", formType, 8192, "invalid-parameter", 400},
		"webhook": {webhook, webhookLogs, "/stripe/webhook", "application/json", 262144, "invalid-signature", 400},
	} {
		for _, inBase64 := range []bool{false, true} {
			for more, want := range map[int]struct {
				status int
				code   string
			}{
				-1:      {function.status, function.code},
				0:       {function.status, function.code},
				1:       {413, "payload-too-large"},
				2:       {413, "payload-too-large"},
				4 << 20: {413, "payload-too-large"},
			} {
				body := "locale=" + strings.Repeat("a", function.most+more-len("locale="))
				response := c.send(t, function, func(event *events.APIGatewayV2HTTPRequest) {
					withBody(function.contentType, body, inBase64)(event)
					event.RawPath, event.RequestContext.HTTP.Path = function.path, function.path
				})
				requireProblem(t, response, want.status, want.code, lastLine(function.logs))
				if line := lastLine(function.logs); !strings.Contains(line, `"route":"`+function.path+`"`) {
					t.Errorf("%s, %d more: %s", name, more, line)
				}
			}
		}
	}
}

func TestAPageForABodyThatIsTooLarge(t *testing.T) {
	c := newCloud(t)
	handler, _ := newPortal(t, c.environment())
	response := c.send(t, handler, func(event *events.APIGatewayV2HTTPRequest) {
		withBody(formType, strings.Repeat("a", 8193), true)(event)
		event.Headers["accept"], event.Headers["accept-language"] = "text/html", "de"
	})
	if response.StatusCode != http.StatusRequestEntityTooLarge || !strings.Contains(response.Body, "Anfrage zu groß") ||
		response.Headers["Cache-Control"] != "no-store" {
		t.Errorf("%d %v %s", response.StatusCode, response.Headers, response.Body)
	}
}

// Each of these bodies, as clients send them through the gateway, makes a session.
func TestUnusualBodiesThatAreAccepted(t *testing.T) {
	c := newCloud(t)
	handler, _ := newPortal(t, c.environment())
	for name, test := range map[string]struct{ contentType, encoding, body string }{
		"Laravel's empty list": {"application/json", "", "[]"},
		"null":                 {"application/json", "", "null"},
		"white space":          {"application/json", "", " \r\n"},
		"a mark before JSON":   {"application/json", "", "\ufeff{\"locale\":\"de\"}"},
		"a mark before a form": {formType, "", "\ufefflocale=de"},
		"PHP's empty object": {"application/json", "",
			`{"locale":"de","flow_data":{"type":"payment_method_update","after_completion":[]}}`},
		"charset=utf8":           {formType + ";charset=utf8", "", "locale=de"},
		`charset="UTF8"`:         {`application/json; charset="UTF8"`, "", `{"locale":"de"}`},
		"Content-Encoding":       {formType, "identity", "locale=de"},
		"Content-Encoding, loud": {"application/json", "Identity", `{"locale":"de"}`},
	} {
		for _, inBase64 := range []bool{false, true} {
			response := c.send(t, handler, func(event *events.APIGatewayV2HTTPRequest) {
				withBody(test.contentType, test.body, inBase64)(event)
				event.Headers["content-encoding"] = test.encoding
			})
			if response.StatusCode != http.StatusSeeOther {
				t.Errorf("%s, base64 %v: %d %s", name, inBase64, response.StatusCode, response.Body)
			}
		}
	}
}

func TestNamesAreLimitedBeforeTheTokenIsRead(t *testing.T) {
	c := newCloud(t)
	handler, written := newPortal(t, c.environment())
	for name, test := range map[string]struct{ contentType, body string }{
		"a form of 2,700 levels":      {formType, "a" + strings.Repeat("[b]", 2700) + "=x"},
		"a form of thousands":         {formType, strings.Repeat("a=&", 2700)},
		"JSON of thousands":           {"application/json", `{"a":[` + strings.Repeat("0,", 4000) + "0]}"},
		"JSON of thousands of levels": {"application/json", strings.Repeat("[", 4000) + strings.Repeat("]", 4000)},
	} {
		for _, inBase64 := range []bool{false, true} {
			response := c.send(t, handler, func(event *events.APIGatewayV2HTTPRequest) {
				withBody(test.contentType, test.body, inBase64)(event)
				delete(event.Headers, "authorization")
			})
			t.Run(name, func(t *testing.T) { requireProblem(t, response, 400, "invalid-request", lastLine(written)) })
		}
	}
}

// API Gateway sends cookies in a separate list; other servers join them in a header.
func TestTheSameCookieTwice(t *testing.T) {
	c := newCloud(t)
	handler, written := newPortal(t, c.environment().With(configtest.Env{"SESSION_COOKIE": "session"}))
	token, other := c.token(t), c.token(t)
	if token == other {
		t.Fatal("one token")
	}
	for name, test := range map[string]struct {
		cookies []string
		header  string
		isOne   bool
	}{
		"once":                        {[]string{"session=" + token}, "", true},
		"twice in the list":           {[]string{"session=" + token, "a=b", "session=" + token}, "", true},
		"twice in the header":         {nil, "session=" + token + "; session=" + token, true},
		"in both":                     {[]string{"session=" + token}, "session=" + token, true},
		"with a value in quotes":      {[]string{"session=" + token, `session="` + token + `"`}, "", true},
		"two values in the list":      {[]string{"session=" + token, "session=" + other}, "", false},
		"two values in the header":    {nil, "session=" + token + "; session=" + other, false},
		"two values, one in each":     {[]string{"session=" + token}, "session=" + other, false},
		"two values, one of them bad": {[]string{"session=x", "session=" + token}, "", false},
	} {
		t.Run(name, func(t *testing.T) {
			send := func(accept, language string) events.APIGatewayV2HTTPResponse {
				return c.send(t, handler, func(event *events.APIGatewayV2HTTPRequest) {
					delete(event.Headers, "authorization")
					event.Cookies = test.cookies
					event.Headers["accept"], event.Headers["accept-language"] = accept, language
					if test.header != "" {
						event.Headers["cookie"] = test.header
					}
				})
			}
			response := send("*/*", "")
			if test.isOne {
				if response.StatusCode != http.StatusSeeOther {
					t.Errorf("%d %s", response.StatusCode, response.Body)
				}
				return
			}
			requireProblem(t, response, 400, "invalid-request", lastLine(written))
			if !strings.Contains(response.Body, "Two sessions are open") ||
				!strings.Contains(lastLine(written), "Two sessions are open") {
				t.Errorf("%s\n%s", response.Body, lastLine(written))
			}
			for language, wants := range map[string][2]string{
				"en":    {"Two sessions are open", "delete the cookies of this site"},
				"de":    {"Es sind zwei Sitzungen offen", "löschen Sie die Cookies"},
				"fr":    {"Deux sessions sont ouvertes", "supprimer les cookies"},
				"es":    {"Hay dos sesiones abiertas", "Borra las cookies"},
				"it":    {"Sono aperte due sessioni", "Elimina i cookie"},
				"pt-BR": {"Há duas sessões abertas", "Exclua os cookies"},
				"nl":    {"Er zijn twee sessies open", "Verwijder de cookies"},
				"ja":    {"2つのセッションが開いています", "Cookieを削除"},
			} {
				page := send("text/html", language)
				if page.StatusCode != 400 || !strings.Contains(page.Body, wants[0]) ||
					!strings.Contains(page.Body, wants[1]) {
					t.Errorf("%s: %d %s", language, page.StatusCode, page.Body)
				}
			}
			if strings.Contains(written.String(), token) {
				t.Error("a token was logged")
			}
		})
	}
}
