package problem

import (
	"slices"
	"testing"

	"billingportal/functions/internal/language"
)

// contract is the table of the API's errors, as callers know it.
var contract = map[int][]Code{
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
			if definitions[name].status != status {
				t.Errorf("%s: status = %d, want %d", name, definitions[name].status, status)
			}
		}
	}
	if len(definitions) != codes {
		t.Errorf("%d codes, the contract has %d", len(definitions), codes)
	}
	for name, definition := range definitions {
		if definition.title == 0 || definition.advice == 0 || (&Problem{Code: name}).detail() == "" {
			t.Errorf("%s lacks a text", name)
		}
	}
}

// A page says to try again only if that can help, and to ask support or a developer if it cannot. Any other text belongs to one code.
func TestEachCodeHasItsOwnWords(t *testing.T) {
	shared := map[any][]Code{
		language.TryAgain:       slices.Concat(contract[502], contract[503], contract[504]),
		language.ContactSupport: contract[500],
		language.SignInAgain:    contract[401],
		language.AskDeveloper:   slices.Concat(contract[400], contract[413], contract[415], []Code{ParameterNotAllowed}),

		language.NotPermitted:       {InsufficientScope, InsufficientRole},
		language.BillingUnavailable: {BillingUnavailable, BillingBadResponse, CustomerStoreUnavailable, SecretsUnavailable},
	}
	users := map[any][]Code{}
	for code, definition := range definitions {
		for _, text := range []any{definition.title, definition.detail, definition.advice} {
			users[text] = append(users[text], code)
		}
	}
	for text, codes := range users {
		want, isShared := shared[text]
		slices.Sort(codes)
		slices.Sort(want)
		if isShared && !slices.Equal(codes, want) || !isShared && len(codes) > 1 {
			t.Errorf("%v belongs to %q, want %q", text, codes, want)
		}
		delete(shared, text)
	}
	for text := range shared {
		t.Errorf("no code says %v", text)
	}
}
