package preflight_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"billingportal/functions/internal/auth"
	"billingportal/functions/internal/preflight"
)

type keySet struct {
	algorithms []string
	err        error
}

func (k keySet) Algorithms(context.Context) ([]string, error) { return k.algorithms, k.err }

func TestKeysOfTheIssuerAndItsAliases(t *testing.T) {
	unavailable := &auth.KeysUnavailableError{Err: errors.New("no connection")}
	for name, test := range map[string]struct {
		keys   keySet
		alias  int
		want   preflight.Finding
		advice string
	}{
		"the issuer": {keySet{algorithms: []string{"ES256", "RS256"}}, 0,
			preflight.Finding{Name: "issuer's keys", Status: preflight.OK, Detail: "usable: ES256, RS256"}, ""},
		"the issuer is down": {keySet{err: unavailable}, 0,
			preflight.Finding{
				Name: "issuer's keys", Status: preflight.Problem, Detail: "no connection",
			}, "Compare JWT_ISSUER (including a slash at its end) and JWT_JWKS_URL with the provider's values. go " +
				"run ./local configure < token.txt finds both from a token."},
		"another failure": {keySet{err: errors.New("unforeseen")}, 0,
			preflight.Finding{Name: "issuer's keys", Status: preflight.Problem, Detail: "unforeseen"}, ""},
		"the first alias": {keySet{algorithms: []string{"RS256"}}, 1,
			preflight.Finding{Name: "keys of the issuer's alias 1", Status: preflight.OK, Detail: "usable: RS256"}, ""},
		"an alias is down": {keySet{err: unavailable}, 4,
			preflight.Finding{
				Name: "keys of the issuer's alias 4", Status: preflight.Warning, Detail: "no connection",
			}, "Compare number 4 of JWT_ISSUER_ALIASES (including a slash at its end) with the provider's issuer. " +
				"Its tokens get 503 until its keys can be fetched. Remove it if no token has it."},
		"another failure of an alias": {keySet{err: errors.New("unforeseen")}, 1,
			preflight.Finding{Name: "keys of the issuer's alias 1", Status: preflight.Warning, Detail: "unforeseen"},
			""},
	} {
		test.want.Advice = test.advice
		if findings := preflight.Run(t.Context(), []preflight.Check{preflight.IssuerKeys(test.keys,
			test.alias)}); !slices.Equal(findings, []preflight.Finding{test.want}) {
			t.Errorf("%s: %+v, want %+v", name, findings, test.want)
		}
	}
}
