package secret

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

// characters must not appear in any output.
const characters = "MARKERx7Q0123456789"

func keyOf(characters string) Key { return Key{hide(characters)} }

var testKey = keyOf("sk_test_" + characters)

// holder has keys in every place in which fmt and encoders find values: exported, unexported,
// behind a pointer, in a map and as an element.
type holder struct {
	Exported   Key
	unexported Key
	Pointer    *Key
	Map        map[string]Key
	Slice      []Key
	Any        any
	cache      *Cache[Key]
}

// stored stands in for Secrets Manager with one value. It is a function, because printing a
// function does not show the value.
type stored func() string

func (s stored) GetSecretValue(context.Context, *secretsmanager.GetSecretValueInput,
	...func(*secretsmanager.Options)) (*secretsmanager.GetSecretValueOutput, error) {
	return &secretsmanager.GetSecretValueOutput{SecretString: aws.String(s())}, nil
}

func newHolder() holder {
	cache := NewCache(Config[Key]{Client: stored(func() string { return "sk_test_" + characters }), ID: "secret",
		Parse: StripeKey("api_key", false)})
	if _, err := cache.Get(context.Background()); err != nil {
		panic(err)
	}
	return holder{testKey, testKey, &testKey, map[string]Key{"k": testKey}, []Key{testKey}, testKey, cache}
}

func TestAKeyNeverPrints(t *testing.T) {
	held := newHolder()
	values := map[string]any{
		"key":             testKey,
		"pointer":         &testKey,
		"holder":          held,
		"holder pointer":  &held,
		"slice of any":    []any{testKey, held},
		"map":             map[any]any{testKey: held},
		"cache":           held.cache,
		"wrapped in text": errors.New("refused " + testKey.String()),
	}
	for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%o", "%t", "%e",
		"%c", "%U", "%10.3v", "%!"} {
		for name, value := range values {
			requireHidden(t, name+" printed with "+format, fmt.Sprintf(format, value))
		}
	}
	for name, value := range values {
		requireHidden(t, name+" as JSON", marshalled(json.Marshal(value)))
		requireHidden(t, name+" as XML", marshalled(xml.Marshal(value)))
		for _, newHandler := range []func(*bytes.Buffer) slog.Handler{
			func(b *bytes.Buffer) slog.Handler { return slog.NewJSONHandler(b, nil) },
			func(b *bytes.Buffer) slog.Handler { return slog.NewTextHandler(b, nil) },
		} {
			var out bytes.Buffer
			slog.New(newHandler(&out)).Info("message", "value", value, slog.Group("group", "value", value))
			requireHidden(t, name+" in a log", out.String())
		}
	}
	if got := fmt.Sprint(testKey); got != "[secret]" {
		t.Errorf("Sprint = %q", got)
	}
}

func marshalled(encoded []byte, err error) string { return fmt.Sprint(string(encoded), err) }

func requireHidden(t *testing.T, what, printed string) {
	t.Helper()
	for _, form := range []string{characters, fmt.Sprintf("%x", characters), fmt.Sprintf("%X", characters)} {
		if strings.Contains(printed, form) {
			t.Errorf("%s shows the key: %s", what, printed)
		}
	}
}

func TestKeysCompareByTheirCharacters(t *testing.T) {
	if keyOf("sk_test_12345678") != keyOf(string([]byte("sk_test_12345678"))) {
		t.Error("equal keys differ")
	}
	if keyOf("sk_test_12345678") == keyOf("sk_test_87654321") {
		t.Error("different keys are equal")
	}
	if got := (Key{}).Reveal(); got != "" {
		t.Errorf("the zero Key reveals %q", got)
	}
	if got := testKey.Reveal(); got != "sk_test_"+characters {
		t.Errorf("Reveal = %q", got)
	}
}

func TestStripeKey(t *testing.T) {
	const (
		key     = "sk_test_localdemo0123456789"
		liveKey = "sk_" + "live_" + "0123456789"
		field   = "STRIPE_SECRET_KEY"

		empty    = "it is empty"
		noObject = "it starts with { but is not valid JSON"
		noMember = "it is a JSON object without the member that STRIPE_SECRET_FIELD names"
		noString = "that member is not a string"
		noKey    = "it does not look like a Stripe key (sk_… or rk_…)"
		mode     = "the key's mode differs from STRIPE_LIVEMODE"
		org      = "it is an organization's key (sk_org_…), which needs a context that this service does not send: " +
			"use a key of the account itself"
	)
	for name, test := range map[string]struct{ value, want, why string }{
		"the bare key":                 {key, key, ""},
		"a trailing line feed":         {key + "\n", key, ""},
		"a trailing CR LF":             {key + "\r\n", key, ""},
		"white space around it":        {" \t" + key + " ", key, ""},
		"no-break space around it":     {"\u00a0" + key + "\u00a0", key, ""},
		"a byte order mark":            {"\ufeff" + key, key, ""},
		"in quotes":                    {`"` + key + `"`, key, ""},
		"in quotes, space around them": {" \"" + key + "\"\n", key, ""},
		"in quotes, space inside them": {`" ` + key + ` "`, key, ""},
		"a restricted key":             {"rk_test_0123456789", "rk_test_0123456789", ""},
		"a key without a mode":         {"sk_0123456789", "sk_0123456789", ""},
		"JSON":                         {`{"STRIPE_SECRET_KEY":"` + key + `"}`, key, ""},
		"JSON over several lines":      {"{\n  \"STRIPE_SECRET_KEY\": \"" + key + "\"\n}\n", key, ""},
		"JSON with a line feed inside": {`{"STRIPE_SECRET_KEY":"` + key + `\n"}`, key, ""},
		"JSON with quotes inside":      {`{"STRIPE_SECRET_KEY":"\"` + key + `\""}`, key, ""},
		"JSON with other members": {`{"account":"acct_1","STRIPE_SECRET_KEY":"` + key + `","since":1}`,
			key, ""},
		"an empty value":                     {"", "", empty},
		"white space":                        {" \n", "", empty},
		"JSON without the member":            {`{"api_key":"` + key + `"}`, "", noMember},
		"JSON with the member in other case": {`{"stripe_secret_key":"` + key + `"}`, "", noMember},
		"JSON with the member empty":         {`{"STRIPE_SECRET_KEY":""}`, "", noKey},
		"JSON with the member null":          {`{"STRIPE_SECRET_KEY":null}`, "", noString},
		"JSON with a number":                 {`{"STRIPE_SECRET_KEY":1}`, "", noString},
		"JSON with a list":                   {`{"STRIPE_SECRET_KEY":["` + key + `"]}`, "", noString},
		"truncated JSON":                     {`{"STRIPE_SECRET_KEY":"` + key, "", noObject},
		"something after the JSON":           {`{"STRIPE_SECRET_KEY":"` + key + `"} x`, "", noObject},
		"a value of 64 KB of open JSON":      {strings.Repeat("{", 65536), "", noObject},
		"a JSON list":                        {`["` + key + `"]`, "", noKey},
		"a quote at one end":                 {`"` + key, "", noKey},
		"two pairs of quotes":                {`""` + key + `""`, "", noKey},
		"a single quote":                     {`"`, "", noKey},
		"other quotes":                       {"'" + key + "'", "", noKey},
		"a publishable key":                  {"pk_test_0123456789", "", noKey},
		"a webhook signing secret":           {"whsec_" + "0123456789", "", noKey},
		"a password":                         {"correcthorsebattery", "", noKey},
		"two keys":                           {key + "\n" + key, "", noKey},
		"a header behind the key":            {key + "\r\nX-Injected: 1", "", noKey},
		"a NUL":                              {key + "\x00", "", noKey},
		"a letter that is not ASCII":         {key + "é", "", noKey},
		"a key that is too short":            {"sk_1234567", "", noKey},
		"the shortest key":                   {"sk_12345678", "sk_12345678", ""},
		"a key that is too long":             {"sk_" + strings.Repeat("x", 253), "", noKey},
		"the longest key":                    {"sk_" + strings.Repeat("x", 252), "sk_" + strings.Repeat("x", 252), ""},
		"a live key in test mode":            {liveKey, "", mode},
		"a restricted live key in test mode": {"rk_" + "live_" + "0123456789", "", mode},
		"an organization's key":              {"sk_org_" + "0123456789", "", org},
		"an organization's test key":         {"sk_org_test_" + "0123456789", "", org},
		"an organization's live key":         {"sk_org_" + "live_0123456789", "", org},
		"an organization's key in JSON":      {`{"STRIPE_SECRET_KEY":"sk_org_test_` + `0123456789"}`, "", org},
		"a key that begins with sk_orgtest_": {"sk_orgtest_0123456789", "sk_orgtest_0123456789", ""},
		"a test key with org in it":          {"sk_test_org_0123456789", "sk_test_org_0123456789", ""},
		"a test key with live in it":         {"sk_test_live_0123456789", "sk_test_live_0123456789", ""},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := StripeKey(field, false)(test.value)
			requireParsed(t, got.Reveal(), err, test.want, test.why)
		})
	}
	if got, err := StripeKey("api_key", true)(liveKey); err != nil || got.Reveal() != liveKey {
		t.Errorf("a live key in live mode: %v", err)
	}
	if _, err := StripeKey("api_key", true)(key); !errors.As(err, new(MalformedError)) ||
		!strings.HasSuffix(err.Error(), mode) {
		t.Errorf("a test key in live mode: %v", err)
	}
}

func requireParsed(t *testing.T, got string, err error, want, why string) {
	t.Helper()
	if got != want || (err == nil) != (why == "") {
		t.Errorf("parsed = %q, %v, want %q", got, err, want)
	}
	if err != nil && (!errors.As(err, new(MalformedError)) || !strings.HasSuffix(err.Error(), ": "+why)) {
		t.Errorf("err = %v, want MalformedError: %s", err, why)
	}
}

func TestSigningSecrets(t *testing.T) {
	const (
		a, b = "whsec_" + "aB3+/=_-0", "whsec_" + "0987654321"

		empty    = "it is empty"
		noObject = "it starts with { but is not valid JSON"
		noMember = "it is a JSON object without the member that signing_secret names"
		noList   = "it starts with [ but is not a JSON list of strings"
		number   = "it has no signing secret, or more than 16"
		form     = "it does not look like a signing secret (whsec_…)"
		member   = "that member is not a string"
	)
	for name, test := range map[string]struct{ value, want, why string }{
		"one":                        {a, a, ""},
		"one in quotes":              {`"` + a + `"` + "\n", a, ""},
		"one in JSON":                {`{"signing_secret":"` + a + `"}`, a, ""},
		"several":                    {`["` + a + `","` + b + `"]`, a + "," + b, ""},
		"several, with space around": {` [ " ` + a + ` " , "` + b + `\n" ] `, a + "," + b, ""},
		"several in JSON":            {`{"signing_secret":["` + a + `","` + b + `"]}`, a + "," + b, ""},
		"sixteen": {`["` + strings.Repeat(a+`","`, 15) + b + `"]`,
			strings.Repeat(a+",", 15) + b, ""},
		"seventeen":                      {`["` + strings.Repeat(a+`","`, 16) + b + `"]`, "", number},
		"none":                           {"", "", empty},
		"an empty text in quotes":        {`""`, "", form},
		"an empty list":                  {`[]`, "", number},
		"an empty text among others":     {`["` + a + `",""]`, "", form},
		"a list with a number":           {`["` + a + `",1]`, "", noList},
		"a list without its end":         {`["` + a + `"`, "", noList},
		"JSON without the member":        {`{"secret":"` + a + `"}`, "", noMember},
		"JSON with the member empty":     {`{"signing_secret":""}`, "", form},
		"JSON with the member null":      {`{"signing_secret":null}`, "", number},
		"JSON with the member an object": {`{"signing_secret":{}}`, "", member},
		"JSON without its end":           {`{"signing_secret":"` + a, "", noObject},
		"only the prefix":                {"whsec_", "", form},
		"a Stripe key":                   {"sk_test_0123456789", "", form},
		"two on two lines":               {a + "\n" + b, "", form},
		"one that is too long":           {"whsec_" + strings.Repeat("x", 250), "", form},
		"the longest": {"whsec_" + strings.Repeat("x", 249),
			"whsec_" + strings.Repeat("x", 249), ""},
		"the shortest":                   {"whsec_" + "01234", "whsec_" + "01234", ""},
		"one that is too short":          {"whsec_" + "0123", "", form},
		"one with a space in it":         {"whsec_" + "01234 56789", "", form},
		"one with a letter beyond ASCII": {a + "é", "", form},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := ParseSigningSecrets(test.value)
			requireParsed(t, strings.Join(got.Reveal(), ","), err, test.want, test.why)
		})
	}
	if none := (SigningSecrets{}).Reveal(); len(none) != 0 {
		t.Errorf("the zero SigningSecrets reveal %q", none)
	}
	secrets, _ := ParseSigningSecrets(`["` + a + `","` + b + `"]`)
	again, _ := ParseSigningSecrets(` ["` + a + `", "` + b + `"]`)
	if secrets != again {
		t.Error("equal secrets differ")
	}
	requireHidden(t, "signing secrets",
		fmt.Sprintf("%v %+v %#v", secrets, []any{secrets}, struct{ s SigningSecrets }{secrets}))
}
