package pages

import (
	"fmt"
	"net/url"
	"time"

	"billingportal/local/internal/fakestripe/account"
)

// view is the content of a portal page.
type view struct {
	State         string // flow, home, confirmation, unavailable, unknown or expired
	Session       *account.Session
	Customer      account.Customer
	Configuration *account.Configuration
	Subscriptions []homeSubscription // of the home page
	Card, Details string             // addresses of the home page's other flows; "" if not allowed
	Flow          *flowView
	Message       string // of the hosted confirmation
	Done          string // the customer's last change; "" before the first
	IsLinked      bool   // the home page links to the flow; the others are the sessions' own
	ReturnURL     string // "" if the session has none
	ReturnHost    string
	Locale        string // "" if the session has none
	OnBehalfOf    string
	Home, Renew   string // addresses
}

// flowView is a flow in the customer's words.
type flowView struct {
	Type, Heading string
	Button        string // label of the button that completes the flow
	Facts         []fact
	Choices       []choice // plans to change to
	Offer         string   // for a customer who stays; "" for none
	Complete      string   // address that the button posts to
	After         after
}

// after describes the page that follows a completed flow.
type after struct{ Sentence, URL string }

// choice is a price that the customer can choose.
type choice struct{ Price, Text string }

// fact is a line of the page. Key is the element's ID.
type fact struct{ Key, Label, Text, ID string }

// SubscriptionView is a subscription in the customer's words.
type SubscriptionView struct{ ID, Plan, Status, Period string }

// viewer describes an account in the customer's words.
type viewer struct{ *account.Data }

// view describes a session. A customer who was deleted after the session was created is shown by ID
// only.
func (d viewer) view(s *account.Session, name, state string) view {
	here := "/p/session/" + name
	v := view{State: state, Session: s, Customer: account.Customer{ID: s.Customer},
		Configuration: d.Configuration(s.Configuration), Home: here + "/" + homeStep, Renew: here + "/renew"}
	if customer := d.Customer(s.Customer); customer != nil {
		v.Customer = *customer
	}
	if v.Configuration == nil {
		v.Configuration = &account.Configuration{ID: s.Configuration}
	}
	v.ReturnURL = v.Configuration.DefaultReturnURL
	if s.ReturnURL != nil {
		v.ReturnURL = *s.ReturnURL
	}
	v.ReturnHost = host(v.ReturnURL)
	if s.Locale != nil {
		v.Locale = *s.Locale
	}
	if s.OnBehalfOf != nil {
		v.OnBehalfOf = *s.OnBehalfOf
	}
	if state == homeStep {
		d.home(&v, name)
	}
	if s.Flow == nil {
		return v
	}
	v.Flow = d.describe(s)
	switch f := s.Flow; {
	case f.Update != nil:
		v.Flow.Choices = d.choices(v.Configuration, f.Update.Subscription)
	case f.Cancel != nil && f.Cancel.Retention != nil:
		v.Flow.Offer = d.couponFact("", "", f.Cancel.Retention.CouponOffer.Coupon).Text
	}
	v.Flow.Complete = here + "/complete"
	switch after := s.Flow.AfterCompletion; {
	case after.Redirect != nil:
		v.Flow.After.Sentence = "Afterwards Stripe sends the customer to " + after.Redirect.ReturnURL
		v.Flow.After.URL = after.Redirect.ReturnURL
	case after.HostedConfirmation != nil:
		v.Flow.After.Sentence = "Afterwards Stripe shows a confirmation."
		v.Flow.After.URL = here + "/" + confirmationStep
		v.Message = "Your change has been confirmed."
		if message := after.HostedConfirmation.CustomMessage; message != nil {
			v.Flow.After.Sentence = "Afterwards Stripe shows: “" + *message + "”"
			v.Message = *message
		}
	default:
		v.Flow.After.Sentence = "Afterwards Stripe shows the portal’s home page."
		v.Flow.After.URL = v.Home
	}
	return v
}

func (d viewer) subscriptionViews(customer string) []SubscriptionView {
	var views []SubscriptionView
	for _, subscription := range d.Subscriptions {
		if subscription.Customer == customer {
			views = append(views, d.subscriptionView(subscription))
		}
	}
	return views
}

// statuses are the words for Stripe's statuses of a subscription that are not plain words.
var statuses = map[string]string{
	"trialing": "trial", "canceled": "cancelled", "past_due": "past due", "incomplete_expired": "expired",
}

func (d viewer) subscriptionView(s account.Subscription) SubscriptionView {
	v := SubscriptionView{ID: s.ID, Status: s.Status}
	if word := statuses[s.Status]; word != "" {
		v.Status = word
	}
	for i, item := range s.Items {
		if i > 0 {
			v.Plan += " + "
		}
		v.Plan += d.plan(item.Price, item.Quantity)
	}
	if s.Coupon != "" {
		v.Plan += ", " + d.couponFact("", "", s.Coupon).Text
	}
	switch {
	case !s.EndedAt.IsZero():
		v.Period = "Ended on " + day(s.EndedAt)
	case s.CancelAtPeriodEnd:
		v.Status += ", cancelling"
		v.Period = "Ends on " + day(s.PeriodEnd)
	case !s.CancelAt.IsZero():
		v.Status += ", cancelling"
		v.Period = "Ends on " + day(s.CancelAt)
	case s.Status == "trialing":
		v.Period = "Trial ends on " + day(s.TrialEnd)
	default:
		v.Period = "Renews on " + day(s.PeriodEnd)
	}
	return v
}

// plan describes a price, for example "5 × Team, $15.00 a month each".
func (d viewer) plan(id string, quantity int64) string {
	price := d.Price(id)
	if price == nil {
		return id
	}
	cost := fmt.Sprintf("$%d.%02d a month", price.UnitAmount/100, price.UnitAmount%100)
	if quantity == 1 {
		return fmt.Sprintf("%s, %s", d.product(id), cost)
	}
	return fmt.Sprintf("%d × %s, %s each", quantity, d.product(id), cost)
}

// product returns the product name for a price, or the product's ID if it has no name.
func (d viewer) product(price string) string {
	p := d.Price(price)
	if p == nil {
		return price
	}
	if product := d.Product(p.Product); product != nil {
		return product.Name
	}
	return p.Product
}

func day(t time.Time) string { return t.UTC().Format("2 January 2006") }

func host(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		return ""
	}
	return u.Host
}
