package auth

import (
	"context"
	"crypto/ecdsa"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// aliases are other names of the test issuer. The second is on another host; the third differs from
// the issuer only in its last slash.
var aliases = []string{"https://login.example.com", "https://other.example/tenant", testIssuer + "/"}

// A family is an issuer with several names. Each name has its own key, and all keys have the kid k.
type family struct {
	*fakeIssuer
	*Verifier
	sets map[string]*RemoteKeySet
	keys map[string]*ecdsa.PrivateKey
}

func newFamily(t *testing.T) *family {
	t.Helper()
	f := &family{fakeIssuer: newFakeIssuer(), sets: map[string]*RemoteKeySet{}, keys: map[string]*ecdsa.PrivateKey{
		testIssuer: ec256(), aliases[0]: ec256B(), aliases[1]: ec256C(), aliases[2]: ec256D(),
	}}
	named := NamedKeySets{}
	for name, key := range f.keys {
		if name != aliases[2] { // its document would have the same address as the issuer's
			f.publish(name, jwk(key, m{"kid": "k"}))
		}
		f.sets[name] = newRemote(t, RemoteConfig{Issuer: name, Transport: f.fakeIssuer})
		named[name] = f.sets[name]
	}
	f.Verifier = NewVerifier(Config{Issuer: testIssuer, Aliases: aliases, Audiences: []string{testAudience}}, named)
	return f
}

// placeOf returns the address under which a name's document is published.
func placeOf(name string) string {
	if name == testIssuer+"/" {
		return testIssuer // discovery removes the slash (OpenID Connect Discovery 1.0, section 4.1)
	}
	return name
}

func keysOf(name string) string {
	return "https://keys.example/" + strings.TrimPrefix(name, "https://")
}

func (f *family) publish(name string, keys ...m) {
	f.set(placeOf(name)+"/.well-known/openid-configuration", ok(m{"issuer": name, "jwks_uri": keysOf(name)}.String()))
	f.set(keysOf(name), ok(jwks(keys...)))
}

// try verifies a token that carries name and is signed with the key of signer.
func (f *family) try(name, signer, kid string) (Caller, error) {
	claims := goodClaims().with(m{"iss": name, "iat": time.Now().Unix(),
		"exp": time.Now().Add(30 * 24 * time.Hour).Unix()})
	return f.Verify(context.Background(),
		issue(m{"alg": "ES256", "kid": kid}.String(), claims.String(), jose.ES256, f.keys[signer]))
}

func (f *family) outcome(name, signer, kid string) string {
	_, err := f.try(name, signer, kid)
	return outcome(err)
}

// fetches returns the addresses that were requested since the last call.
func (f *family) fetches() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	asked := strings.Join(f.asked, " ")
	f.asked = nil
	return asked
}

func fetchesOf(name string) string {
	return placeOf(name) + "/.well-known/openid-configuration " + keysOf(name)
}

func TestATokenIsCheckedWithTheKeysOfItsOwnName(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFamily(t)
		names := append([]string{testIssuer}, aliases[:2]...)
		for i, name := range names {
			caller, err := f.try(name, name, "k")
			expect(t, name, fmt.Sprint(caller.UserID, " ", caller.Alias, " ", err), fmt.Sprint("user-1 ", i, " <nil>"))
		}
		f.fetches()
		for _, name := range names {
			for _, signer := range names {
				want := "bad signature"
				if signer == name {
					want = "accepted"
				}
				expect(t, name+" signed by "+signer, f.outcome(name, signer, "k"), want)
			}
		}
		expect(t, "fetches", f.fetches(), "")
	})
}

// A kid is valid in only one set: the key of another name is unknown, even if it is cached.
func TestAKeyOfAnotherNameIsUnknown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFamily(t)
		f.publish(aliases[0], jwk(ec256B(), m{"kid": "only-the-alias"}))
		f.publish(testIssuer, jwk(ec256(), m{"kid": "only-the-issuer"}))
		expect(t, "the alias", f.outcome(aliases[0], aliases[0], "only-the-alias"), "accepted")
		expect(t, "the issuer", f.outcome(testIssuer, testIssuer, "only-the-issuer"), "accepted")
		time.Sleep(cooldown)
		f.fetches()
		expect(t, "the issuer's token with the alias's key",
			f.outcome(testIssuer, aliases[0], "only-the-alias"), "unknown key")
		expect(t, "fetches", f.fetches(), fetchesOf(testIssuer))
		expect(t, "the alias's token with the issuer's key",
			f.outcome(aliases[0], testIssuer, "only-the-issuer"), "unknown key")
		expect(t, "fetches", f.fetches(), fetchesOf(aliases[0]))
		expect(t, "without a kid", f.outcome(testIssuer, aliases[0], ""), "bad signature")
	})
}

func TestAnAliasIsFetchedWithItsFirstToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFamily(t)
		if err := f.sets[testIssuer].Prefetch(t.Context()); err != nil {
			t.Fatal(err)
		}
		expect(t, "at start", f.fetches(), fetchesOf(testIssuer))
		expect(t, "the issuer", f.outcome(testIssuer, testIssuer, "k"), "accepted")
		expect(t, "fetches", f.fetches(), "")
		expect(t, "an alias", f.outcome(aliases[0], aliases[0], "k"), "accepted")
		expect(t, "fetches", f.fetches(), fetchesOf(aliases[0]))
		expect(t, "the alias again", f.outcome(aliases[0], aliases[0], "k"), "accepted")
		expect(t, "fetches", f.fetches(), "")
	})
}

func TestAnUnknownIssuerCostsNoFetch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFamily(t)
		for _, iss := range []any{
			"https://evil.example", testIssuer + "//", aliases[0] + "/", strings.ToUpper(aliases[0]),
			aliases[0] + ".evil.example",
			aliases[0] + "," + aliases[1], " " + aliases[0], strings.Join(aliases, " "), "https://*", "",
			[]string{aliases[0]}, []string{testIssuer, aliases[0]}, nil, 1, m{"iss": aliases[0]},
		} {
			claims := goodClaims().with(m{"iss": iss, "iat": time.Now().Unix(),
				"exp": time.Now().Add(time.Hour).Unix()})
			caller, err := f.Verify(context.Background(),
				issue(`{"alg":"ES256","kid":"k"}`, claims.String(), jose.ES256, ec256()))
			if got := outcome(err); got != "issuer mismatch" && got != "no issuer" || caller != (Caller{}) {
				t.Errorf("%v: %v, %+v", iss, got, caller)
			}
		}
		expect(t, "fetches", f.fetches(), "")
	})
}

// The alias's document must name the alias. Otherwise another issuer could speak for it.
func TestTheDocumentOfAnAliasNamesTheAlias(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFamily(t)
		f.set(aliases[0]+"/.well-known/openid-configuration",
			ok(m{"issuer": testIssuer, "jwks_uri": keysOf(testIssuer)}.String()))
		expect(t, "an alias", f.outcome(aliases[0], testIssuer, "k"), "keys unavailable")
		expect(t, "fetches", f.fetches(), aliases[0]+"/.well-known/openid-configuration")
	})
}

func TestNamesThatDifferInASlashHaveTheirOwnDocument(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFamily(t)
		f.publish(aliases[2], jwk(ec256D(), m{"kid": "k"}))
		caller, err := f.try(aliases[2], aliases[2], "k")
		expect(t, "with the slash", fmt.Sprint(caller.Alias, err), "3 <nil>")
		expect(t, "without", f.outcome(testIssuer, testIssuer, "k"), "keys unavailable")
	})
}

// Each name has its own cache, back-off and limits. If one fails, only its tokens get 503.
func TestFailingNameDoesNotAffectOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFamily(t)
		f.set(aliases[0]+"/.well-known/openid-configuration", broken)
		for range 3 {
			caller, err := f.try(aliases[0], aliases[0], "k")
			expect(t, "the alias that fails", fmt.Sprint(outcome(err), caller.Alias), "keys unavailable1")
		}
		expect(t, "fetches: two tries, then back-off", f.fetches(),
			strings.TrimSpace(strings.Repeat(aliases[0]+"/.well-known/openid-configuration ", tries)))
		expect(t, "the issuer", f.outcome(testIssuer, testIssuer, "k"), "accepted")
		expect(t, "fetches", f.fetches(), fetchesOf(testIssuer))
		expect(t, "the other alias", f.outcome(aliases[1], aliases[1], "k"), "accepted")
		f.publish(aliases[0], jwk(ec256B(), m{"kid": "k"}))
		time.Sleep(minBackoff)
		expect(t, "the alias, once it works", f.outcome(aliases[0], aliases[0], "k"), "accepted")

		// The issuer fails for longer than its keys may be used; the alias does not.
		f.set(discoveryURL, broken)
		f.set(keysOf(testIssuer), broken)
		for range 4 {
			time.Sleep(time.Hour)
			expect(t, "the alias", f.outcome(aliases[0], aliases[0], "k"), "accepted")
		}
		expect(t, "the issuer", f.outcome(testIssuer, testIssuer, "k"), "keys unavailable")
	})
}

func TestKeysFetchedIsTheTimeOfTheKeysThatCheckedTheToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFamily(t)
		first := time.Now()
		f.outcome(testIssuer, testIssuer, "k")
		time.Sleep(time.Minute)
		second := time.Now()
		f.outcome(aliases[0], aliases[0], "k")
		time.Sleep(time.Minute)
		for _, c := range []struct {
			what         string
			name, signer string
			kid          string
			want         time.Time
		}{
			{"the issuer", testIssuer, testIssuer, "k", first},
			{"the alias", aliases[0], aliases[0], "k", second},
			{"a bad signature", aliases[0], testIssuer, "k", second},
			{"a key that is unknown", aliases[0], aliases[0], "new", time.Now()},
			{"an unknown issuer", "https://evil.example", testIssuer, "k", time.Time{}},
		} {
			caller, _ := f.try(c.name, c.signer, c.kid)
			if !caller.KeysFetched.Equal(c.want) {
				t.Errorf("%s: %v, want %v", c.what, caller.KeysFetched, c.want)
			}
		}
		f.set(aliases[1]+"/.well-known/openid-configuration", broken)
		caller, _ := f.try(aliases[1], aliases[1], "k")
		expect(t, "keys that cannot be fetched", fmt.Sprint(caller.KeysFetched.IsZero()), "true")
	})
}

// JWT_JWKS and JWT_JWKS_URL hold the keys of all names.
func TestOneKeySetForAllNames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFamily(t)
		for what, keys := range map[string]KeySet{
			"given":   staticKeys(t, keyA(), keyB()),
			"fetched": newRemote(t, RemoteConfig{JWKSURL: keysURL, Transport: f.fakeIssuer}),
		} {
			f.set(keysURL, ok(jwks(keyA(), keyB())))
			f.Verifier = NewVerifier(Config{Issuer: testIssuer, Aliases: aliases, Audiences: []string{testAudience}},
				keys)
			for i, name := range append([]string{testIssuer}, aliases...) {
				caller, err := f.try(name, testIssuer, "a")
				expect(t, what+" "+name, fmt.Sprint(caller.Alias, err), fmt.Sprint(i, " <nil>"))
				expect(t, what+" "+name, f.outcome(name, aliases[0], "b"), "accepted")
			}
		}
		expect(t, "fetches", f.fetches(), keysURL)
	})
}

func TestANameWithoutKeysIsRefused(t *testing.T) {
	f := newFamily(t)
	f.Verifier = NewVerifier(Config{Issuer: testIssuer, Aliases: aliases, Audiences: []string{testAudience}},
		NamedKeySets{testIssuer: staticKeys(t, keyA())})
	expect(t, "the issuer", f.outcome(testIssuer, testIssuer, "a"), "accepted")
	expect(t, "an alias", f.outcome(aliases[0], testIssuer, "a"), "no keys for the issuer")
}

// The rules are the same for all names, and a refusal does not reveal the user.
func TestRulesAreTheSameForAllNames(t *testing.T) {
	cfg := Config{Issuer: testIssuer, Aliases: aliases, Audiences: []string{testAudience}, RequiredScope: "billing",
		RequiredClaim: RequiredClaim{"role", []string{"admin"}}}
	v := newTestVerifier(cfg, staticKeys(t, keyA()))
	good := m{"iss": aliases[1], "scope": "billing", "role": "admin"}
	for _, c := range []struct {
		rule   string
		claims m
		want   string
	}{
		{"all rules met", good, "accepted"},
		{"another audience", good.with(m{"aud": "x"}), "audience mismatch"},
		{"no expiry", good.with(m{"exp": nil}), "malformed expiry"},
		{"no user", good.with(m{"sub": nil}), "no user"},
		{"no scope", good.with(m{"scope": "x"}), "insufficient scope billing"},
		{"no role", good.with(m{"role": "x"}), "insufficient role role"},
	} {
		caller, err := v.Verify(context.Background(), es256("a", goodClaims().with(c.claims)))
		expect(t, c.rule, outcome(err), c.want)
		want := Caller{Alias: 2}
		if err == nil {
			want.UserID = "user-1"
		}
		if caller != want {
			t.Errorf("%s: %+v, want %+v", c.rule, caller, want)
		}
	}
}
