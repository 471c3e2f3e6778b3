package checks

var _ = say("README.md",
	"five buttons", "which takes about two minutes on two cores", "{{go version}} or later",
	"prints `303 See Other`", "like the second one here", "leave out the last two lines of the script",
	"asks for the {{values without default}} values that have no default",
	"401 with a fresh token", "CORS errors, 401, 403, 404 | [API, Troubleshooting]",

	// Measured: each is in the benchmark's own page.
	"At {{default MemorySize}} MB (the default), a cold start answers after {{measured 512 MB, the default|start to "+
		"first answer, ms|portal}} ms",
	"a warm request after {{measured 512 MB, the default|warm request, median, ms|portal}} ms (median)",
	"of which Stripe takes {{flag local/bench stripe}}",
	"A million warm requests cost {{measured Memory size|512 MB&portal|$ per million}} of Lambda",
	"a table of 100 million users",
)
