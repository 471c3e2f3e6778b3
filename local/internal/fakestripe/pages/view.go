package pages

import (
	"fmt"
	"net/url"
	"time"

	"billingportal/local/internal/fakestripe/account"
)

// view is what the portal's page shows.
type view struct {
	State         string // flow, home, confirmation, unknown or expired
	Session       *account.Session
	Customer      account.Customer
	Configuration *account.Configuration
	Subscriptions []SubscriptionView
	Flow          *flowView
	Message       string // of the hosted confirmation
	ReturnURL     string // "" where there is no way back
	ReturnHost    string
	Locale        string // "" where none was asked for
	OnBehalfOf    string
	Renew         string // where a subscription is renewed
}

// flowView is a flow in the customer's words.
type flowView struct {
	Type, Heading string
	Facts         []fact
	Choices       []choice // of what to change to
	Offer         string   // for staying; "" for none
	Complete      string   // where the button posts to
	After         after
}

// after is what happens after completion.
type after struct{ Sentence, URL string }

// choice is a price that the customer can choose.
type choice struct{ Price, Text string }

// fact is a line of the page. Key names it for whoever looks for it in the page.
type fact struct{ Key, Label, Text, ID string }

// SubscriptionView is a subscription in the customer's words.
type SubscriptionView struct{ ID, Plan, Status, Period string }

// viewer puts an account into the customer's words.
type viewer struct{ *account.Data }

// view describes a session. A customer who was deleted after the session was made is shown by ID
// alone.
func (d viewer) view(s *account.Session, name, state string) view {
	v := view{State: state, Session: s, Customer: account.Customer{ID: s.Customer},
		Configuration: d.Configuration(s.Configuration)}
	if customer := d.Customer(s.Customer); customer != nil {
		v.Customer = *customer
	}
	if v.Configuration == nil {
		v.Configuration = &account.Configuration{ID: s.Configuration}
	}
	v.Subscriptions = d.subscriptionViews(s.Customer)
	v.ReturnURL = v.Configuration.DefaultReturnURL
	if s.ReturnURL != nil {
		v.ReturnURL = *s.ReturnURL
	}
	v.ReturnHost = host(v.ReturnURL)
	v.Renew = "/p/session/" + name + "/renew"
	if s.Locale != nil {
		v.Locale = *s.Locale
	}
	if s.OnBehalfOf != nil {
		v.OnBehalfOf = *s.OnBehalfOf
	}
	if s.Flow == nil {
		return v
	}
	v.Flow = &flowView{Type: s.Flow.Type}
	v.Flow.Heading, v.Flow.Facts = d.describe(s.Flow)
	if state == "home" {
		return v
	}
	switch f := s.Flow; {
	case f.Update != nil:
		v.Flow.Choices = d.choices(v.Configuration, f.Update.Subscription)
	case f.Cancel != nil && f.Cancel.Retention != nil:
		v.Flow.Offer = d.couponFact("", "", f.Cancel.Retention.CouponOffer.Coupon).Text
	}
	here := "/p/session/" + name
	v.Flow.Complete = here + "/complete"
	switch after := s.Flow.AfterCompletion; {
	case after.Redirect != nil:
		v.Flow.After.Sentence = "Afterwards Stripe sends the customer to " + after.Redirect.ReturnURL
		v.Flow.After.URL = after.Redirect.ReturnURL
	case after.HostedConfirmation != nil:
		v.Flow.After.Sentence = "Afterwards Stripe shows a confirmation."
		v.Flow.After.URL = here + "/confirmation"
		v.Message = "Your change has been confirmed."
		if message := after.HostedConfirmation.CustomMessage; message != nil {
			v.Flow.After.Sentence = "Afterwards Stripe shows: “" + *message + "”"
			v.Message = *message
		}
	default:
		v.Flow.After.Sentence = "Afterwards Stripe shows the portal’s home page."
		v.Flow.After.URL = here + "/home"
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

func (d viewer) subscriptionView(s account.Subscription) SubscriptionView {
	v := SubscriptionView{ID: s.ID, Status: s.Status}
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

// plan is a price in words, such as "5 × Team, $15.00 a month each".
func (d viewer) plan(id string, quantity int64) string {
	price := d.Price(id)
	if price == nil {
		return id
	}
	name := price.Product
	if product := d.Product(price.Product); product != nil {
		name = product.Name
	}
	cost := fmt.Sprintf("$%d.%02d a month", price.UnitAmount/100, price.UnitAmount%100)
	if quantity == 1 {
		return fmt.Sprintf("%s, %s", name, cost)
	}
	return fmt.Sprintf("%d × %s, %s each", quantity, name, cost)
}

func day(t time.Time) string { return t.UTC().Format("2 January 2006") }

func host(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		return ""
	}
	return u.Host
}
