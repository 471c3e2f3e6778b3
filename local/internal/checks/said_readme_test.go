package checks

var _ = say("README.md",
	"version {{stripe version}} of Stripe's API",
	"With Go ({{go version}} or later)",
	"At most {{params.MaxBodySize}}, {{params.maxNames}} names, {{params.maxDepth}} levels",
	"| 413, 415 | `payload-too-large`, `unsupported-media-type` | Send at most {{params.MaxBodySize}} of",
	"asks for the {{values without default}} values that have no default",
	"up to {{app/portal.maxAliases}} [other names]",
	"facts about at most {{customers.maxCustomers}} customers", "the first {{customers.maxUsers}} users who claim it",

	// Answers. The handler's tests say so for each kind of caller.
	"| 200, Stripe's session object", "(a navigation) | 303 | a page", "| anything else | 303 |",
	"or there are two credentials", "| 429, 5xx, nothing | Show the button",

	"Try again after `Retry-After` seconds", "in `aud`, or if that is absent or empty in `client_id` or `azp`",
	// Rights of the key, and whom events may name. preflight asks for the same rights.
	"is enough: write access to the customer portal; for flows about a subscription, and for a status with "+
		"subscriptions, read access to subscriptions; for the names of their products read access to products; "+
		"nothing else:",
	"by default those of Checkout Sessions count that your server made (`sessions`)",
	"choose `none` where you have one. Choose `all` only where your links reach none but those who may name any user.",
	"Metadata counts for more than a reference, the latest metadata and the earliest reference for more than others, "+
		"and a deleted customer for nothing",

	// Measured: each is in the benchmark's own page.
	"that {{default MemorySize}} MB (the default) gets, Stripe {{flag local/bench stripe}} away and all else {{flag "+
		"local/bench aws}},",
	"at {{default MemorySize}} MB | this function",
	"start to first answer | {{measured 512 MB, the default|start to first answer, ms|portal}} ms | {{measured 512 "+
		"MB, the default|start to first answer, ms|plain}} ms |",
	"median and p99 | {{measured 512 MB, the default|warm request, median, ms|portal}} and {{measured 512 MB, the "+
		"default|warm request, p99, ms|portal}} ms |",
	"ms | {{measured 512 MB, the default|warm request, median, ms|plain}} and {{measured 512 MB, the default|warm "+
		"request, p99, ms|plain}} ms |",
	"CPU of a warm request | {{measured 512 MB, the default|CPU of warm request, ms|portal}} ms | {{measured 512 MB, "+
		"the default|CPU of warm request, ms|plain}} ms |",
	"peak memory | {{measured 512 MB, the default|peak resident memory, MB|portal}} MB | {{measured 512 MB, the "+
		"default|peak resident memory, MB|plain}} MB |",
	"a first answer takes {{measured A whole CPU|start to first answer, ms|portal}} ms",
	"A million warm requests cost {{measured Memory size|512 MB&portal|$ per million}} of Lambda at {{default "+
		"MemorySize}} MB",
	"a table of 100 million users",

	// What counts nothing of the code's.
	"five buttons", `"Upgrade to Pro" is two`, "the function writes two attributes", "half a read unit",
	"no user may have an ID like `cus_…`",
)
