package tokenadvice

import (
	"encoding/base64"
	"slices"
	"strings"
	"testing"
)

func tokenOf(claims string) string {
	encode := base64.RawURLEncoding.EncodeToString
	return encode([]byte(`{"alg":"RS256"}`)) + "." + encode([]byte(claims)) + ".c2ln"
}

// Issuers without discovery publish their keys at addresses that their documentation names.
func TestKeySetsOfProviders(t *testing.T) {
	for _, test := range []struct{ claims, want string }{
		{`{"iss":"https://tenant.example.com/"}`, "https://tenant.example.com/.well-known/jwks.json"},
		{`{"iss":"https://app.example.com"}`, "https://app.example.com/api/auth/jwks"},
		{`{"iss":"http://adfs.example.com/adfs/services/trust"}`, "https://adfs.example.com/adfs/discovery/keys"},
		{`{"iss":"https://api.workos.com/user_management/client_1"}`, "https://api.workos.com/sso/jwks/client_1"},
		{`{"iss":"https://api.workos.com","aud":"client_1"}`, "https://api.workos.com/sso/jwks/client_1"},
		{`{"iss":"stytch.com/project-live-1"}`, "https://api.stytch.com/v1/sessions/jwks/project-live-1"},
		{`{"iss":"stytch.com/project-test-1"}`, "https://test.stytch.com/v1/b2b/sessions/jwks/project-test-1"},
		{`{"iss":"P2EXAMPLE0000000000000000000"}`,
			"https://api.descope.com/P2EXAMPLE0000000000000000000/.well-known/jwks.json"},
		{`{"iss":"https://api.descope.com/v1/apps/P2EXAMPLE"}`,
			"https://api.descope.com/P2EXAMPLE/.well-known/jwks.json"},
	} {
		token, err := Read(tokenOf(test.claims))
		if err != nil {
			t.Fatal(err)
		}
		if places := token.KeySets(); !slices.Contains(places, test.want) {
			t.Errorf("%s: %q", test.claims, places)
		}
	}
	for _, claims := range []string{`{"iss":"acme.com"}`, `{"iss":"PROJECT"}`, `{}`} {
		token, err := Read(tokenOf(claims))
		if err != nil {
			t.Fatal(err)
		}
		if places := token.KeySets(); len(places) != 0 {
			t.Errorf("%s: %q", claims, places)
		}
	}
}

// A claim is found as the verifier finds it: first by the whole name, then by the path with the
// longer first name.
func TestClaimsAreFoundAsTheVerifierFindsThem(t *testing.T) {
	for _, test := range []struct{ claims, team string }{
		{`{"o":{"id":"1"}}`, "o.id 1"},
		{`{"o.id":"2","o":{"id":"1"}}`, "o.id 2"},
		{`{"o.id":17,"o":{"id":"1"}}`, ""},
		{`{"iss":"https://a.example/t1","org_id":"t1"}`, ""}, // the same for everyone
		{`{"https://stytch.com/organization":{"organization_id":"3"}}`,
			"https://stytch.com/organization.organization_id 3"},
	} {
		token, err := Read(tokenOf(test.claims))
		if err != nil {
			t.Fatal(err)
		}
		var got string
		for _, team := range token.Teams() {
			got += team.Name + " " + strings.Join(team.Values, ",")
		}
		if got != test.team {
			t.Errorf("%s: %q", test.claims, got)
		}
	}
}

// An escape has only one reading, which is the reading of TOML too.
func TestPrintableEscapesAreUnambiguous(t *testing.T) {
	if got, want := Printable("a\u202e1\U000e00411é"), `a\u202e1\U000e00411é`; got != want {
		t.Errorf("%s, not %s", got, want)
	}
}

func FuzzRead(f *testing.F) {
	f.Add(tokenOf(`{"iss":"https://a.example","aud":["account"],"sub":"u"}`))
	f.Add("Authorization: Bearer " + tokenOf(`{"exp":1e400,"sub":{"a":[]}}`))
	f.Add(`{"access_token":"` + tokenOf(`{}`) + `","id_token":"a.b.c.d.e"}`)
	f.Add("\xff\xfee\x00y\x00J\x00")
	f.Add("Cookie: a=eyJ.eyJ.;\n\x1b[0m")
	f.Fuzz(func(t *testing.T, pasted string) {
		token, err := Read(pasted)
		if err != nil {
			if text := err.Error(); text != Printable(text) {
				t.Errorf("not printable: %q", text)
			}
			return
		}
		if strings.ContainsAny(token.Compact, " \r\n") {
			t.Errorf("white space in %q", token.Compact)
		}
		if audience := token.Audience(); audience != "" && !IsSetting(audience) {
			t.Errorf("audience %q", audience)
		}
		token.Users()
		token.Roles()
		token.KeySets()
		for _, claim := range []string{"exp", "nbf", "iat"} {
			if token.TimeProblem(claim) != "" && !token.Time(claim).IsZero() {
				t.Errorf("%s is a time and none", claim)
			}
		}
	})
}
