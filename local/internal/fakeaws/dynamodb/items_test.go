package dynamodb_test

import (
	"fmt"
	"runtime"
	"testing"

	"billingportal/local/internal/fakeaws/dynamodb"
)

// An import of millions of customers must fit into the memory of a development machine.
func TestItemsTakeLittleMemory(t *testing.T) {
	const users, limit = 20_000, 450 // bytes per item
	d := dynamodb.NewServer()
	if err := d.CreateTable("customers", "user_id"); err != nil {
		t.Fatal(err)
	}
	before := heap()
	for i := range users {
		customer := fmt.Sprintf("cus_%014d", i)
		err := d.Put("customers", map[string]any{
			"user_id": fmt.Sprintf("auth0|%024d", i), "customer_id": customer,
			"billing_portal": map[string]any{customer: map[string]any{"metadata": 1_700_000_000 + i}},
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if each := (heap() - before) / users; each > limit {
		t.Errorf("%d bytes per item, want at most %d", each, limit)
	}
	if got := d.Text("customers", "auth0|000000000000000000000007", "customer_id"); got != "cus_00000000000007" {
		t.Errorf("the customer is %q", got)
	}
	runtime.KeepAlive(d)
}

func heap() uint64 {
	var stats runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}
