package webhook

import (
	"encoding/json"
	"errors"
	"regexp"
	"slices"
	"time"
	"unicode/utf8"

	"billingportal/functions/internal/customers"
)

// References says whose client_reference_id counts as a user.
type References string

// On a Payment Link a client_reference_id is whatever the buyer's browser says: whoever bought with another's ID would have
// that user put their card into the buyer's account.
const (
	NoReferences      References = "none"
	SessionReferences References = "sessions" // of Checkout Sessions that no Payment Link made
	AllReferences     References = "all"
)

// Rules say what events mean here.
type Rules struct {
	// Livemode is the mode whose events count.
	Livemode bool
	// MetadataKey is the key in Stripe's metadata that holds the user.
	MetadataKey string
	References  References
}

// Types are the types of events that mean something.
var Types = []string{typeCreated, typeUpdated, typeDeleted, typeCompleted}

const (
	typeCreated   = "customer.created"
	typeUpdated   = "customer.updated"
	typeDeleted   = "customer.deleted"
	typeCompleted = "checkout.session.completed"
)

// errEvent means that an event is not one of Stripe's. Its text never quotes the event.
var errEvent = errors.New("webhook: the body is not an event")

// event is what is known of an event, for its line and for the table.
type event struct {
	id, kind string // "" where they have not the form of Stripe's
	created  time.Time
	customer string
	// isIgnored says that it means nothing here: it is of another type or mode, of a connected account, or names nobody.
	isIgnored bool
	change    customers.Change
}

// object is the part of an event that is read, whatever its API version: members that no version ever changed.
//
// https://docs.stripe.com/api/events/object
type object struct {
	Type     string  `json:"type"`
	Created  *int64  `json:"created"`
	Livemode *bool   `json:"livemode"`
	Account  *string `json:"account"`
	Data     struct {
		Object             json.RawMessage `json:"object"`
		PreviousAttributes struct {
			// A key that was absent is null here, and one that has not changed is not here.
			Metadata map[string]*string `json:"metadata"`
		} `json:"previous_attributes"`
	} `json:"data"`
}

// customerObject and sessionObject are the parts of data.object.
//
// https://docs.stripe.com/api/customers/object
// https://docs.stripe.com/api/checkout/sessions/object
type customerObject struct {
	ID       string            `json:"id"`
	Created  *int64            `json:"created"`
	Metadata map[string]string `json:"metadata"`
}

type sessionObject struct {
	Customer          *string           `json:"customer"`
	ClientReferenceID *string           `json:"client_reference_id"`
	PaymentLink       *string           `json:"payment_link"`
	Metadata          map[string]string `json:"metadata"`
}

// read reads an event. It returns what is known of one that is refused, too.
func (r Rules) read(body []byte, now time.Time) (event, error) {
	var head struct{ ID, Type string }
	// encoding/json would make one character of all that is not UTF-8, and so one user of several.
	if !utf8.Valid(body) || json.Unmarshal(body, &head) != nil || head.Type == "" {
		return event{}, errEvent
	}
	e := event{id: known(eventID, head.ID), kind: known(eventType, head.Type)}
	if !slices.Contains(Types, head.Type) {
		e.isIgnored = true // whatever it looks like: there are events with times that are texts
		return e, nil
	}
	var o object
	if json.Unmarshal(body, &o) != nil || e.id == "" || o.Created == nil || !isTime(*o.Created, now) || o.Livemode == nil {
		return e, errEvent
	}
	e.created = time.Unix(*o.Created, 0)
	if *o.Livemode != r.Livemode || o.Account != nil && *o.Account != "" {
		e.isIgnored = true
		return e, nil
	}
	err := r.facts(&e, o, now)
	e.isIgnored = err == nil && len(e.change.Facts) == 0 && e.change.Deleted == ""
	return e, err
}

// facts reads what an event says of users and customers.
func (r Rules) facts(e *event, o object, now time.Time) error {
	if o.Type == typeCompleted {
		return r.completed(e, o)
	}
	var c customerObject
	if json.Unmarshal(o.Data.Object, &c) != nil || !customers.IsID(c.ID) {
		return errEvent
	}
	e.customer = c.ID
	user := usable(c.Metadata[r.MetadataKey])
	if o.Type == typeDeleted {
		e.change.Deleted = c.ID
		e.tell(user, customers.Facts{Deleted: true})
		return nil
	}
	if c.Created == nil || !isTime(*c.Created, now) {
		return errEvent
	}
	// Metadata that did not change was there before this event: all that is certain is that the customer was.
	before, hasChanged := o.Data.PreviousAttributes.Metadata[r.MetadataKey]
	claimed := customers.At(*c.Created)
	if o.Type == typeUpdated && hasChanged {
		claimed = customers.At(*o.Created)
		if before != nil && *before != c.Metadata[r.MetadataKey] {
			e.tell(usable(*before), customers.Facts{Released: customers.At(*o.Created)})
		}
	}
	e.tell(user, customers.Facts{Metadata: claimed})
	return nil
}

func (r Rules) completed(e *event, o object) error {
	var s sessionObject
	if json.Unmarshal(o.Data.Object, &s) != nil || isNull(o.Data.Object) {
		return errEvent
	}
	if s.Customer == nil { // a payment by a guest
		return nil
	}
	if !customers.IsID(*s.Customer) {
		return errEvent
	}
	e.customer = *s.Customer
	at := customers.At(*o.Created)
	e.tell(usable(s.Metadata[r.MetadataKey]), customers.Facts{Metadata: at})
	if s.ClientReferenceID != nil && (r.References == AllReferences || r.References == SessionReferences && s.PaymentLink == nil) {
		e.tell(usable(*s.ClientReferenceID), customers.Facts{Reference: at})
	}
	return nil
}

// tell adds a fact about a user, if there is one.
func (e *event) tell(user string, facts customers.Facts) {
	if user != "" {
		e.change.Facts = append(e.change.Facts, customers.Fact{User: user, Customer: e.customer, Facts: facts})
	}
}

func isNull(raw json.RawMessage) bool { return len(raw) == 0 || string(raw) == "null" }

// usable returns a user if an event may name them, else "".
func usable(user string) string {
	if !customers.IsUser(user) {
		return ""
	}
	return user
}

// isTime reports whether seconds can be when something happened at Stripe. A time to come would win over all that follows.
func isTime(seconds int64, now time.Time) bool {
	return seconds >= 0 && seconds <= now.Add(tolerance).Unix()
}

// What is logged of an event is Stripe's own, or nothing.
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
