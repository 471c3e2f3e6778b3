//go:build race

package customers

// manyHistories is the default of -histories. It is smaller here because one goroutine delivers a
// history, so the race detector finds nothing and only takes time.
const manyHistories = 1_000
