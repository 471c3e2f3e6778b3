package customers

import (
	"maps"
	"slices"
	"testing"
)

func TestTheUsersCustomer(t *testing.T) {
	metadata := func(seconds int64) Facts { return Facts{Metadata: At(seconds)} }
	reference := func(seconds int64) Facts { return Facts{Reference: At(seconds)} }
	released := func(f Facts, seconds int64) Facts { return f.Join(Facts{Released: At(seconds)}) }
	deleted := func(f Facts) Facts { return f.Join(Facts{Deleted: true}) }
	for name, test := range map[string]struct {
		state    State
		want     string
		counting int
	}{
		"nothing is known":                     {nil, "", 0},
		"a claim by metadata":                  {State{"cus_a": metadata(5)}, "cus_a", 1},
		"a claim by metadata at the beginning": {State{"cus_a": metadata(0)}, "cus_a", 1},
		"the latest claim by metadata": {State{"cus_a": metadata(5), "cus_b": metadata(4)},
			"cus_a", 2},
		"equal times: the greater ID": {State{"cus_a": metadata(5), "cus_b": metadata(5)},
			"cus_b", 2},
		"a claim by reference": {State{"cus_a": reference(5)}, "cus_a", 1},
		"the earliest claim by reference": {State{"cus_a": reference(5), "cus_b": reference(4)},
			"cus_b", 2},
		"equal times: the smaller ID": {State{"cus_a": reference(5), "cus_b": reference(5)},
			"cus_a", 2},
		"metadata before an earlier reference": {State{"cus_a": reference(1), "cus_b": metadata(2)},
			"cus_b", 2},
		"metadata before a later reference": {State{"cus_a": reference(9), "cus_b": metadata(2)},
			"cus_b", 2},
		"released after the claim":          {State{"cus_a": released(metadata(5), 6)}, "", 0},
		"released at the time of the claim": {State{"cus_a": released(metadata(5), 5)}, "", 0},
		"claimed again after the release":   {State{"cus_a": released(metadata(7), 6)}, "cus_a", 1},
		"released, another customer claims": {State{"cus_a": released(metadata(5), 6),
			"cus_b": metadata(1)}, "cus_b", 1},
		"a reference that was released": {State{"cus_a": released(reference(5), 6)}, "", 0},
		"metadata released, a later reference": {State{"cus_a": released(metadata(5), 6).Join(reference(7))},
			"cus_a", 1},
		"metadata released, a reference of another customer": {State{"cus_a": released(metadata(5), 6),
			"cus_b": reference(1)}, "cus_b", 1},
		"only a release":                {State{"cus_a": {Released: At(5)}}, "", 0},
		"deleted":                       {State{"cus_a": deleted(metadata(5))}, "", 0},
		"deleted before it was claimed": {State{"cus_a": deleted(Facts{}).Join(metadata(5))}, "", 0},
		"deleted, an earlier one is not": {State{"cus_a": deleted(metadata(5)), "cus_b": metadata(1)},
			"cus_b", 1},
		"deleted, one with a reference is not": {State{"cus_a": deleted(metadata(5)), "cus_b": reference(1)},
			"cus_b", 1},
		"only a deletion": {State{"cus_a": {Deleted: true}}, "", 0},
	} {
		t.Run(name, func(t *testing.T) {
			if got := test.state.Customer(); got != test.want {
				t.Errorf("customer = %q, want %q", got, test.want)
			}
			if got := test.state.Counting(); len(got) != test.counting || !slices.IsSorted(got) {
				t.Errorf("counting = %v, want %d", got, test.counting)
			}
		})
	}
}

// statesOf returns all states of two customers with a few times.
func statesOf() []State {
	var facts []Facts
	times := []Time{{}, At(0), At(1)}
	for _, metadata := range times {
		for _, reference := range times {
			for _, released := range times {
				for _, deleted := range []bool{false, true} {
					facts = append(facts, Facts{metadata, reference, released, deleted})
				}
			}
		}
	}
	states := []State{{}}
	for i, f := range facts {
		states = append(states, State{"cus_a": f}, State{"cus_b": f},
			State{"cus_a": f, "cus_b": facts[(i*7+3)%len(facts)]})
	}
	return states
}

func TestJoinIsAssociativeCommutativeAndIdempotent(t *testing.T) {
	states := statesOf()
	for i, a := range states {
		if !maps.Equal(a.Join(a), a) {
			t.Fatalf("%v joined with itself is %v", a, a.Join(a))
		}
		for j, b := range states {
			if !maps.Equal(a.Join(b), b.Join(a)) {
				t.Fatalf("%v and %v: the order matters", a, b)
			}
			c := states[(i*31+j*17)%len(states)]
			if !maps.Equal(a.Join(b).Join(c), a.Join(b.Join(c))) {
				t.Fatalf("%v, %v and %v: the grouping matters", a, b, c)
			}
		}
	}
}

func FuzzJoin(f *testing.F) {
	f.Add(int64(1), int64(2), int64(3), uint8(0b1010101), int64(3), int64(2), int64(1), uint8(0b0101010), int64(0),
		int64(-1), int64(1<<62), uint8(0xff))
	f.Add(int64(0), int64(0), int64(0), uint8(0), int64(0), int64(0), int64(0), uint8(7), int64(0),
		int64(0), int64(0), uint8(8))
	facts := func(metadata, reference, released int64, known uint8) Facts {
		one := func(seconds int64, bit uint8) Time {
			if known&bit == 0 {
				return Time{}
			}
			return At(seconds)
		}
		return Facts{one(metadata, 1), one(reference, 2), one(released, 4), known&8 != 0}
	}
	f.Fuzz(func(t *testing.T, m1, r1, x1 int64, k1 uint8, m2, r2, x2 int64, k2 uint8, m3, r3, x3 int64, k3 uint8) {
		a, b, c := facts(m1, r1, x1, k1), facts(m2, r2, x2, k2), facts(m3, r3, x3, k3)
		if a.Join(a) != a || a.Join(b) != b.Join(a) || a.Join(b).Join(c) != a.Join(b.Join(c)) {
			t.Errorf("%+v, %+v, %+v", a, b, c)
		}
		// Joining never loses facts: the result says at least what each part says.
		joined := a.Join(b)
		for _, part := range []Facts{a, b} {
			if part.Metadata.isAfter(joined.Metadata) || part.Released.isAfter(joined.Released) ||
				part.Deleted && !joined.Deleted ||
				part.Reference.known && (!joined.Reference.known || joined.Reference.isAfter(part.Reference)) {
				t.Errorf("%+v and %+v are %+v", a, b, joined)
			}
		}
	})
}

func TestFactsSurviveTheirItem(t *testing.T) {
	for _, state := range statesOf() {
		got, err := decodeState(state.encode(nil))
		if err != nil || !maps.Equal(got, state) {
			t.Fatalf("%v became %v, %v", state, got, err)
		}
	}
}
