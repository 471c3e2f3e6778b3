package preflight_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"billingportal/functions/internal/auth"
	"billingportal/functions/internal/preflight"
)

type keySet struct {
	algorithms []string
	err        error
}

func (k keySet) Algorithms(context.Context) ([]string, error) { return k.algorithms, k.err }

func TestKeysOfEachName(t *testing.T) {
	unavailable := &auth.KeysUnavailableError{Err: errors.New("no connection")}
	for name, test := range map[string]struct {
		keys   keySet
		alias  int
		want   preflight.Finding
		advice string // a part of it
	}{
		"the issuer":           {keySet{algorithms: []string{"ES256", "RS256"}}, 0, preflight.Finding{Name: "issuer's keys", Status: preflight.OK, Detail: "usable: ES256, RS256"}, ""},
		"the issuer is down":   {keySet{err: unavailable}, 0, preflight.Finding{Name: "issuer's keys", Status: preflight.Problem, Detail: "no connection"}, "Compare JWT_ISSUER, to the last slash"},
		"another failure":      {keySet{err: errors.New("unforeseen")}, 0, preflight.Finding{Name: "issuer's keys", Status: preflight.Problem, Detail: "unforeseen"}, ""},
		"the first alias":      {keySet{algorithms: []string{"RS256"}}, 1, preflight.Finding{Name: "keys of the issuer's alias 1", Status: preflight.OK, Detail: "usable: RS256"}, ""},
		"an alias is down":     {keySet{err: unavailable}, 4, preflight.Finding{Name: "keys of the issuer's alias 4", Status: preflight.Warning, Detail: "no connection"}, "Compare number 4 of JWT_ISSUER_ALIASES"},
		"an alias's other one": {keySet{err: errors.New("unforeseen")}, 1, preflight.Finding{Name: "keys of the issuer's alias 1", Status: preflight.Warning, Detail: "unforeseen"}, ""},
	} {
		findings := preflight.Run(t.Context(), []preflight.Check{preflight.IssuerKeys(test.keys, test.alias)})
		if len(findings) != 1 {
			t.Errorf("%s: %+v", name, findings)
			continue
		}
		got := findings[0]
		if got.Name != test.want.Name || got.Status != test.want.Status || got.Detail != test.want.Detail || !strings.HasPrefix(got.Advice, test.advice) || (test.advice == "") != (got.Advice == "") {
			t.Errorf("%s: %+v, want %+v, %s", name, got, test.want, test.advice)
		}
	}
}
