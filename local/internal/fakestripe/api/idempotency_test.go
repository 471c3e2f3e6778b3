package api

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"billingportal/local/internal/fakestripe/account"
)

func TestKeyInUse(t *testing.T) {
	s, err := New(account.New(nil, nil), Config{})
	if err != nil {
		t.Fatal(err)
	}
	const sessions, alice = "/v1/billing_portal/sessions", "customer=cus_DemoAlice"
	request := func() *http.Request {
		r := httptest.NewRequest("POST", sessions, nil)
		r.Header.Set("Idempotency-Key", "k1")
		return r
	}
	var meanwhile *answer
	s.once(httptest.NewRecorder(), request(), alice, "req_1", func() (*answer, bool) {
		meanwhile = s.once(httptest.NewRecorder(), request(), alice, "req_2", nil)
		return newAnswer(nil, nil), true
	})
	if meanwhile.status != 409 || !strings.Contains(string(meanwhile.body), `"code": "idempotency_key_in_use"`) {
		t.Errorf("status %d: %s", meanwhile.status, meanwhile.body)
	}
}

func TestKeyExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &API{attempts: make(map[string]*attempt)}
		use := func() *attempt { return s.firstUse("k1", &attempt{created: time.Now()}) }
		if use() != nil {
			t.Fatal("a new key was in use")
		}
		time.Sleep(24 * time.Hour)
		if use() == nil {
			t.Error("the key expired within a day")
		}
		time.Sleep(time.Second)
		if use() != nil {
			t.Error("the key did not expire after a day")
		}
	})
}
