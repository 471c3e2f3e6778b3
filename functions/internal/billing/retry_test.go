package billing_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"billingportal/functions/faulttest"
	"billingportal/functions/internal/billing"
)

// Stripe's wording of errors, some of which are worth a retry.
//
// https://docs.stripe.com/error-codes#lock-timeout
// https://docs.stripe.com/rate-limits
// https://docs.stripe.com/error-low-level#idempotency
var (
	lockTimeout = `"code":"lock_timeout","doc_url":"https://stripe.com/docs/error-codes/lock-timeout",` +
		`"message":"This object cannot be accessed right now because another API request or Stripe process is ` +
		`currently accessing it. ` +
		`If you see this error intermittently, retry the request. ` + faulttest.Marker +
		`","type":"invalid_request_error"`
	rateLimit = `"code":"rate_limit","doc_url":"https://stripe.com/docs/error-codes/rate-limit",` +
		`"message":"Request rate limit exceeded. Learn more about rate limits here ` +
		`https://stripe.com/docs/rate-limits. ` + faulttest.Marker + `",` +
		`"type":"invalid_request_error"`
	keyInUse = `"code":"idempotency_key_in_use","message":"There is currently another in-progress request using this ` +
		`Idempotent Key ` +
		`(that probably means you submitted twice, and the other request is still going through): ` +
		faulttest.Marker + `. ` +
		`Please try again later.","type":"idempotency_error"`
	keyReused = `"message":"Keys for idempotent requests can only be used with the same parameters they were first ` +
		`used with. ` +
		`Try using a key other than '` + faulttest.Marker +
		`' if you meant to execute a different request.","type":"idempotency_error"`
	// Older answers have only the type or only the text.
	keyInUseByType = `"message":"There is currently another in-progress request using the key ` + faulttest.Marker +
		`","type":"idempotency_error"`
	keyInUseByText = `"message":"There is currently another in-progress request using this Idempotent Key ` +
		`(that probably means you submitted twice, and the other request is still going through): ` + faulttest.Marker +
		`","type":"invalid_request_error"`
	keyInUseByCode = `"code":"idempotency_key_in_use","message":"` + faulttest.Marker +
		`","type":"invalid_request_error"`
	serverError = `"message":"An unknown error occurred ` + faulttest.Marker + `","type":"api_error"`
)

// with adds a header to an answer.
func with(name, value string, answer http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set(name, value)
		answer(w, r)
	}
}

func TestRetries(t *testing.T) {
	const shouldRetry = "Stripe-Should-Retry"
	once := func(answer http.HandlerFunc) []http.HandlerFunc { return []http.HandlerFunc{answer, goodSession} }
	twice := func(answer http.HandlerFunc) []http.HandlerFunc {
		return []http.HandlerFunc{answer, answer, goodSession}
	}
	after := func(first, second http.HandlerFunc) []http.HandlerFunc {
		return []http.HandlerFunc{first, second, goodSession}
	}
	for name, test := range map[string]struct {
		answers []http.HandlerFunc
		want    billing.Class // 0: a session
		tries   int
	}{
		"409 lock_timeout once":  {once(stripeError(409, lockTimeout)), 0, 2},
		"409 lock_timeout twice": {twice(stripeError(409, lockTimeout)), 0, 3},
		"409 lock_timeout every time": {[]http.HandlerFunc{stripeError(409, lockTimeout)},
			billing.Busy, 3},
		"429 lock_timeout once": {once(stripeError(429, lockTimeout)), 0, 2},
		"429 lock_timeout every time": {[]http.HandlerFunc{stripeError(429, lockTimeout)},
			billing.Busy, 3},
		"409 lock_timeout that must not be retried": {once(with(shouldRetry, "false", stripeError(409, lockTimeout))),
			billing.Busy, 1},
		"409 idempotency_key_in_use":                  {once(stripeError(409, keyInUse)), billing.Busy, 1},
		"400 idempotency key used for something else": {once(stripeError(400, keyReused)), billing.BadResponse, 1},
		"409 idempotency_error":                       {once(stripeError(409, keyInUseByType)), billing.Busy, 1},
		"409 with the text of a key in use":           {once(stripeError(409, keyInUseByText)), billing.Busy, 1},
		"409 without a code": {once(stripeError(409,
			`"type":"invalid_request_error","message":"Conflict"`)), billing.RequestRefused, 1},
		"409 HTML":       {once(faulttest.HTML(409).ServeHTTP), billing.BadResponse, 1},
		"429 rate_limit": {once(stripeError(429, rateLimit)), billing.Busy, 1},
		"429 HTML":       {once(faulttest.HTML(429).ServeHTTP), billing.Busy, 1},
		"429 rate_limit that should be retried": {once(with(shouldRetry, "true", stripeError(429, rateLimit))),
			billing.Busy, 1},
		"400": {once(stripeError(400,
			`"type":"invalid_request_error","message":"Bad"`)), billing.RequestRefused, 1},
		"400 that should be retried": {once(with(shouldRetry, "true",
			stripeError(400, `"type":"invalid_request_error","message":"Bad"`))), billing.RequestRefused, 1},
		"500 once":  {once(stripeError(500, serverError)), 0, 2},
		"500 twice": {twice(stripeError(500, serverError)), 0, 3},
		"500 every time": {[]http.HandlerFunc{stripeError(500, serverError)},
			billing.Unavailable, 3},
		"500 that must not be retried": {once(with(shouldRetry, "false", stripeError(500, serverError))),
			billing.Unavailable, 1},
		"500 that should be retried": {once(with(shouldRetry, "true", stripeError(500, serverError))),
			0, 2},
		"502 HTML":           {once(faulttest.HTML(502).ServeHTTP), 0, 2},
		"503 without a body": {once(faulttest.Respond(503, "", "")), 0, 2},
		"504 every time": {[]http.HandlerFunc{faulttest.HTML(504).ServeHTTP},
			billing.Unavailable, 3},
		"reset after the request, once": {once(faulttest.ResetAfterRequest().ServeHTTP), 0, 2},
		"reset after the request, every time": {[]http.HandlerFunc{faulttest.ResetAfterRequest().ServeHTTP},
			billing.Unavailable, 3},
		"body cut short, once": {once(faulttest.CutShort().Of(faulttest.Respond(200,
			"application/json", sessionJSON))), 0, 2},
		"body cut short, every time": {
			[]http.HandlerFunc{faulttest.CutShort().Of(faulttest.Respond(200, "application/json", sessionJSON))},
			billing.Unavailable, 3},
		"error cut short, every time": {[]http.HandlerFunc{
			faulttest.CutShort().Of(faulttest.Respond(400, "application/json", `{"error":{}}`))},
			billing.Unavailable, 3},
		"one of each": {[]http.HandlerFunc{faulttest.ResetAfterRequest().ServeHTTP,
			stripeError(500, serverError), goodSession}, 0, 3},
		"a refusal after a lost connection": {[]http.HandlerFunc{faulttest.ResetAfterRequest().ServeHTTP,
			stripeError(429, rateLimit)}, billing.Busy, 2},
		"the key in use after a lost connection": {after(faulttest.ResetAfterRequest().ServeHTTP,
			stripeError(409, keyInUse)), 0, 3},
		"the key in use by its code": {after(faulttest.ResetAfterRequest().ServeHTTP,
			stripeError(409, keyInUseByCode)), 0, 3},
		"the key in use by its type": {after(faulttest.ResetAfterRequest().ServeHTTP,
			stripeError(409, keyInUseByType)), 0, 3},
		"the key in use by its text": {after(faulttest.ResetAfterRequest().ServeHTTP,
			stripeError(409, keyInUseByText)), 0, 3},
		"the key in use after a body cut short": {after(faulttest.CutShort().Of(faulttest.Respond(200,
			"application/json", sessionJSON)), stripeError(409, keyInUse)), 0, 3},
		"the key in use every time": {[]http.HandlerFunc{faulttest.ResetAfterRequest().ServeHTTP,
			stripeError(409, keyInUse)}, billing.Busy, 3},
		"the key in use after two lost connections": {[]http.HandlerFunc{faulttest.ResetAfterRequest().ServeHTTP,
			faulttest.ResetAfterRequest().ServeHTTP, stripeError(409, keyInUse), goodSession}, billing.Busy, 3},
		"lost, then in use, and must not be retried": {after(faulttest.ResetAfterRequest().ServeHTTP,
			with(shouldRetry, "false", stripeError(409, keyInUse))), billing.Busy, 2},
		"the key in use after a server error": {after(stripeError(500, serverError),
			stripeError(409, keyInUse)), billing.Busy, 2},
		"the key in use after a lock timeout": {after(stripeError(409, lockTimeout),
			stripeError(409, keyInUse)), billing.Busy, 2},
		"the key in use, with status 400": {after(faulttest.ResetAfterRequest().ServeHTTP,
			stripeError(400, keyInUseByType)), billing.BadResponse, 2},
		"the key reused after a lost connection": {after(faulttest.ResetAfterRequest().ServeHTTP,
			stripeError(400, keyReused)), billing.BadResponse, 2},
		"409 of another kind after a lost connection": {after(faulttest.ResetAfterRequest().ServeHTTP,
			stripeError(409, `"type":"invalid_request_error","message":"Conflict"`)), billing.RequestRefused, 2},
	} {
		// On a connection that has served a request before, net/http may resend a request on its
		// own.
		for _, state := range []string{"cold", "warm"} {
			t.Run(name+"/"+state, func(t *testing.T) {
				t.Parallel()
				server, client := newStripe(t, goodSession)
				before := 0
				if state == "warm" {
					if _, err := create(t, client); err != nil {
						t.Fatal(err)
					}
					before = 1
				}
				server.mu.Lock()
				server.answers = test.answers
				server.mu.Unlock()
				session, err := create(t, client)
				failure := requireClass(t, err, test.want)
				calls := failure.Calls
				if session != nil {
					calls = session.Calls
				}
				requests := server.seen()[before:]
				if len(requests) != test.tries || calls.Attempts != test.tries {
					t.Errorf("%d requests, %d counted, want %d", len(requests), calls.Attempts, test.tries)
				}
				for _, r := range requests {
					if key := r.header.Get("Idempotency-Key"); key == "" ||
						key != requests[0].header.Get("Idempotency-Key") {
						t.Error("the tries have more than one idempotency key")
					}
					if r.body != requests[0].body || r.header.Get("Authorization") != "Bearer "+apiKey {
						t.Error("the tries differ")
					}
				}
				if _, err := create(t, client); err == nil {
					if last := server.seen(); last[len(last)-1].header.Get(
						"Idempotency-Key") == requests[0].header.Get("Idempotency-Key") {
						t.Error("the next request has the same idempotency key")
					}
				}
			})
		}
	}
}

func TestNoConnection(t *testing.T) {
	t.Run("refused", func(t *testing.T) {
		_, err := create(t, newClient(faulttest.Broken(t, faulttest.Refused()).URL))
		if failure := requireClass(t, err, billing.Unavailable); failure.Calls != (billing.Calls{Attempts: 3}) {
			t.Errorf("Calls = %+v", failure.Calls)
		}
	})
	t.Run("reset before the request", func(t *testing.T) {
		server := faulttest.Broken(t, faulttest.ResetAtOnce())
		_, err := create(t, newClient(server.URL))
		requireClass(t, err, billing.Unavailable)
		if _, connections := server.Take(); connections != 3 {
			t.Errorf("%d connections, want 3", connections)
		}
	})
	t.Run("an untrusted certificate is not retried", func(t *testing.T) {
		server := httptest.NewUnstartedServer(goodSession)
		server.Config.ErrorLog = discardLog()
		server.StartTLS()
		defer server.Close()
		_, err := create(t, newClient(server.URL))
		if failure := requireClass(t, err, billing.Unavailable); failure.Calls.Attempts != 1 {
			t.Errorf("Calls = %+v", failure.Calls)
		}
	})
	t.Run("a server that does not speak TLS", func(t *testing.T) {
		server := httptest.NewServer(goodSession)
		defer server.Close()
		_, err := create(t, newClient("https"+server.URL[len("http"):]))
		requireClass(t, err, billing.Unavailable)
	})
	t.Run("an error that quotes the URL", func(t *testing.T) {
		config := newConfig("http://127.0.0.1")
		config.Transport = failing{errors.New("lookup " + faulttest.Marker + ": no such host")}
		_, err := create(t, billing.New(config))
		requireClass(t, err, billing.Unavailable)
	})
	t.Run("an invalid base URL", func(t *testing.T) {
		_, err := create(t, newClient("http://%zz"+faulttest.Marker))
		requireClass(t, err, billing.BadResponse)
	})
}

type failing struct{ error }

func (f failing) RoundTrip(*http.Request) (*http.Response, error) { return nil, f.error }

func TestWaitsBetweenTriesGrow(t *testing.T) {
	server := httptest.NewServer(stripeError(500, serverError))
	defer server.Close()
	waits := &pauses{}
	config := newConfig(server.URL)
	config.Pause = waits.wait
	_, err := create(t, billing.New(config))
	requireClass(t, err, billing.Unavailable)
	if want := []time.Duration{200 * time.Millisecond, 400 * time.Millisecond}; !slices.Equal(waits.all, want) {
		t.Errorf("waits = %v, want %v", waits.all, want)
	}
}

func TestRetryAfter(t *testing.T) {
	for header, want := range map[string]time.Duration{
		"":                              0,
		"0":                             0,
		"1":                             time.Second,
		"30":                            30 * time.Second,
		"3600":                          time.Hour,
		"3601":                          time.Hour, // callers are never told to wait longer
		"4294967295":                    time.Hour,
		"99999999999999999999":          0,
		"-1":                            0,
		"+5":                            0,
		"1.5":                           0,
		" 5":                            5 * time.Second, // net/http trims
		"0x10":                          0,
		"soon " + faulttest.Marker:      0,
		"Wed, 21 Oct 2026 07:28:00 GMT": 0,
	} {
		t.Run(header, func(t *testing.T) {
			_, client := newStripe(t, with("Retry-After", header, stripeError(429, rateLimit)))
			_, err := create(t, client)
			if failure := requireClass(t, err, billing.Busy); failure.RetryAfter != want {
				t.Errorf("RetryAfter = %v, want %v", failure.RetryAfter, want)
			}
		})
	}
}
