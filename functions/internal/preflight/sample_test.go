package preflight_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"billingportal/functions/internal/customers"
	"billingportal/functions/internal/preflight"
	"billingportal/functions/internal/upstream"
)

// largeTable has more items than a page has. Each segment has five users, except one, which is
// empty.
type largeTable struct{ scans []string }

func (l *largeTable) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var in struct{ Limit, Segment, TotalSegments *int }
	_ = json.NewDecoder(r.Body).Decode(&in)
	w.Header().Set("Content-Type", "application/x-amz-json-1.0")
	if in.Segment == nil {
		l.scans = append(l.scans, fmt.Sprint("table ", *in.Limit))
		_, _ = io.WriteString(w,
			`{"Items":[`+item("first", "cus_first", "")+`],"LastEvaluatedKey":{"user_id":{"S":"first"}}}`)
		return
	}
	l.scans = append(l.scans, fmt.Sprintf("segment of %d, %d", *in.TotalSegments, *in.Limit))
	var items []string
	for i := range *in.Limit {
		if *in.Segment != 3 {
			items = append(items,
				item(fmt.Sprintf("u%d-%d", *in.Segment, i), fmt.Sprintf("cus_%d_%d", *in.Segment, i), ""))
		}
	}
	_, _ = io.WriteString(w, `{"Items":[`+strings.Join(items, ",")+`],"LastEvaluatedKey":{"user_id":{"S":"x"}}}`)
}

func TestTheSampleIsSpreadOverALargeTable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		table, stripe := &largeTable{}, &account{}
		identity := upstream.AWS{Region: "eu-central-1", AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: "secret"}
		client := dynamodb.NewFromConfig(identity.Config("http://aws.example", serve(t, table), time.Second, 3))
		check := preflight.Mappings(client, customers.Table{Name: "users", Key: "user_id", Attribute: "customer_id"},
			stripeAt(t, stripe, true))
		requireFinding(t, check, "a sample of the mapping", preflight.OK, "10 customers checked, all exist at "+
			"Stripe", "")

		want := []string{"table 50"}
		for range 10 {
			want = append(want, "segment of 10, 5")
		}
		if !slices.Equal(table.scans, want) {
			t.Errorf("scans = %q", table.scans)
		}
		// One customer of each segment is looked up before a second one of any segment.
		slices.Sort(stripe.requests)
		var looked []string
		for _, segment := range []int{0, 0, 1, 2, 4, 5, 6, 7, 8, 9} {
			looked = append(looked, fmt.Sprintf("GET /v1/customers/cus_%d_%d", segment, 0))
		}
		looked[1] = "GET /v1/customers/cus_0_1"
		if !slices.Equal(stripe.requests, looked) {
			t.Errorf("looked up %q, want %q", stripe.requests, looked)
		}
	})
}
