package importer

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"testing"

	"golang.org/x/time/rate"
)

// A key without a mode in its name counts as a test key, unless STRIPE_LIVEMODE says otherwise. If
// Stripe answers with customers of the other mode, nothing is written, however the customers were
// read.
func TestCustomersOfTheOtherModeEndTheRun(t *testing.T) {
	c := newCloud(t)
	for _, test := range []struct {
		key, livemode string // STRIPE_LIVEMODE
		live          bool   // the expected mode
	}{
		{"sk_" + "0123456789", "", false}, {"sk_" + "0123456789", "false", false}, {"sk_" + "0123456789", "true", true},
		{"rk_" + "0123456789", "", false}, {"rk_" + "0123456789", "false", false}, {"rk_" + "0123456789", "true", true},
		{"rk_test_" + "0123456789", "", false}, {"sk_live_" + "0123456789", "", true},
		{"rk_live_" + "0123456789", "true", true},
	} {
		account := c.account(t, map[string]string{"STRIPE_LIVEMODE": test.livemode}, test.key)
		if account.Livemode() != test.live {
			t.Errorf("%s with STRIPE_LIVEMODE=%s: livemode %t", test.key[:8], test.livemode, account.Livemode())
		}
		for name, of := range operations {
			for _, live := range []bool{false, true} {
				c.reset(t, 0)
				c.write(t, map[string]string{"other": "cus_Other"})
				written := c.count("UpdateItem")
				c.before = func(w http.ResponseWriter, asked string, _ int) bool {
					customer := fmt.Sprintf(`{"id":"cus_Other","created":1700000000,"livemode":%t,`+
						`"metadata":{"user_id":"heir"}}`, live)
					switch {
					case asked == "/v1/customers" && of.request == asked:
						_, _ = io.WriteString(w, `{"object":"list","data":[`+customer+`],"has_more":false}`)
					case asked == "/v1/customers":
						_, _ = io.WriteString(w, `{"object":"list","data":[],"has_more":false}`)
					case asked == of.request:
						_, _ = io.WriteString(w, customer)
					default:
						return false
					}
					return true
				}
				err := of.run(t, c, account, rate.NewLimiter(rate.Inf, 1))
				isOther := live != test.live
				if isOther != errors.Is(err, errMode) || !isOther && err != nil {
					t.Errorf("%s with STRIPE_LIVEMODE=%s, %s of customers with livemode %t: %v", test.key[:8],
						test.livemode, name, live, err)
				}
				if isOther && c.count("UpdateItem") != written {
					t.Errorf("%s: %d writes", name, c.count("UpdateItem")-written)
				}
			}
		}
	}
}
