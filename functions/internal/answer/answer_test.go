package answer

import "testing"

// contract is the table of the API's errors, as callers know it.
var contract = map[int][]string{
	400: {"invalid-request", "invalid-signature", "unknown-parameter", "invalid-parameter", "invalid-return-url"},
	401: {"missing-credentials", "invalid-token"},
	403: {"insufficient-scope", "insufficient-role", "cross-origin-request", "parameter-not-allowed"},
	404: {"not-found", "no-billing-account", "subscription-not-found"},
	405: {"method-not-allowed"},
	409: {"subscription-ambiguous", "subscription-not-eligible", "flow-unavailable"},
	413: {"payload-too-large"},
	415: {"unsupported-media-type"},
	500: {"billing-misconfigured", "webhook-misconfigured", "internal"},
	502: {"billing-unavailable", "billing-bad-response"},
	503: {"identity-provider-unavailable", "customer-store-unavailable", "secrets-unavailable", "billing-busy"},
	504: {"upstream-timeout"},
}

func TestCodesAreTheContract(t *testing.T) {
	codes := 0
	for status, names := range contract {
		codes += len(names)
		for _, name := range names {
			if kinds[name].status != status {
				t.Errorf("%s: status = %d, want %d", name, kinds[name].status, status)
			}
		}
	}
	if len(kinds) != codes {
		t.Errorf("%d codes, the contract has %d", len(kinds), codes)
	}
	for name, kind := range kinds {
		for _, text := range []string{kind.title, kind.detail, kind.advice} {
			if text == "" {
				t.Errorf("%s lacks a text", name)
			}
		}
	}
}
