package api

import (
	"slices"
	"strconv"
	"strings"
)

// list is a page of objects (https://docs.stripe.com/api/pagination).
type list struct {
	Object  string           `json:"object"`
	Data    []map[string]any `json:"data"`
	HasMore bool             `json:"has_more"`
	URL     string           `json:"url"`
}

// listed returns the requested page of all objects, newest first.
func listed[T any](url string, all []T, id func(T) string, object func(T) map[string]any,
	params *node) (any, *apiError) {
	some, more, problem := page(all, id, params)
	if problem != nil {
		return nil, problem
	}
	answer := list{Object: "list", Data: []map[string]any{}, HasMore: more, URL: url}
	for _, one := range some {
		answer.Data = append(answer.Data, object(one))
	}
	return answer, nil
}

// page returns the objects that limit, starting_after and ending_before select. all is sorted
// newest first.
func page[T any](all []T, id func(T) string, params *node) (some []T, more bool, problem *apiError) {
	limit, err := strconv.Atoi(params.or("10", "limit"))
	if err != nil || limit < 1 || limit > 100 {
		return nil, false, invalid("parameter_invalid_integer", "limit", "This value must be between 1 and 100.")
	}
	after, before := params.text("starting_after"), params.text("ending_before")
	if after != nil && before != nil {
		return nil, false,
			invalid("", "", "You may only specify one of these parameters: starting_after, ending_before.")
	}
	if after != nil {
		at, problem := cursor(all, id, *after, "starting_after")
		if problem != nil {
			return nil, false, problem
		}
		all = all[at+1:]
	}
	if before != nil {
		at, problem := cursor(all, id, *before, "ending_before")
		if problem != nil {
			return nil, false, problem
		}
		from := max(0, at-limit)
		return all[from:at], from > 0, nil
	}
	if len(all) > limit {
		return all[:limit], true, nil
	}
	return all, false, nil
}

func cursor[T any](all []T, id func(T) string, at, param string) (int, *apiError) {
	i := slices.IndexFunc(all, func(t T) bool { return id(t) == at })
	if i < 0 {
		return 0, noSuch("object", at, param)
	}
	return i, nil
}

// maxExpansion is the maximum depth of an expansion. In a list the leading "data" counts
// (https://docs.stripe.com/expand).
const maxExpansion = 4

// expansions checks the expand parameter against the supported paths.
func expansions(params *node, possible ...string) (map[string]bool, *apiError) {
	wanted := make(map[string]bool)
	for _, path := range params.at("expand").list() {
		if len(strings.Split(path.value, ".")) > maxExpansion {
			return nil, invalid("property_expansion_max_depth", "",
				"You cannot expand more than 4 levels of a property. Property: %s", path.value)
		}
		if !slices.Contains(possible, path.value) {
			return nil, notHere("expand", "expanding %s", path.value)
		}
		wanted[path.value] = true
	}
	return wanted, nil
}

// only returns an error for parameters that Stripe documents and this fake does not support.
func only(params *node, known []string) *apiError {
	for _, key := range params.keys() {
		if !slices.Contains(known, key) {
			return notHere(key, "the parameter %s", key)
		}
	}
	return nil
}
