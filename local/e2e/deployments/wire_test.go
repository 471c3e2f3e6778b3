package deployments

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/go-jose/go-jose/v4"

	"billingportal/functions/app/portal"
	"billingportal/local/internal/devserver"
	"billingportal/local/internal/devserver/devservertest"
	"billingportal/local/internal/fakestripe"
)

// TestEveryFlowWithEveryParameterOnTheWire sends each flow with all its parameters through gateway,
// function and stripe-go to stripe-mock, which checks it against Stripe's OpenAPI document. It
// compares the form that arrived.
func TestEveryFlowWithEveryParameterOnTheWire(t *testing.T) {
	l, _ := devservertest.Start(t, func(l *devserver.Server) {
		var err error
		if l.Stripe, err = fakestripe.New(fakestripe.Config{PublicURL: l.Origin, Keys: []string{devserver.DemoKey},
			Record: true}); err != nil {
			t.Fatal(err)
		}
	})
	common := map[string]string{
		"return_url":    l.Origin + "/back?a=b&c=d",
		"configuration": "bpc_DemoDefault",
		"on_behalf_of":  "acct_DemoConnect",
		"locale":        "pt-BR",
	}
	const cancel, confirm, after = "flow_data[subscription_cancel]", "flow_data[subscription_update_confirm]",
		"flow_data[after_completion]"
	for name, flow := range map[string]map[string]string{
		"no flow": {},
		"payment_method_update": {
			"flow_data[type]": "payment_method_update",
			after + "[type]":  "portal_homepage",
		},
		"subscription_cancel": {
			"flow_data[type]":                               "subscription_cancel",
			cancel + "[subscription]":                       "sub_DemoAlice",
			cancel + "[retention][type]":                    "coupon_offer",
			cancel + "[retention][coupon_offer][coupon]":    "STAY20",
			after + "[type]":                                "hosted_confirmation",
			after + "[hosted_confirmation][custom_message]": "Schön, dass du bleibst & danke!",
		},
		"subscription_update": {
			"flow_data[type]": "subscription_update",
			"flow_data[subscription_update][subscription]": "sub_DemoAlice",
			after + "[type]":                 "redirect",
			after + "[redirect][return_url]": l.Origin + "/done",
		},
		"subscription_update_confirm": {
			"flow_data[type]":                  "subscription_update_confirm",
			confirm + "[subscription]":         "sub_DemoAlice",
			confirm + "[items][0][id]":         "si_DemoAlice",
			confirm + "[items][0][price]":      "price_ProMonthly",
			confirm + "[items][0][quantity]":   "1",
			confirm + "[discounts][0][coupon]": "STAY20",
		},
		"subscription_update_confirm with a promotion code": {
			"flow_data[type]":                          "subscription_update_confirm",
			confirm + "[subscription]":                 "sub_DemoAlice",
			confirm + "[items][0][id]":                 "si_DemoAlice",
			confirm + "[items][0][price]":              "price_ProMonthly",
			confirm + "[discounts][0][promotion_code]": "promo_DemoSpring",
		},
	} {
		t.Run(name, func(t *testing.T) {
			form, want := url.Values{}, url.Values{"customer": {"cus_DemoAlice"}}
			for _, parameters := range []map[string]string{common, flow} {
				for name, value := range parameters {
					form.Set(name, value)
					want.Set(name, value)
				}
			}
			before := len(l.Stripe.Requests())
			response, body := l.Post(t, "alice", form, nil)
			if response.StatusCode != http.StatusSeeOther {
				t.Fatalf("status %d: %s", response.StatusCode, body)
			}
			requests := l.Stripe.Requests()[before:]
			sent := requests[len(requests)-1]
			if sent.Path != "/v1/billing_portal/sessions" || !reflect.DeepEqual(sent.Form(), want) {
				t.Errorf("sent to %s: %v\nwant %v", sent.Path, sent.Form(), want)
			}
		})
	}
}

// TestBadTokensReachNoUpstream sends each kind of invalid token through the whole function and
// checks the code and that DynamoDB and Stripe are not called.
func TestBadTokensReachNoUpstream(t *testing.T) {
	u := startUpstreams(t)
	env := u.Environment(u.Origin)
	function, err := portal.New(t.Context(), func(name string) string { return env[name] }, &devservertest.LogBuffer{})
	if err != nil {
		t.Fatal(err)
	}
	good := map[string]any{"iss": u.Origin + devserver.IssuerPath, "aud": devserver.Audience, "sub": "alice",
		"exp": time.Now().Add(time.Hour).Unix()}
	with := func(name string, value any) map[string]any {
		claims := maps.Clone(good)
		claims[name] = value
		return claims
	}
	mint := func(claims map[string]any) string {
		token, err := u.Issuer.Token("alice", claims, time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		return token
	}
	foreign, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	public, ok := u.Issuer.KeySet().Keys[0].Key.(*rsa.PublicKey)
	if !ok {
		t.Fatal("the key of the issuer is not an RSA key")
	}
	kid := u.Issuer.KeySet().Keys[0].KeyID
	segment := func(v any) string {
		encoded, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return base64.RawURLEncoding.EncodeToString(encoded)
	}
	for name, test := range map[string]struct {
		headers map[string]string
		code    string
	}{
		"none": {map[string]string{}, "missing-credentials"},
		"two": {map[string]string{"Authorization": "Bearer " + mint(nil),
			"Cookie": "session=" + mint(nil)}, "invalid-request"},
		"garbage":    {devservertest.Bearer("garbage"), "invalid-token"},
		"8,000 dots": {devservertest.Bearer(strings.Repeat(".", 8000)), "invalid-token"},
		"expired": {devservertest.Bearer(mint(with("exp", time.Now().Add(-time.Minute).Unix()))),
			"invalid-token"},
		"no expiry":           {devservertest.Bearer(mint(with("exp", nil))), "invalid-token"},
		"wrong issuer":        {devservertest.Bearer(mint(with("iss", "https://evil.example"))), "invalid-token"},
		"wrong audience":      {devservertest.Bearer(mint(with("aud", "another"))), "invalid-token"},
		"no user":             {devservertest.Bearer(mint(with("sub", nil))), "invalid-token"},
		"somebody else's key": {devservertest.Bearer(sign(t, jose.ES256, foreign, kid, good)), "invalid-token"},
		"HS256 with the public key": {devservertest.Bearer(sign(t, jose.HS256,
			public.N.Bytes(), kid, good)), "invalid-token"},
		"alg none": {devservertest.Bearer(segment(map[string]string{"alg": "none", "typ": "JWT"}) + "." +
			segment(good) + "."), "invalid-token"},
	} {
		t.Run(name, func(t *testing.T) {
			event, err := devserver.Request{Headers: test.headers}.Event(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			var answer events.APIGatewayV2HTTPResponse
			if err := json.Unmarshal(devservertest.Invoke(t, function, event), &answer); err != nil {
				t.Fatal(err)
			}
			if code := devservertest.CodeOf(t, answer.Body); code != test.code {
				t.Errorf("status = %d, code = %s", answer.StatusCode, code)
			}
			if calls := u.take(); calls["dynamodb"] != 0 || calls["stripe"] != 0 {
				t.Errorf("an invalid token caused calls: %v", calls)
			}
		})
	}
	event, err := devserver.Request{Headers: devservertest.Bearer(mint(nil))}.Event(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if answer := devservertest.Invoke(t, function, event); !strings.Contains(string(answer), `"statusCode":303`) {
		t.Errorf("a valid token: %s", answer)
	}
}

func sign(t *testing.T, algorithm jose.SignatureAlgorithm, key crypto.PrivateKey, kid string,
	claims map[string]any) string {
	t.Helper()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: algorithm, Key: key},
		(&jose.SignerOptions{}).WithHeader("kid", kid))
	if err != nil {
		t.Fatal(err)
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := signer.Sign(payload)
	if err != nil {
		t.Fatal(err)
	}
	token, err := signed.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return token
}
