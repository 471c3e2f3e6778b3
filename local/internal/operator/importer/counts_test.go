package importer

import (
	"reflect"
	"testing"
)

// A run adds up every count. NotImported counts only the claims that the operator expected to be
// imported.
func TestCountsAreComplete(t *testing.T) {
	notImported := map[string]bool{
		"Imported": false, "Known": false, "Conflicts": false, "Skipped": false, "Superseded": false,
		"Contested": true, "Rejected": true, "Deleted": true, "Released": true,
	}
	fields := reflect.TypeFor[Counts]()
	if fields.NumField() != len(notImported) {
		t.Errorf("%d counts, of which the table has %d", fields.NumField(), len(notImported))
	}
	for i := range fields.NumField() {
		var one, sum Counts
		reflect.ValueOf(&one).Elem().Field(i).SetInt(7)
		sum.add(one)
		sum.add(one)
		name := fields.Field(i).Name
		if got := reflect.ValueOf(sum).Field(i).Int(); got != 14 {
			t.Errorf("%s: 7 and 7 are %d", name, got)
		}
		isNot, isKnown := notImported[name]
		if got := one.NotImported(); !isKnown || isNot != (got == 7) || !isNot && got != 0 {
			t.Errorf("%s: %d were not imported", name, got)
		}
	}
}

// Wrong counts every finding of a verification, but not the number of mappings and of corrections.
func TestFindingsOfAVerificationAreWrong(t *testing.T) {
	right := map[string]bool{"Looked": true, "Fixed": true}
	fields := reflect.TypeFor[Verified]()
	for i := range fields.NumField() {
		var v Verified
		reflect.ValueOf(&v).Elem().Field(i).SetInt(7)
		if name := fields.Field(i).Name; (v.Wrong() == 0) != right[name] || v.Wrong() != 0 && v.Wrong() != 7 {
			t.Errorf("%s: %d are wrong", name, v.Wrong())
		}
	}
}
