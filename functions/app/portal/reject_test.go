package portal

import (
	"strings"
	"testing"

	"billingportal/functions/app/internal/config/configtest"
)

func TestOtherEventsAreAnswered(t *testing.T) {
	c := newCloud(t)
	handler, written := newPortal(t, c.environment().With(configtest.Env{"JWT_JWKS": jwks}))
	for name, test := range map[string]struct{ event, want string }{
		"not JSON": {secretText, `"statusCode":400`},
		"payload 1.0": {`{"version":"1.0","httpMethod":"POST","path":"/billing/portal",` +
			`"headers":{"authorization":"` + secretText + `"}}`, `"statusCode":500`},
		"a body that is no base64": {`{"version":"2.0","rawPath":"/billing/portal","isBase64Encoded":true,"body":"` +
			secretText + `!","requestContext":{"http":{"method":"POST","path":"/billing/portal"}}}`,
			`"statusCode":400`},
		"an impossible path": {`{"version":"2.0","rawPath":"/%zz` + secretText +
			`","requestContext":{"http":{"method":"POST","path":"/%zz"}}}`, `"statusCode":400`},
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
