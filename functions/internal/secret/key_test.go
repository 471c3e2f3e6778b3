package secret

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

// The parts that a log must not have even one of.
const characters = "MARKERx7Q0123456789"

var testKey = newKey("sk_test_" + characters)

// holder has keys where fmt and encoders find values: exported, unexported,
// behind a pointer, in a map and as an element.
type holder struct {
	Exported   Key
	unexported Key
	Pointer    *Key
	Map        map[string]Key
	Slice      []Key
	Any        any
	cache      *Cache
}

func newHolder() holder {
	cache := NewCache(nil, "secret", nil)
	cache.key = testKey
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
		"cache itself":    *held.cache,
		"wrapped in text": errors.New("refused " + testKey.String()),
	}
	for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%o", "%t", "%e", "%c", "%U", "%10.3v", "%!"} {
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
	if got := fmt.Sprint(testKey); got != "[key]" {
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
	if newKey("sk_test_12345678") != newKey(string([]byte("sk_test_12345678"))) {
		t.Error("equal keys differ")
	}
	if newKey("sk_test_12345678") == newKey("sk_test_87654321") {
		t.Error("different keys are equal")
	}
	if got := (Key{}).Reveal(); got != "" {
		t.Errorf("the zero Key reveals %q", got)
	}
	if got := testKey.Reveal(); got != "sk_test_"+characters {
		t.Errorf("Reveal = %q", got)
	}
}

func TestParse(t *testing.T) {
	const key = "sk_test_localdemo0123456789"
	for name, test := range map[string]struct{ value, want string }{
		"the bare key":                  {key, key},
		"a trailing line feed":          {key + "\n", key},
		"a trailing CR LF":              {key + "\r\n", key},
		"space around":                  {" \t" + key + " ", key},
		"a restricted key":              {"rk_test_0123456789", "rk_test_0123456789"},
		"a live key":                    {"sk_" + "live_" + "0123456789", "sk_" + "live_" + "0123456789"},
		"JSON":                          {`{"api_key":"` + key + `"}`, key},
		"JSON over several lines":       {"{\n  \"api_key\": \"" + key + "\"\n}\n", key},
		"JSON with a line feed inside":  {`{"api_key":"` + key + `\n"}`, key},
		"JSON with other members":       {`{"account":"acct_1","api_key":"` + key + `","since":1}`, key},
		"an empty value":                {"", ""},
		"white space":                   {" \n", ""},
		"JSON without api_key":          {`{"key":"` + key + `"}`, ""},
		"JSON with an empty api_key":    {`{"api_key":""}`, ""},
		"JSON with api_key null":        {`{"api_key":null}`, ""},
		"JSON with a number":            {`{"api_key":1}`, ""},
		"truncated JSON":                {`{"api_key":"` + key, ""},
		"something after the JSON":      {`{"api_key":"` + key + `"} x`, ""},
		"a JSON list":                   {`["` + key + `"]`, ""},
		"a JSON string":                 {`"` + key + `"`, ""},
		"a publishable key":             {"pk_test_0123456789", ""},
		"a webhook signing secret":      {"whsec_" + "0123456789", ""},
		"a password":                    {"correcthorsebattery", ""},
		"two keys":                      {key + "\n" + key, ""},
		"a header behind the key":       {key + "\r\nX-Injected: 1", ""},
		"a NUL":                         {key + "\x00", ""},
		"a letter that is not ASCII":    {key + "é", ""},
		"a key that is too short":       {"sk_1234567", ""},
		"a key that is too long":        {"sk_" + strings.Repeat("x", 253), ""},
		"the longest key":               {"sk_" + strings.Repeat("x", 252), "sk_" + strings.Repeat("x", 252)},
		"a value of 64 KB of open JSON": {strings.Repeat("{", 65536), ""},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := parse(test.value)
			if got.Reveal() != test.want || (err != nil) != (test.want == "") {
				t.Errorf("parse = %q, %v, want %q", got.Reveal(), err, test.want)
			}
			if err != nil && !errors.Is(err, ErrMalformed) {
				t.Errorf("err = %v, want ErrMalformed", err)
			}
		})
	}
}
