package billing

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"
)

const subscriptionKey = "sk_test_" + "subscriptions"

// A reader answers GET requests for Stripe's API and records them.
type reader struct {
	*Client
	asked []string
}

func newReader(t *testing.T, answer func(r *http.Request) (status int, body string)) *reader {
	t.Helper()
	read := &reader{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		read.asked = append(read.asked, r.Method+" "+r.URL.RequestURI())
		if r.Header.Get("Authorization") != "Bearer "+subscriptionKey || r.Header.Get("Idempotency-Key") != "" {
			t.Errorf("headers = %v", r.Header)
		}
		w.Header().Set("Request-Id", fmt.Sprintf("req_%d", len(read.asked)))
		status, body := answer(r)
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}))
	t.Cleanup(server.Close)
	read.Client = New(Config{APIBase: server.URL,
		Pause: func(ctx context.Context, _ time.Duration) error { return ctx.Err() }})
	return read
}

func subscriptionJSON(id, customer string) string {
	return fmt.Sprintf(`{"id":%q,"object":"subscription","customer":%q,"status":"active",`+
		`"cancel_at_period_end":false,"cancel_at":null,
		"items":{"object":"list","data":[{"id":"si_1","quantity":2,"price":{"id":"price_1",`+
		`"product":"prod_1"}}]}}`, id, customer)
}

func TestSubscription(t *testing.T) {
	refused := func(status int, body string) func(*http.Request) (int, string) {
		return func(*http.Request) (int, string) { return status, body }
	}
	for name, test := range map[string]struct {
		id     string
		answer func(*http.Request) (int, string)
		class  Class // 0: found
		calls  int
	}{
		"found": {"sub_1", refused(200, subscriptionJSON("sub_1", "cus_1")), 0, 1},
		"nonexistent": {"sub_1", refused(404, `{"error":{"type":"invalid_request_error",`+
			`"code":"resource_missing","param":"id","message":"No such subscription: 'sub_1'"}}`),
			NoSuchSubscription, 1},
		"of the other mode": {"sub_1", refused(404, `{"error":{"type":"invalid_request_error",`+
			`"code":"resource_missing","param":"id","message":"No such subscription: 'sub_1'; a similar object `+
			`exists in live mode, but a test mode key was used to make this request."}}`), NoSuchSubscription, 1},
		"another one": {"sub_1", refused(200, subscriptionJSON("sub_2", "cus_1")), BadResponse, 1},
		"no permission": {"sub_1", refused(403, `{"error":{"type":"invalid_request_error","message":"The provided `+
			`key 'rk_test_***' does not have the required permissions for this endpoint on account 'acct_1'."}}`),
			PermissionMissing, 1},
		"key refused": {"sub_1", refused(401, `{"error":{"type":"invalid_request_error","message":"Invalid API Key `+
			`provided: sk_test_***"}}`), KeyRefused, 1},
		"HTML":      {"sub_1", refused(200, `<html>`), BadResponse, 1},
		"not an ID": {"../customers/cus_1", nil, NoSuchSubscription, 0},
		"empty":     {"", nil, NoSuchSubscription, 0},
	} {
		t.Run(name, func(t *testing.T) {
			read := newReader(t, test.answer)
			got, calls, err := read.Subscription(t.Context(), subscriptionKey, test.id)
			if len(read.asked) != test.calls || calls.Attempts != test.calls {
				t.Errorf("asked %v, counted %d", read.asked, calls.Attempts)
			}
			var failure *Error
			if errors.As(err, &failure) != (test.class != 0) || (failure != nil && failure.Class != test.class) {
				t.Fatalf("error %v, want class %v", err, test.class)
			}
			if test.class == PermissionMissing && !strings.Contains(err.Error(), "Subscriptions: Read") {
				t.Errorf("the permission is not named: %v", err)
			}
			want := Subscription{ID: "sub_1", Customer: "cus_1", Status: "active",
				Items: []Item{{"si_1", "price_1", "prod_1", 2}}}
			if test.class == 0 && !reflect.DeepEqual(got, want) {
				t.Errorf("got %+v", got)
			}
		})
	}
}

// The portal sets cancel_at. Stripe's API sets either of the two fields.
func TestTimesOfASubscription(t *testing.T) {
	for fields, want := range map[string][2]int64{
		`"current_period_end":1800000000,"cancel_at":1900000000`:                             {1900000000, 1800000000},
		`"current_period_end":1800000000,"cancel_at":null,"cancel_at_period_end":true`:       {1800000000, 1800000000},
		`"current_period_end":1800000000,"cancel_at":1700000000,"cancel_at_period_end":true`: {1700000000, 1800000000},
		`"current_period_end":1800000000,"cancel_at":null,"cancel_at_period_end":false`:      {0, 1800000000},
		`"cancel_at":null`: {0, 0},
	} {
		read := newReader(t, func(*http.Request) (int, string) {
			return 200, `{"id":"sub_1","customer":"cus_1","status":"active",` + fields + `,"items":{"data":[]}}`
		})
		got, _, err := read.Subscription(t.Context(), subscriptionKey, "sub_1")
		if err != nil || [2]int64{got.CancelAt, got.CurrentPeriodEnd} != want {
			t.Errorf("%s: %d, %d, %v", fields, got.CancelAt, got.CurrentPeriodEnd, err)
		}
	}
}

func TestCancellingReadsBothFields(t *testing.T) {
	for fields, want := range map[string]bool{
		`"cancel_at_period_end":true`:                           true,
		`"cancel_at_period_end":false,"cancel_at":1800000000`:   true,
		`"cancel_at_period_end":false,"cancel_at":null`:         false,
		`"cancel_at_period_end":false,"canceled_at":1700000000`: false, // the cancellation was taken back
	} {
		read := newReader(t, func(*http.Request) (int, string) {
			return 200, `{"id":"sub_1","customer":"cus_1","status":"active",` + fields + `,"items":{"data":[]}}`
		})
		got, _, err := read.Subscription(t.Context(), subscriptionKey, "sub_1")
		if err != nil || got.Cancelling != want {
			t.Errorf("%s: %v, %v", fields, got.Cancelling, err)
		}
	}
}

// page answers with a list of total subscriptions, 100 at a time.
func page(total int, customer string) func(*http.Request) (int, string) {
	return func(r *http.Request) (int, string) {
		first := 0
		if after := r.URL.Query().Get("starting_after"); after != "" {
			_, _ = fmt.Sscanf(after, "sub_%d", &first)
			first++
		}
		last := min(first+100, total)
		var data []string
		for i := first; i < last; i++ {
			data = append(data, subscriptionJSON(fmt.Sprintf("sub_%d", i), customer))
		}
		return 200, fmt.Sprintf(`{"object":"list","has_more":%v,"data":[%s]}`, last < total, strings.Join(data, ","))
	}
}

func TestSubscriptionsAreReadToTheEnd(t *testing.T) {
	for total, calls := range map[int]int{0: 1, 1: 1, 100: 1, 101: 2, 250: 3} {
		read := newReader(t, page(total, "cus_1"))
		got, counted, err := read.Subscriptions(t.Context(), subscriptionKey, "cus_1")
		if err != nil || len(got) != total || len(read.asked) != calls || counted.Attempts != calls {
			t.Errorf("%d: got %d in %d calls, counted %+v: %v", total, len(got), len(read.asked), counted, err)
		}
		first, err := url.Parse(strings.TrimPrefix(read.asked[0], "GET "))
		if err != nil {
			t.Fatal(err)
		}
		want := url.Values{"customer": {"cus_1"}, "status": {"all"}, "limit": {"100"}}
		if first.Path != "/v1/subscriptions" || !reflect.DeepEqual(first.Query(), want) {
			t.Errorf("asked %s", read.asked[0])
		}
	}
}

func TestInconsistentListIsABadResponse(t *testing.T) {
	for name, answer := range map[string]func(*http.Request) (int, string){
		"another customer's": page(1, "cus_2"),
		"more announced after an empty page": func(*http.Request) (int,
			string) {
			return 200, `{"has_more":true,"data":[]}`
		},
		"the same page every time": func(*http.Request) (int, string) {
			return 200, `{"has_more":true,"data":[` + subscriptionJSON("sub_1", "cus_1") + `]}`
		},
		"null":                 func(*http.Request) (int, string) { return 200, `null` },
		"without a list":       func(*http.Request) (int, string) { return 200, `{"has_more":false}` },
		"not a list":           func(*http.Request) (int, string) { return 200, `[]` },
		"subscription as text": func(*http.Request) (int, string) { return 200, `{"data":["sub_1"]}` },
	} {
		t.Run(name, func(t *testing.T) {
			read := newReader(t, answer)
			_, _, err := read.Subscriptions(t.Context(), subscriptionKey, "cus_1")
			var failure *Error
			if !errors.As(err, &failure) || failure.Class != BadResponse || len(read.asked) > 2 {
				t.Errorf("error %v after %d calls", err, len(read.asked))
			}
		})
	}
}

func TestListIsRetried(t *testing.T) {
	calls := 0
	read := newReader(t, func(r *http.Request) (int, string) {
		if calls++; calls < 3 {
			return 503, `{}`
		}
		return page(1, "cus_1")(r)
	})
	got, counted, err := read.Subscriptions(t.Context(), subscriptionKey, "cus_1")
	if err != nil || len(got) != 1 || counted.Attempts != 3 || counted.RequestID != "req_3" {
		t.Errorf("got %v, counted %+v: %v", got, counted, err)
	}
}

func TestProductNames(t *testing.T) {
	read := newReader(t, func(*http.Request) (int, string) {
		return 200, `{"object":"list","has_more":false,"data":[{"id":"prod_1","name":"Team"}]}`
	})
	got, _, err := read.ProductNames(t.Context(), subscriptionKey, []string{"prod_1", "prod_2"})
	if err != nil || !reflect.DeepEqual(got, map[string]string{"prod_1": "Team"}) {
		t.Errorf("got %v: %v", got, err)
	}
	asked, err := url.Parse(strings.TrimPrefix(read.asked[0], "GET "))
	if err != nil {
		t.Fatal(err)
	}
	if query := asked.Query(); query.Get("ids[0]") != "prod_1" || query.Get("ids[1]") != "prod_2" ||
		query.Get("limit") != "100" {
		t.Errorf("asked %s", read.asked[0])
	}
}
