package webhook

import (
	"encoding/json"
	"errors"
	"regexp"
	"slices"
	"time"
	"unicode/utf8"

	"billingportal/functions/internal/customers"
	"billingportal/functions/internal/strictjson"
)

// References says which client_reference_id values name a user.
type References string

// The values of References. On a Payment Link, the buyer's browser sets the client_reference_id. A
// buyer who uses another user's ID would make that user put their card into the buyer's account.
const (
	NoReferences      References = "none"
	SessionReferences References = "sessions" // those of Checkout Sessions that no Payment Link made
	AllReferences     References = "all"
)

// Rules decide which events count and how they are read.
type Rules struct {
	// Livemode is the mode whose events count.
	Livemode bool
	// Account is our own account (acct_…) if an organization sends the events of several accounts,
	// or else "".
	Account string
	// MetadataKey is the key in Stripe's metadata that holds the user.
	MetadataKey string
	References  References
}

// Types are the event types that have an effect.
var Types = []string{typeCreated, typeUpdated, typeDeleted, typeCompleted}

const (
	typeCreated   = "customer.created"
	typeUpdated   = "customer.updated"
	typeDeleted   = "customer.deleted"
	typeCompleted = "checkout.session.completed"
)

// The values of the member object of the two kinds of events.
//
// https://docs.stripe.com/event-destinations#thin-events
const (
	snapshotEvent = "event"
	thinEvent     = "v2.core.event"
)

// The texts of these errors never quote the event.
var (
	errEvent   = errors.New("webhook: the body is not an event")
	errContext = errors.New("webhook: the event has a context, so an organization sent it: set STRIPE_ACCOUNT to the " +
		"account whose events count")
)

// unusable is the reason why an event has no effect although its type, mode and account count. Such
// an event is acknowledged: sending it again would change nothing, and Stripe disables an endpoint
// that keeps failing.
type unusable string

// Error implements error.
func (u unusable) Error() string { return "webhook: " + string(u) }

const (
	isThin unusable = "a thin event carries no object: choose snapshot " +
		"payloads for the event destination at Stripe"
	isAmbiguous    unusable = "a member of the event occurs twice"
	hasNoType      unusable = "the event has no type"
	hasNoMode      unusable = "the event's livemode is neither true nor false"
	hasNoTime      unusable = "the event's created is not a time"
	isOfTheFuture  unusable = "the event or its customer was created in the future"
	hasNoObject    unusable = "the event has no object"
	hasNoCustomer  unusable = "the checkout has no customer"
	hasOtherID     unusable = "the customer's ID is not in Stripe's form"
	isNotCreated   unusable = "the customer's created is not a time"
	hasOddMetadata unusable = "the metadata is not an object of strings"
	hasOddUser     unusable = "the client_reference_id is not a string"
)

// event has the parts of an event for the log line and for the table.
type event struct {
	id, kind string // "" if they are not in Stripe's form
	created  time.Time
	customer string
	warning  unusable // "" unless the event is unusable
	change   customers.Change
}

// isIgnored reports whether the event has no effect: it has another type, mode or account, names no
// user, or is unusable.
func (e *event) isIgnored() bool { return len(e.change.Facts) == 0 && e.change.Deleted == "" }

// read reads an event of any API version. It uses only the few members that are the same in every
// version. Even with an error, it returns the members that it could read.
//
// https://docs.stripe.com/api/events/object
func (r Rules) read(body []byte, now time.Time) (event, error) {
	o, err := parseObject(body)
	// encoding/json would replace all invalid UTF-8 with the same character, so that several users
	// would become one.
	if errors.Is(err, errNoObject) || !utf8.Valid(body) {
		return event{}, errEvent
	}
	id, _ := o.text("id")
	kind, _ := o.text("type")
	shape, _ := o.text("object")
	if err == nil && kind == "" && shape != snapshotEvent && shape != thinEvent {
		return event{}, errEvent
	}
	e := event{id: known(eventID, id), kind: known(eventType, kind)}
	if at, isTime := secondsOf(o["created"]); isTime {
		e.created = time.Unix(at, 0)
	}
	switch {
	case err != nil:
		err = isAmbiguous
	case shape == thinEvent:
		err = isThin
	case kind == "":
		err = hasNoType
	case slices.Contains(Types, kind): // other types may have another shape; some have times as strings
		err = r.parseFacts(&e, kind, o, now)
	}
	if errors.As(err, &e.warning) {
		e.change, err = customers.Change{}, nil
	}
	return e, err
}

// parseFacts reads an event of one of the Types.
func (r Rules) parseFacts(e *event, kind string, o object, now time.Time) error {
	isOurs, err := r.counts(o)
	switch {
	case err != nil || !isOurs:
		return err
	case e.created.IsZero():
		return hasNoTime
	}
	at := e.created.Unix()
	if r.isTooLate(at, now) {
		return isOfTheFuture
	}
	data, err := parseObject(o["data"])
	if err != nil {
		return unusableFor(err, hasNoObject)
	}
	about, err := parseObject(data["object"])
	if err != nil {
		return unusableFor(err, hasNoObject)
	}
	if kind == typeCompleted {
		return r.completed(e, about, at)
	}
	return r.customer(e, kind, about, data, at, now)
}

// counts reports whether an event is of our mode and account. An event of a connected account has
// the member account and, since 2025, also context. An event that an organization sends has only
// context: an account, or a path such as acct_1/acct_2 to a connected account. So the event is ours
// only if context equals our account.
//
// https://docs.stripe.com/changelog/basil/2025-04-30/additional-context-organization-events
// https://docs.stripe.com/context
func (r Rules) counts(o object) (bool, error) {
	isLive := string(o["livemode"]) == "true"
	switch {
	case !isLive && string(o["livemode"]) != "false":
		return false, hasNoMode
	case isLive != r.Livemode, !o.isEmpty("account"):
		return false, nil
	case o.isEmpty("context"):
		return true, nil
	case r.Account == "":
		return false, errContext
	}
	context, _ := o.text("context")
	return context == r.Account, nil
}

// customer reads the facts from an event about a customer.
//
// https://docs.stripe.com/api/customers/object
func (r Rules) customer(e *event, kind string, customer, data object, at int64, now time.Time) error {
	id, _ := customer.text("id")
	if !customers.IsID(id) {
		return hasOtherID
	}
	e.customer = id
	user, _, err := r.user(customer)
	if err != nil {
		return err
	}
	if kind == typeDeleted {
		e.change.Deleted = id
		e.addFact(user, customers.Facts{Deleted: true})
		return nil
	}
	created, ok := secondsOf(customer["created"])
	switch {
	case !ok:
		return isNotCreated
	case r.isTooLate(created, now):
		return isOfTheFuture
	}
	// Metadata that did not change is older than this event. The time of the customer's creation
	// is the only certain one.
	claimed := created
	if kind == typeUpdated && !data.isNull("previous_attributes") {
		previous, err := parseObject(data["previous_attributes"])
		if err != nil {
			return unusableFor(err, hasOddMetadata)
		}
		// In previous_attributes, a key that was absent before is null, and a key that did not
		// change is missing.
		before, hasChanged, err := r.user(previous)
		if err != nil {
			return err
		}
		if hasChanged {
			claimed = at
		}
		if before != user {
			// With a test clock, a customer may be created later than its events.
			e.addFact(before, customers.Facts{Released: customers.At(max(at, created))})
		}
	}
	e.addFact(user, customers.Facts{Metadata: customers.At(claimed)})
	return nil
}

// completed reads the facts from an event about a completed Checkout Session.
//
// https://docs.stripe.com/api/checkout/sessions/object
func (r Rules) completed(e *event, session object, at int64) error {
	customer, _ := session.text("customer")
	switch {
	case session.isEmpty("customer"): // a guest's payment, for example
		return hasNoCustomer
	case !customers.IsID(customer):
		return hasOtherID
	}
	e.customer = customer
	user, _, err := r.user(session)
	if err != nil {
		return err
	}
	e.addFact(user, customers.Facts{Metadata: customers.At(at)})
	reference, isText := session.text("client_reference_id")
	if !isText && !session.isNull("client_reference_id") {
		return hasOddUser
	}
	if r.References == AllReferences || r.References == SessionReferences && session.isNull("payment_link") {
		e.addFact(reference, customers.Facts{Reference: customers.At(at)})
	}
	return nil
}

// user returns the user in the metadata of an object, or "", and whether the metadata has the key.
func (r Rules) user(o object) (user string, hasKey bool, err error) {
	if o.isNull("metadata") {
		return "", false, nil
	}
	metadata, err := parseObject(o["metadata"])
	if err != nil {
		return "", false, unusableFor(err, hasOddMetadata)
	}
	_, hasKey = metadata[r.MetadataKey]
	user, isText := metadata.text(r.MetadataKey)
	if !isText && !metadata.isNull(r.MetadataKey) {
		return "", false, hasOddMetadata
	}
	return user, hasKey, nil
}

// unusableFor returns the reason why a member cannot be parsed: isAmbiguous if a name occurs twice,
// or else otherwise.
func unusableFor(err error, otherwise unusable) unusable {
	var duplicate *strictjson.DuplicateError
	if errors.As(err, &duplicate) {
		return isAmbiguous
	}
	return otherwise
}

// addFact adds a fact about a user, unless user is "" or an ID that an event must not name.
func (e *event) addFact(user string, facts customers.Facts) {
	if customers.IsUser(user) {
		e.change.Facts = append(e.change.Facts, customers.Fact{User: user, Customer: e.customer, Facts: facts})
	}
}

// secondsOf reads a time in seconds since 1970, and whether it is one.
func secondsOf(raw json.RawMessage) (int64, bool) {
	seconds := int64(-1) // null does not change it
	isTime := json.Unmarshal(raw, &seconds) == nil && seconds >= 0 && seconds <= endOfTime
	return seconds, isTime
}

// endOfTime is the last second of the year 9999, which is the last that RFC 3339 can write.
const endOfTime = 253402300799

// isTooLate reports whether a time is in the future. In live mode, a claim at such a time would win
// over all later ones. In test mode the time comes from a test clock, and counts.
//
// https://docs.stripe.com/billing/testing/test-clocks
func (r Rules) isTooLate(seconds int64, now time.Time) bool {
	return r.Livemode && seconds > now.Add(tolerance).Unix()
}

// Only IDs and types in Stripe's own form are logged.
var (
	eventID   = regexp.MustCompile(`^evt_[A-Za-z0-9_]+$`)
	eventType = regexp.MustCompile(`^[a-z0-9_]+(\.[a-z0-9_]+)*$`)
)

const maxNameLength = 128

func known(form *regexp.Regexp, name string) string {
	if len(name) > maxNameLength || !form.MatchString(name) {
		return ""
	}
	return name
}
