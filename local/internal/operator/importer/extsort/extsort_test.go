package extsort

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
)

func TestLinesComeBackInOrder(t *testing.T) {
	for _, n := range []int{0, 1, 300_000} { // the last needs several runs
		s, err := New()
		if err != nil {
			t.Fatal(err)
		}
		random := rand.New(rand.NewPCG(1, 2))
		var want []string
		for i := range n {
			line := fmt.Sprintf("%08d %s %d", random.IntN(1000), strings.Repeat("x", 100), i)
			want = append(want, line)
			if err := s.Add(line); err != nil {
				t.Fatal(err)
			}
		}
		slices.Sort(want)
		i := 0
		for line, err := range s.Sorted() {
			if err != nil || line != want[i] {
				t.Fatalf("line %d: %q, %v, want %q", i, line, err, want[i])
			}
			i++
		}
		if i != n || n > 1 && len(s.runs) < 3 {
			t.Errorf("%d of %d lines, %d runs", i, n, len(s.runs))
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(s.dir); !os.IsNotExist(err) {
			t.Error("the runs are still there")
		}
	}
}
