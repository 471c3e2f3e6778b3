package preflight_test

import (
	"slices"
	"testing"

	"billingportal/functions/internal/preflight"
)

func TestACookieNeedsADomain(t *testing.T) {
	for domain, want := range map[preflight.Domain]preflight.Finding{
		preflight.OwnDomain: {Status: preflight.OK,
			Detail: "the API has its own domain. Browsers send the cookie if that domain is on the app's site"},
		preflight.NoDomain: {Status: preflight.Warning,
			Detail: "SESSION_COOKIE is set, but the API does not have its own domain, so no browser sends the cookie",
			Advice: "Deploy with DomainName on the app's site, such as billing.example.com for app.example.com, and " +
				"set the cookie for both. Or remove SESSION_COOKIE and let pages send tokens."},
		preflight.DomainNotInVariables: {Status: preflight.Warning,
			Detail: "SESSION_COOKIE is set, and the variables do not say whether the API has its own domain. " +
				"Without one, no browser sends the cookie",
			Advice: "Check the deployed stack: go run ./local doctor --stack NAME."},
	} {
		want.Name = "session cookie"
		if findings := preflight.Run(t.Context(), []preflight.Check{preflight.CookieReachesAPI(domain)}); !slices.Equal(
			findings, []preflight.Finding{want}) {
			t.Errorf("%+v, want %+v", findings, want)
		}
	}
}
