package webhook

import (
	"encoding/hex"
	"fmt"
	"strings"
	"testing"
	"time"

	stripe "github.com/stripe/stripe-go/v79/webhook"
)

const (
	secretA = "whsec_" + "first"
	secretB = "whsec_" + "second"
)

var signedAt = time.Unix(1_700_000_000, 0)

// signed returns the v1 signature that Stripe's own library makes.
func signed(at time.Time, body, secret string) string {
	return "v1=" + hex.EncodeToString(stripe.ComputeSignature(at, []byte(body), secret))
}

func TestSignatures(t *testing.T) {
	const body = `{"id":"evt_1"}`
	at := fmt.Sprintf("t=%d", signedAt.Unix())
	good := signed(signedAt, body, secretA)
	for name, test := range map[string]struct {
		header  string
		secrets []string
		ok      bool
	}{
		"one signature":                 {at + "," + good, []string{secretA}, true},
		"with a space after the comma":  {at + ", " + good, []string{secretA}, false},
		"the signature before the time": {good + "," + at, []string{secretA}, true},
		"with the second of our secrets": {at + "," + signed(signedAt, body, secretB),
			[]string{secretA, secretB}, true},
		"with two signatures, the second known": {at + "," + signed(signedAt, body, secretB) + "," + good,
			[]string{secretA}, true},
		"with ten signatures, the last known": {at + strings.Repeat(","+signed(signedAt, body, secretB), 9) + "," +
			good, []string{secretA}, true},
		"with unknown schemes": {at + ",v0=" + strings.Repeat("0", 64) + "," + good + ",v2=x",
			[]string{secretA}, true},
		"with another that is not hex": {at + ",v1=xyz," + good, []string{secretA}, true},
		"hex in capitals":              {at + ",v1=" + strings.ToUpper(good[3:]), []string{secretA}, true},
		"with another secret":          {at + "," + signed(signedAt, body, secretB), []string{secretA}, false},
		"of another body": {at + "," + signed(signedAt, body+" ", secretA),
			[]string{secretA}, false},
		"of another time": {at + "," + signed(signedAt.Add(time.Second), body, secretA),
			[]string{secretA}, false},
		"with ten unknown signatures": {at + strings.Repeat(","+signed(signedAt, body, secretB), 10),
			[]string{secretA}, false},
		"with an empty secret":                  {at + "," + signed(signedAt, body, ""), []string{""}, false},
		"with an empty secret and ours":         {at + "," + signed(signedAt, body, ""), []string{"", secretA}, false},
		"without a secret":                      {at + "," + good, nil, false},
		"too short":                             {at + "," + good[:len(good)-2], []string{secretA}, false},
		"too long":                              {at + "," + good + "00", []string{secretA}, false},
		"empty":                                 {at + ",v1=", []string{secretA}, false},
		"only with the old scheme":              {at + ",v0=" + good[3:], []string{secretA}, false},
		"without a signature":                   {at, []string{secretA}, false},
		"without a time":                        {good, []string{secretA}, false},
		"with an empty time":                    {"t=," + good, []string{secretA}, false},
		"with a time that is not a number":      {"t=1700000000x," + good, []string{secretA}, false},
		"with a time that is too large":         {"t=99999999999999999999," + good, []string{secretA}, false},
		"with the time twice":                   {at + "," + at + "," + good, []string{secretA}, false},
		"the header twice, joined by a gateway": {at + "," + good + "," + at + "," + good, []string{secretA}, false},
		"an empty header":                       {"", []string{secretA}, false},
		"with an empty item":                    {at + ",," + good, []string{secretA}, false},
		"commas":                                {",,,", []string{secretA}, false},
		"nonsense":                              {"Bearer x", []string{secretA}, false},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := parseSignature(test.header)
			if ok := err == nil && s.isTimely(signedAt) && s.isBy(test.secrets, []byte(body)); ok != test.ok {
				t.Errorf("%v, want %v (%v)", ok, test.ok, err)
			}
		})
	}
}

func TestSignaturesHaveATolerance(t *testing.T) {
	for name, test := range map[string]struct {
		header string
		ok     bool
	}{
		"now":                 {"t=1700000000", true},
		"300 s ago":           {"t=1699999700", true},
		"301 s ago":           {"t=1699999699", false},
		"300 s ahead":         {"t=1700000300", true},
		"301 s ahead":         {"t=1700000301", false},
		"the time 0":          {"t=0", false},
		"a negative time":     {"t=-1700000000", false},
		"the greatest number": {"t=9223372036854775807", false},
		"the least number":    {"t=-9223372036854775808", false},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := parseSignature(test.header + "," + signed(signedAt, "", secretA))
			if err != nil || s.isTimely(signedAt) != test.ok {
				t.Errorf("timely = %v, want %v (%v)", s.isTimely(signedAt), test.ok, err)
			}
		})
	}
}

// FuzzSignature checks that Stripe's own library accepts every header that is accepted here.
func FuzzSignature(f *testing.F) {
	const body = `{"id":"evt_1"}`
	good := signed(signedAt, body, secretA)
	for _, header := range []string{"", "t=1700000000," + good, "t=1700000000,v1=00," + good, "v1,t=1700000000",
		"t=+1700000000," + good, "t=01700000000," + good} {
		f.Add(header)
	}
	f.Fuzz(func(t *testing.T, header string) {
		s, err := parseSignature(header)
		if err == nil && s.isBy([]string{secretA}, []byte(body)) {
			if err := stripe.ValidatePayloadIgnoringTolerance([]byte(body), header, secretA); err != nil {
				t.Errorf("accepted %q, which stripe-go refuses: %v", header, err)
			}
		}
	})
}
