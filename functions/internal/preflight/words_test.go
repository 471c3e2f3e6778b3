package preflight_test

// What the findings of several checks say.
const (
	tryAgain     = "Try again. If it stays so, look at the network between here and there."
	notLookedAt  = "the key may not read it, so nothing was looked at"
	noSuchTable  = "There is no such table in this account and region: compare the name, and the region."
	lookAtStripe = "Stripe does not answer from here as it should: look at https://status.stripe.com, at the " +
		"network, and at STRIPE_API_BASE."
	lookItUp       = "Look the request up in Stripe's dashboard, under Developers, Logs."
	createEndpoint = "Create one at https://dashboard.stripe.com/webhooks with the stack's output WebhookEndpoint."
	compareSource  = "Compare STRIPE_EVENT_SOURCE with the destination at " +
		"https://dashboard.stripe.com/workbench/webhooks."
	subscriptionsNeeded = "the key lacks it, and flows about a subscription need it"
	maySubscriptions    = "Give the restricted key Subscriptions: Read. Or leave those flows out of ALLOWED_FLOWS."
	readTheLog          = "The log of the new version says why."
	grantFunction       = "Grant this role the operation on the function, and on its key where it has one of its own."
	setTheClock         = "Set this machine's clock: tokens and signatures depend on it. In Lambda, AWS keeps it."
	chooseSnapshots     = "Create an event destination with snapshot payloads at " +
		"https://dashboard.stripe.com/workbench/webhooks, and delete the one with thin payloads."
	mayReadDestinations = "Give the restricted key Event destinations: Read if you want it looked at, or look at " +
		"https://dashboard.stripe.com/workbench/webhooks."
	moveItems = `Move the items first: infra/README.md, "Another table or key". If the live table is empty too, ` +
		`deploy with make deploy, which lets this role read it.`
	compareItems = "Compare CUSTOMERS_KEY_FORMAT, CUSTOMERS_SORT_KEY and CUSTOMERS_ATTRIBUTE with the items, and " +
		"write the items in the new form first."
)
