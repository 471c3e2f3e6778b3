//go:build !race

package customers

// manyHistories is the number of histories that are delivered if -histories does not say. CI
// delivers 10,000.
const manyHistories = 2_500
