//go:build race

package customers

// manyHistories is how many histories are delivered if -histories does not say. One goroutine
// delivers a history, so the race detector would only take its time.
const manyHistories = 1_000
