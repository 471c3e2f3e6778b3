//go:build !race

package customers

// manyHistories is how many histories are delivered if -histories does not say.
const manyHistories = 10_000
