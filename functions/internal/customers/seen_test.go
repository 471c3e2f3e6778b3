package customers

import (
	"context"
	"testing"
	"time"
)

// seen returns a fact as an import reads it: the customer was created at one time, and its metadata
// named the user at a later one.
func seen(user, customer string, created, at int64) Fact {
	return Fact{User: user, Customer: customer, Facts: Facts{Metadata: At(created)}, Seen: At(at)}
}

func TestMetadataThatWasReadIsNewerThanAnyRelease(t *testing.T) {
	for name, test := range map[string]struct {
		before   []Fact
		fact     Fact
		want     string
		metadata Time // of the pair with cus_a
		isIdle   bool
	}{
		"no release is known": {nil, seen("alice", "cus_a", 5, 100), "cus_a", At(5), false},
		"the later claim was missed": {[]Fact{claim("alice", "cus_a", 5),
			release("alice", "cus_a", 50)}, seen("alice", "cus_a", 5, 100), "cus_a", At(100), false},
		"the later claim came in the same second as the release": {[]Fact{claim("alice", "cus_a", 50),
			release("alice", "cus_a", 50)}, seen("alice", "cus_a", 5, 100), "cus_a", At(100), false},
		"only the release is known": {[]Fact{release("alice", "cus_a", 50)},
			seen("alice", "cus_a", 5, 100), "cus_a", At(100), false},
		"a release in the second of the creation": {[]Fact{release("alice", "cus_a", 5)},
			seen("alice", "cus_a", 5, 100), "cus_a", At(100), false},
		"the later claim is known": {[]Fact{release("alice", "cus_a", 50),
			claim("alice", "cus_a", 60)}, seen("alice", "cus_a", 5, 100), "cus_a", At(60), false},
		"the later claim is known, and a later customer": {[]Fact{release("alice", "cus_a", 50),
			claim("alice", "cus_a", 60), claim("alice", "cus_b", 70)}, seen("alice", "cus_a", 5, 100),
			"cus_b", At(60), false},
		"a release before the creation": {[]Fact{release("alice", "cus_a", 4)},
			seen("alice", "cus_a", 5, 100), "cus_a", At(5), false},
		"a release after the reading": {[]Fact{release("alice", "cus_a", 101)},
			seen("alice", "cus_a", 5, 100), "", At(100), true},
		"a release in the second of the reading": {[]Fact{release("alice", "cus_a", 100)},
			seen("alice", "cus_a", 5, 100), "", At(100), true},
		"a release of another customer": {[]Fact{release("alice", "cus_b", 50)},
			seen("alice", "cus_a", 5, 100), "cus_a", At(5), false},
		"a release of a purchase, which comes first": {[]Fact{reference("alice", "cus_a", 5),
			release("alice", "cus_a", 50), reference("alice", "cus_b", 7)}, seen("alice", "cus_a", 5, 100),
			"cus_a", At(100), false},
	} {
		t.Run(name, func(t *testing.T) {
			table := newFakeTable(plainTable)
			for _, fact := range test.before {
				apply(t, table, plainTable, Change{Facts: []Fact{fact}})
			}
			outcome := apply(t, table, plainTable, Change{Facts: []Fact{test.fact}})
			found, err := plainTable.read(table.items["alice"])
			if err != nil || found.customer.id != test.want || found.state["cus_a"].Metadata != test.metadata ||
				outcome.IsIdle != test.isIdle {
				t.Errorf("customer %q of %v, %v, idle %v", found.customer.id, found.state, err, outcome.IsIdle)
			}
			// A later import repairs the idle ones, and changes nothing for the others.
			later := test.fact
			later.Seen = At(200)
			if again := apply(t, table, plainTable, Change{Facts: []Fact{later}}); again.IsIdle ||
				(again.Calls == 1) == test.isIdle {
				t.Errorf("again: %+v", again)
			}
		})
	}
}

// The facts in the item decide when it is written, because a release may be written between the
// read and the write.
func TestReleaseWrittenDuringAnImportCounts(t *testing.T) {
	table := &racingTable{newFakeTable(plainTable), 1, State{"cus_a": {Metadata: At(5), Released: At(50)}}}
	writer := &Writer{Client: table, Table: plainTable,
		Pause: func(context.Context, time.Duration) error { return nil }}
	if _, err := writer.Apply(t.Context(), Change{Facts: []Fact{seen("alice", "cus_a", 5, 100)}}); err != nil {
		t.Fatal(err)
	}
	if got, err := (&Store{Client: table, Table: plainTable}).CustomerID(t.Context(), "alice"); got != "cus_a" {
		t.Errorf("customer = %q, %v", got, err)
	}
}
