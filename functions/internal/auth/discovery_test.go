package auth

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestConfigurationDocument(t *testing.T) {
	document := func(more m) answer {
		return ok(m{"issuer": testIssuer, "jwks_uri": keysURL}.with(more).String())
	}
	for _, c := range []struct {
		rule   string
		answer answer
		want   string
	}{
		{"issuer and keys", document(nil), "accepted"},
		{"more members", document(m{"token_endpoint": "https://x", "x": []int{1}}), "accepted"},
		{"another issuer", document(m{"issuer": "https://evil.example"}), "keys unavailable"},
		{"issuer with a slash", document(m{"issuer": testIssuer + "/"}), "keys unavailable"},
		{"no issuer", ok(m{"jwks_uri": keysURL}.String()), "keys unavailable"},
		{"issuer a list", document(m{"issuer": []string{testIssuer}}), "keys unavailable"},
		{"ISSUER instead of issuer", ok(m{"ISSUER": testIssuer, "jwks_uri": keysURL}.String()), "keys unavailable"},
		{"two issuers", ok(`{"issuer":"https://evil.example",` + m{"issuer": testIssuer,
			"jwks_uri": keysURL}.String()[1:]), "keys unavailable"},
		{"no keys", document(m{"jwks_uri": nil}), "keys unavailable"},
		{"keys at a relative URL", document(m{"jwks_uri": "/jwks.json"}), "keys unavailable"},
		{"keys over http", document(m{"jwks_uri": "http://issuer.example/jwks.json"}), "keys unavailable"},
		{"keys over http on a loopback host",
			document(m{"jwks_uri": "http://127.0.0.1/jwks.json"}), "keys unavailable"},
		{"keys in a file", document(m{"jwks_uri": "file:///etc/passwd"}), "keys unavailable"},
		{"keys from the metadata service",
			document(m{"jwks_uri": "https://169.254.169.254/latest"}), "keys unavailable"},
		{"keys with user information",
			document(m{"jwks_uri": "https://u:p@issuer.example/jwks.json"}), "keys unavailable"},
		{"a list", ok("[]"), "keys unavailable"},
		{"HTML", ok("<html>"), "keys unavailable"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				issuer := newFakeIssuer(keyA())
				issuer.set(discoveryURL, c.answer)
				expect(t, "a request", over(issuer.keySet(t)).try("a"), c.want)
				want := "1+1"
				if c.want != "accepted" {
					want = "1+0"
				}
				expect(t, "fetches", issuer.count(), want)
			})
		})
	}
}

func TestAddressOfTheConfigurationDocument(t *testing.T) {
	for issuerURL, want := range map[string]string{
		"https://issuer.example":             "https://issuer.example/.well-known/openid-configuration",
		"https://issuer.example/":            "https://issuer.example/.well-known/openid-configuration",
		"https://issuer.example/realms/a":    "https://issuer.example/realms/a/.well-known/openid-configuration",
		"https://issuer.example/tenant/v2.0": "https://issuer.example/tenant/v2.0/.well-known/openid-configuration",
		"http://127.0.0.1:8080/oidc":         "http://127.0.0.1:8080/oidc/.well-known/openid-configuration",
	} {
		d, err := newDiscovery(issuerURL)
		if err != nil {
			t.Fatal(err)
		}
		expect(t, issuerURL, d.address, want)
	}
}

func TestConfigurationIsKeptWhileFresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		issuer := newFakeIssuer()
		issuer.set(discoveryURL,
			ok(m{"issuer": testIssuer, "jwks_uri": keysURL}.String(), "Cache-Control: max-age=3600"))
		issuer.set(keysURL, ok(jwks(keyA()), "Cache-Control: max-age=600"))
		s := over(issuer.keySet(t))
		s.try("a")
		for range 5 {
			time.Sleep(10 * time.Minute)
			s.try("a")
		}
		expect(t, "fetches in 50 minutes", issuer.count(), "1+6")
		time.Sleep(10 * time.Minute)
		s.try("a")
		expect(t, "fetches after an hour", issuer.count(), "1+1")
	})
}

func TestKeysThatMoveAreFoundAgain(t *testing.T) {
	const newURL = testIssuer + "/v2/keys"
	moved := ok(m{"issuer": testIssuer, "jwks_uri": newURL}.String())
	setup := func(t *testing.T) (*fakeIssuer, subject) {
		issuer := newFakeIssuer()
		issuer.set(discoveryURL,
			ok(m{"issuer": testIssuer, "jwks_uri": keysURL}.String(), "Cache-Control: max-age=3600"))
		issuer.set(keysURL, ok(jwks(keyB())))
		s := over(issuer.keySet(t))
		expect(t, "before", s.forge("b"), "accepted")
		issuer.set(discoveryURL, moved)
		issuer.set(newURL, ok(jwks(keyA())))
		return issuer, s
	}
	t.Run("the old address answers 404", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			issuer, s := setup(t)
			issuer.set(keysURL, status(404, ""))
			time.Sleep(10 * time.Minute)
			expect(t, "the request that finds the 404 uses stale keys", s.forge("b"), "accepted")
			time.Sleep(time.Second)
			expect(t, "the next", s.try("a"), "accepted")
		})
	})
	t.Run("the old address keeps the old keys", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			_, s := setup(t)
			time.Sleep(cooldown)
			expect(t, "a new kid", s.try("a"), "accepted")
		})
	})
}

func TestAddresses(t *testing.T) {
	const refused = "refused"
	for address, want := range map[string]string{
		"https://issuer.example":                    "",
		"https://issuer.example:8443/jwks":          "",
		"https://10.0.0.1/jwks":                     "",
		"https://[2001:db8::1]/jwks":                "",
		"http://127.0.0.1:8080":                     "",
		"http://127.9.9.9":                          "",
		"http://localhost:8080":                     "",
		"http://[::1]:8080":                         "",
		"http://[::ffff:127.0.0.1]":                 "",
		"http://issuer.example":                     refused,
		"http://10.0.0.1":                           refused,
		"http://0.0.0.0":                            refused,
		"http://localhost.example":                  refused,
		"http://127.0.0.1.example":                  refused,
		"http://localhost@issuer.example":           refused,
		"ftp://issuer.example":                      refused,
		"HTTP://issuer.example":                     refused,
		"//issuer.example":                          refused,
		"issuer.example":                            refused,
		"https:issuer.example":                      refused,
		"https:///jwks":                             refused,
		"https://":                                  refused,
		"":                                          refused,
		"https://user@issuer.example":               refused,
		"https://user:pw@issuer.example":            refused,
		"https://issuer.example/#x":                 refused,
		"https://issuer.example/#":                  refused,
		"https://issuer.example/\n":                 refused,
		"https://169.254.169.254":                   refused,
		"http://169.254.169.254":                    refused,
		"https://169.254.170.2/v2":                  refused,
		"https://[fe80::1]":                         refused,
		"https://[fe80::1%25eth0]":                  refused,
		"https://[::ffff:169.254.169.254]":          refused,
		"https://[64:ff9b::a9fe:a9fe]":              refused,
		"https://[fd00:ec2::254]":                   refused,
		"https://100.100.100.200":                   refused,
		"https://224.0.0.1":                         refused,
		"https://[::]":                              refused,
		"https://2852039166":                        refused,
		"https://0xa9fea9fe":                        refused,
		"https://169.254.43518":                     refused,
		"https://issuer.9":                          refused,
		"https://issuer.0":                          refused,
		"https://169.254.169.254.":                  refused,
		"https://１６９.254.169.254":                   refused,
		"https://１６９.２５４.１６９.２５４":                   refused,
		"https://ıssuer.example":                    refused,
		"https://[::ffff:100.100.100.200]":          refused,
		"https://metadata.google.internal":          refused,
		"https://METADATA.google.internal.":         refused,
		"https://instance-data.ec2.internal/latest": refused,
	} {
		t.Run(address, func(t *testing.T) {
			for name, cfg := range map[string]RemoteConfig{"issuer": {Issuer: address}, "key set": {JWKSURL: address}} {
				if address == "" && name == "key set" {
					continue // means discovery
				}
				got := ""
				if _, err := NewRemoteKeySet(cfg); err != nil {
					got = refused
				}
				expect(t, name, got, want)
			}
		})
	}
	t.Run("issuer with a query", func(t *testing.T) {
		if _, err := NewRemoteKeySet(RemoteConfig{Issuer: "https://issuer.example?x=1"}); err == nil {
			t.Error("accepted")
		}
		if _, err := NewRemoteKeySet(RemoteConfig{JWKSURL: "https://issuer.example/keys?p=policy"}); err != nil {
			t.Errorf("key set with a query: %v", err)
		}
	})
}
