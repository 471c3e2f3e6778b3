//go:build !race

package customers

// manyHistories is the default of -histories. CI delivers 10,000.
const manyHistories = 2_500
