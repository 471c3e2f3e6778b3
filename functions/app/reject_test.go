package app

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"billingportal/functions/internal/lambdahttp"
)

func TestOfAPanicOnlyWhatTheRuntimeSaysIsTold(t *testing.T) {
	runtimeError := func() (value any) {
		defer func() { value = recover() }()
		var list []int
		_ = list[len(secretText)]
		return nil
	}()
	for name, test := range map[string]struct {
		value any
		want  string
	}{
		"the runtime's error":   {runtimeError, "runtime error: index out of range [9] with length 0\nat handler.go:1"},
		"an error":              {errors.New(secretText), "panic\nat handler.go:1"},
		"text":                  {secretText, "panic\nat handler.go:1"},
		"a value with a secret": {struct{ token string }{secretText}, "panic\nat handler.go:1"},
		"http.ErrAbortHandler":  {http.ErrAbortHandler, "panic\nat handler.go:1"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := describe(&lambdahttp.PanicError{Value: test.value, Stack: []byte("at handler.go:1")}); got != test.want {
				t.Errorf("describe = %q, want %q", got, test.want)
			}
		})
	}
}

func TestEventsThatAreNoRequestAreAnswered(t *testing.T) {
	c := newCloud(t)
	handler, written := newPortal(t, c.environment().with(env{"JWT_JWKS": jwks}))
	for name, test := range map[string]struct{ event, want string }{
		"not JSON":                 {secretText, `"statusCode":400`},
		"payload 1.0":              {`{"version":"1.0","httpMethod":"POST","path":"/billing/portal","headers":{"authorization":"` + secretText + `"}}`, `"statusCode":500`},
		"a body that is no base64": {`{"version":"2.0","rawPath":"/billing/portal","isBase64Encoded":true,"body":"` + secretText + `!","requestContext":{"http":{"method":"POST","path":"/billing/portal"}}}`, `"statusCode":400`},
		"an impossible path":       {`{"version":"2.0","rawPath":"/%zz` + secretText + `","requestContext":{"http":{"method":"POST","path":"/%zz"}}}`, `"statusCode":400`},
	} {
		t.Run(name, func(t *testing.T) {
			answer, err := handler.Invoke(t.Context(), []byte(test.event))
			if err != nil || !strings.Contains(string(answer), test.want) {
				t.Errorf("answer = %s, %v", answer, err)
			}
			if strings.Contains(string(answer)+written.String(), secretText) {
				t.Errorf("the event was repeated: %s\n%s", answer, written)
			}
		})
	}
}
