package checks

var _ = say("infra/API.md",
	"a page with one button", "exactly one credential", "sent twice with one value counts as one credential",
	"With two different values", "version {{stripe version}} works",
	"at most {{params.MaxBodySize}}, {{params.maxNames}} names and {{params.maxDepth}} levels",
	"A request ends within {{upstream.budget}}",

	// Answers. The handler's tests say so for each kind of caller.
	"| 200 with Stripe's session object", "(a navigation) | 303 to", "| anything else | 303 to",
	"without a billing account gets a 303",

	// Flows.
	"needs one field", `"Upgrade to Pro" needs two`, "opens one page", "| one |", "| zero |",

	// The status.
	"`\"account\":false` | The user has no billing account: hide the button", "It reads one item of the table",
	"caches the answer for a minute", "| 429, 5xx, no answer | Show the button",

	// Errors.
	"`title`, `status`, `detail`, `code` and `request_id`, and with `param` if one parameter is wrong",
	"429 if there are [too many requests]", "413 if the body is larger than 10 MB, 431 if the "+
		"headers are too large, and 500 or 503 if it cannot run the function", "or there are two credentials",
	"most {{params.MaxBodySize}} of",
	"Try again after `Retry-After` seconds", "explains server errors (5xx)",

	// Troubleshooting.
	"(CORS, Content-Security-Policy, 404)",
	"`getToken` has {{patience for a token}}, and then the request has {{patience for a request}}",
	"`getToken` has {{patience for a token}}, and the request has {{patience for a request}}. After a 401 both get a "+
		"second try",
	"For {{patience for a request}} after the answer",
	"401 with a fresh token", "loads two copies of the module, the first one defines", "are two origins",
	"gets a 303 cannot follow it",
)
