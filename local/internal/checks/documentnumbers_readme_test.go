package checks

var _ = say("README.md",
	"`sessions`, the default, if only your server makes",
	"`none` if you have a pricing table", "`all` if you trust everyone who can open your Payment Links",
	"five buttons", "which takes one to two minutes on two cores", "{{go version}} or later",
	"prints `303 See Other`", "takes about three minutes the first time", "a command like the second one",
	"asks for the {{values without default}} values that have no default",
	"Python 3 with `venv`", "does step 1, and in step 4 creates the signing secret",
	"401 with a fresh token", "CORS errors, 401, 403, 404 | [API, Troubleshooting]",

	// Measured: each is in the benchmark's own page.
	"answer after {{flag local/bench stripe}} (Stripe) and {{flag local/bench aws}} (AWS and the issuer)",
	"and {{flag local/bench issuer}} (AWS and the issuer)",
	"a cold start at {{default MemorySize}} MB (the default) answers after {{measured 512 MB, the default|start to "+
		"first answer, ms|portal}} ms",
	"a warm request after {{measured 512 MB, the default|warm request, median, ms|portal}} ms (median)",
	"[COSTS] assumes {{deployments.stripeMilliseconds}} ms",
	"A million such warm requests cost {{measured Memory size|512 MB&portal|$ per million}} of Lambda",
	"a table of 100 million users",
)
