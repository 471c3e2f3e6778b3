package importer

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"runtime"
	"slices"
	"strings"
	"testing"

	"golang.org/x/time/rate"
)

// oneAddress is a Stripe account whose customers all have the same address. It makes the customers
// when they are read.
type oneAddress struct {
	customers int
	most      uint64 // the most bytes in use after a page
}

func (o *oneAddress) Livemode() bool { return false }

func (o *oneAddress) Read(_ context.Context, _ string, query url.Values) (json.RawMessage, error) {
	from := 0
	if after := query.Get("starting_after"); after != "" {
		if _, err := fmt.Sscanf(after, "cus_%d", &from); err != nil {
			return nil, err
		}
	}
	if from%20_000 == 0 {
		o.measure()
	}
	var page []string
	for i := from + 1; i <= from+100; i++ {
		page = append(page, fmt.Sprintf(`{"id":"cus_%d","created":%d,"email":"shop@example.com",`+
			`"subscriptions":{"data":[{"id":"sub_%d","status":"active"}]}}`, i, i, i))
	}
	return json.RawMessage(fmt.Sprintf(`{"data":[%s],"has_more":%t}`, strings.Join(page, ","), from+100 < o.customers)),
		nil
}

func (o *oneAddress) measure() {
	runtime.GC()
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	o.most = max(o.most, memory.HeapAlloc)
}

// measured measures memory while the proposal is written: then the customers of an address are
// together.
type measured struct {
	strings.Builder
	*oneAddress
}

func (m *measured) Write(text []byte) (int, error) {
	m.measure()
	return m.Builder.Write(text)
}

// If many customers have an address, a proposal names a few and counts the others. A user who has
// the address in two cases is counted once.
func TestAProposalOfOneAddressIsSmall(t *testing.T) {
	heapOf := func(customers int) uint64 {
		stripe := &oneAddress{customers: customers}
		out := &measured{oneAddress: stripe}
		proposal := &Proposal{Reader: stripe, Limiter: rate.NewLimiter(rate.Inf, 1), Report: &Report{},
			Progress: Lines(&strings.Builder{})}
		matches, err := proposal.Write(t.Context(),
			strings.NewReader("u1,shop@example.com\nu2,SHOP@example.com\nu2,Shop@example.com\n"), out)
		if err != nil || matches != (Matches{Several: 2}) {
			t.Fatalf("%+v, %v", matches, err)
		}
		if text := out.String(); len(text) > 4000 || strings.Count(text,
			fmt.Sprintf("; and %d more", customers-maxListed)) != 2 ||
			strings.Count(text, fmt.Sprintf(",several,%d,", customers)) != 2 {
			t.Errorf("%d bytes: %.500s", len(text), text)
		}
		return stripe.most
	}
	few, many := heapOf(100), heapOf(100_000)
	if more := int64(many) - int64(few); more > 16<<20 {
		t.Errorf("100,000 customers of one address take %d MB more than 100", more>>20)
	}
}

// A proposal shows the subscriptions that the customer pays for or owes for.
//
// https://docs.stripe.com/api/subscriptions/object#subscription_object-status
func TestAProposalShowsActiveSubscriptions(t *testing.T) {
	shown := map[string]bool{
		"active": true, "trialing": true, "past_due": true,
		"canceled": false, "unpaid": false, "incomplete": false, "incomplete_expired": false, "paused": false,
	}
	for status, want := range shown {
		var c customer
		if err := json.Unmarshal([]byte(`{"subscriptions":{"data":[{"id":"sub_1","status":"`+status+`"}]}}`),
			&c); err != nil {
			t.Fatal(err)
		}
		if got := c.active(); slices.Equal(got, []string{"sub_1"}) != want || !want && len(got) > 0 {
			t.Errorf("%s: %q", status, got)
		}
	}
}
