package auth

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

const (
	defaultFreshness = 10 * time.Minute
	minFreshness     = time.Minute
	maxFreshness     = time.Hour
)

// freshness returns how long an answer may be used: the max-age in Cache-Control (RFC 9111, section
// 5.2.2.1). The limits keep a careless issuer from being asked at every request, and a withdrawn
// key from being used for a day.
func freshness(h http.Header) time.Duration {
	for directive := range strings.SplitSeq(strings.Join(h.Values("Cache-Control"), ","), ",") {
		name, value, ok := strings.Cut(strings.TrimSpace(directive), "=")
		if !ok || !strings.EqualFold(name, "max-age") {
			continue
		}
		return clampSeconds(strings.Trim(value, `"`))
	}
	return defaultFreshness
}

// clampSeconds treats an invalid number as stale (RFC 9111, section 4.2.1) and a number that does
// not fit as very large (section 1.2.2).
func clampSeconds(s string) time.Duration {
	seconds, err := strconv.ParseUint(s, 10, 64)
	switch {
	case err != nil && strings.Trim(s, "0123456789") != "", s == "":
		return minFreshness
	case err != nil || seconds > uint64(maxFreshness/time.Second):
		return maxFreshness
	}
	return max(time.Duration(seconds)*time.Second, minFreshness)
}
