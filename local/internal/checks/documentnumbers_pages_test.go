package checks

var _ = say(".github/CONTRIBUTING.md",
	"need Go ({{go version}} or later)", "two builds give the same zip files", "two checks at a time",
	"draws the dashboard in four drills",
	"at {{default MemorySize}} MB (Linux, as root)",
	"A signature is valid for {{internal/webhook.tolerance}}", "with one or two methods",
	"Edit two files by hand", "half a read unit",
	"builds everything twice",
	// Decisions, as they were measured
	"the binary is 1.8 MB smaller and starts 5 ms sooner", "2.2 MB.",
	"Any client can send 4.4 MB, and decoding them would cost fifty times as much", "Amazon Linux 2023",
)

var _ = say("local/examples/README.md",
	"a page with two buttons", "again after a 401. It has 10 seconds",
	"took longer than 10 seconds", "have the status 0",
	"A 404 for `button.js`", "with the status 404 or 405", "with the status 429 or 503", "not the required role (403)",
	"Any other name is a 400", "A token in the address is a 400 too", "[React 19]", "[Vue 3]",
	"[Svelte 5]", "[htmx 4]", "[Turbo 8]",
	"| 200 and the session with its `url` |", "| 303 to the portal |",
)

// The benchmark prints the tables of this page, so their numbers are measured.
var _ = say("local/bench/README.md", "at most {{upstream.MaxConns}} connections lead to an upstream",
	"{{flag local/bench aws}} of round trip to AWS and the issuer, {{flag local/bench stripe}} to Stripe",
	"medians of 40 starts (`--starts 40`) and {{flag local/bench requests}} warm requests",
)

var _ = say("infra/openapi.yaml",
	"gets the session as JSON with status 200. Every other client gets a 303",
	"at most {{params.MaxBodySize}} of UTF-8, {{params.maxNames}} names, and {{params.maxDepth}} levels",
	"repeated names are a 400", "All other clients get a 405",
	"An ES module of at most {{internal/button.maxZippedModule}}, gzipped",
	"in at most {{internal/webhook.MaxBodySize}}. Events",
	"description: The body has more than {{internal/webhook.MaxBodySize}}.",
	"description: >- The body has more than {{params.MaxBodySize}}.",
	"at most {{internal/webhook.tolerance}} old or ahead",
	"List indexes are 0,", "Seconds since 1970",
	// API Gateway's:
	// https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html
	"throttles (429)", "(413 above 10 MB, 431)", "(500, 503)", "more than 10,240 bytes",
)
