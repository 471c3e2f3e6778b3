package preflight_test

// Texts of several findings.
const (
	tryAgain     = "Try again. If this repeats, check the network between this program and the service."
	notLookedAt  = "the Stripe key lacks permission to read it, so nothing was checked"
	noSuchTable  = "There is no such table in this account and region. Check the name and the region."
	lookAtStripe = "Stripe cannot be reached, or its answer cannot be used. Check https://status.stripe.com, the " +
		"network and STRIPE_API_BASE."
	lookItUp       = "Find the request in Stripe's dashboard, under Developers, Logs."
	createEndpoint = "Create an endpoint at https://dashboard.stripe.com/webhooks. Its " +
		"URL is the stack's output WebhookEndpoint."
	compareSource = "Compare STRIPE_EVENT_SOURCE with the destination at " +
		"https://dashboard.stripe.com/workbench/webhooks."
	subscriptionsNeeded = "the key lacks it, and flows about a subscription need it"
	maySubscriptions    = "Give the restricted key Subscriptions: Read. Or remove those flows from ALLOWED_FLOWS."
	readTheLog          = "The log of the new version says why."
	grantFunction       = "Grant this role this operation on the function, and the use " +
		"of its KMS key if it has one of its own."
	setTheClock = "Correct this machine's clock: tokens and signatures " +
		"depend on it. In Lambda, AWS sets the clock."
	chooseSnapshots = "Create an event destination with snapshot payloads at " +
		"https://dashboard.stripe.com/workbench/webhooks, and delete the one with thin payloads."
	mayReadDestinations = "Give the restricted key Event destinations: Read to enable this check, or check " +
		"https://dashboard.stripe.com/workbench/webhooks yourself."
	moveItems = `Move the items first: infra/README.md, "Another table or key". If the live table is empty too, ` +
		`deploy with make deploy, which lets this role read that table.`
	compareItems = "Compare CUSTOMERS_KEY_FORMAT, CUSTOMERS_SORT_KEY and CUSTOMERS_ATTRIBUTE with the items. If you " +
		"meant to change them, write the items in the new form first."
)
