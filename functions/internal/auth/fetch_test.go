package auth

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"billingportal/functions/faulttest"
)

func TestTries(t *testing.T) {
	good := ok(jwks(keyA()))
	padded := func(size int) answer { return ok(jwks(keyA()) + strings.Repeat(" ", size-len(jwks(keyA())))) }
	late := func(d time.Duration) answer { return drip(jwks(keyA())[:1], d) }
	for _, c := range []struct {
		rule   string
		answer answer
		want   string
		count  string
		within time.Duration
	}{
		{"good", good, "accepted", "0+1", 0},
		{"500, then good", sequence(status(500, ""), good), "accepted", "0+2", triesApart},
		{"503, then good", sequence(status(503, ""), good), "accepted", "0+2", triesApart},
		{"503 every time", status(503, ""), "keys unavailable", "0+2", triesApart},
		{"connection reset, then good", sequence(broken, good), "accepted", "0+2", triesApart},
		{"cut short, then good", sequence(cutShort("{"), good), "accepted", "0+2", triesApart},
		{"hang, then good", sequence(hang, good), "accepted", "0+2", tryTimeout + triesApart},
		{"hang every time", hang, "keys unavailable", "0+2", 2*tryTimeout + triesApart},
		{"drip, then good", sequence(drip(jwks(keyA()), 50*time.Millisecond), good), "accepted", "0+2",
			tryTimeout + triesApart},
		{"body in 1.4 s", late(1400 * time.Millisecond), "keys unavailable", "0+1", 1400 * time.Millisecond},
		{"body in 1.6 s, then good", sequence(late(1600*time.Millisecond), good), "accepted", "0+2",
			tryTimeout + triesApart},
		{"206 with keys", status(206, jwks(keyA())), "keys unavailable", "0+1", 0},
		{"404", status(404, ""), "keys unavailable", "0+1", 0},
		{"429", status(429, ""), "keys unavailable", "0+1", 0},
		{"301", status(301, "", "Location: "+keysURL), "keys unavailable", "0+1", 0},
		{"150,000 bytes", padded(150_000), "accepted", "0+1", 0},
		{"150,001 bytes", padded(150_001), "keys unavailable", "0+1", 0},
		{"HTML", ok("<html>"), "keys unavailable", "0+1", 0},
	} {
		t.Run(c.rule, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				issuer := newFakeIssuer()
				issuer.set(keysURL, c.answer)
				s := over(newRemote(t, RemoteConfig{JWKSURL: keysURL, Transport: issuer}))
				faulttest.RequireWithin(t, c.within, func() { expect(t, "outcome", s.try("a"), c.want) })
				expect(t, "fetches", issuer.count(), c.count)
			})
		})
	}
}

// Discovery and keys together take at most 3.5 s, however they fail. With the request's other
// steps, the answer comes within 4 s.
func TestRefreshIsBoundedAsAWhole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		issuer := newFakeIssuer()
		document := m{"issuer": testIssuer, "jwks_uri": keysURL}.String()
		issuer.set(discoveryURL, sequence(hang, ok(document)))
		issuer.set(keysURL, hang)
		faulttest.RequireWithin(t, refreshTimeout, func() {
			expect(t, "outcome", over(issuer.keySet(t)).try("a"), "keys unavailable")
		})
	})
}
