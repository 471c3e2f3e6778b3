package operator

import (
	"testing"

	"billingportal/functions/app/internal/config/configtest"
)

// An interrupted import continues only if its state file has this text.
func TestTheTextOfAMappingIsStable(t *testing.T) {
	env := configtest.Env{"CUSTOMERS_TABLE": "customers", "CUSTOMERS_SORT_KEY": "sk=BILLING"}
	mapping, err := ReadMapping(env.Get)
	if err != nil {
		t.Fatal(err)
	}
	const want = "{Name:customers Key:user_id KeyFormat: SortKey:sk SortValue:BILLING Attribute:customer_id}"
	if got := mapping.String(); got != want {
		t.Errorf("it is %s, want %s", got, want)
	}
}
