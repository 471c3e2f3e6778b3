package auth

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"testing"

	"billingportal/functions/internal/strictjson"
)

// stricter lists the vectors that Wycheproof calls valid but this package refuses, with the reason.
var stricter = map[int]string{
	346: "the JWK is for PS256 and the token is PS384",
	350: "the JWK is for PS256 and the token is PS384",
	347: "the JWK's alg is ES521, which is in no standard",
	351: "the JWK's alg is ES521, which is in no standard",
}

// TestWycheproof runs every asymmetric signature and key of Project Wycheproof. It checks that
// every valid one is accepted, except for those in stricter, and every invalid one is refused.
// testdata/README.md names the source of the vectors.
func TestWycheproof(t *testing.T) {
	for _, file := range []string{"wycheproof_signatures.json", "wycheproof_keys.json"} {
		t.Run(file, func(t *testing.T) {
			accepted, refused := 0, 0
			for _, g := range wycheproof(t, file) {
				for _, v := range g.Tests {
					want := v.Result == "valid" && stricter[v.ID] == ""
					got := g.accepts(v.JWS)
					if got != want {
						t.Errorf("%d %s: accepted %v, want %v", v.ID, v.Comment, got, want)
					}
					if got {
						accepted++
					} else {
						refused++
					}
				}
			}
			t.Logf("%d vectors: %d accepted, %d refused", accepted+refused, accepted, refused)
		})
	}
}

type wycheproofGroup struct {
	Public json.RawMessage
	Tests  []struct {
		ID      int `json:"tcId"`
		Comment string
		Result  string
		JWS     string
	}
}

func wycheproof(t *testing.T, file string) (groups []wycheproofGroup) {
	t.Helper()
	data, err := os.ReadFile("testdata/" + file)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &groups); err != nil {
		t.Fatal(err)
	}
	return groups
}

// accepts checks only the signature, because the vectors' payloads contain no claims.
func (g wycheproofGroup) accepts(jws string) bool {
	set := string(g.Public)
	if _, isSet := must(strictjson.ParseObject(g.Public))["keys"]; !isSet {
		set = fmt.Sprintf(`{"keys":[%s]}`, set)
	}
	keys, err := ParseStaticKeySet([]byte(set))
	if err != nil {
		return false
	}
	parsed, err := parseToken(jws)
	return err == nil && keys.verifySignature(context.Background(), parsed) == nil
}
