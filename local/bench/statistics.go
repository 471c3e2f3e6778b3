package main

import (
	"cmp"
	"math"
	"slices"
)

// quantile returns the smallest value that at least the share q of values does not exceed (nearest
// rank). It needs at least one value.
func quantile[T cmp.Ordered](values []T, q float64) T {
	sorted := slices.Sorted(slices.Values(values))
	rank := int(math.Ceil(q * float64(len(sorted))))
	return sorted[min(max(rank, 1), len(sorted))-1]
}

func median[T cmp.Ordered](values []T) T { return quantile(values, 0.5) }

// each returns aspect of each value.
func each[V, T any](values []V, aspect func(V) T) []T {
	aspects := make([]T, len(values))
	for i, v := range values {
		aspects[i] = aspect(v)
	}
	return aspects
}
