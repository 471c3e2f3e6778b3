package portal

import (
	"context"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/stripe/stripe-go/v79"

	"billingportal/functions/internal/billing"
	"billingportal/functions/internal/language"
	"billingportal/functions/internal/params"
	"billingportal/functions/internal/problem"
)

// An ambiguity is the error of a flow that could act on several subscriptions.
type ambiguity struct {
	flow    string // its type
	choices []Choice
	form    url.Values // to send again with a choice; nil if a page cannot send it

	language language.Tag
}

func (*ambiguity) Error() string { return "several subscriptions are eligible" }

// problem returns a problem document that lists the choices. If the browser adds the credential,
// the page also has the caller's form once for each choice. A token from the request never gets
// into a page.
func (a *ambiguity) problem() *problem.Problem {
	param := "flow_data[" + a.flow + "][subscription]" // names the chosen one
	p := &problem.Problem{Code: problem.SubscriptionAmbiguous, Param: param,
		Members: map[string]any{"subscriptions": a.choices}}
	if a.form == nil {
		return p
	}
	p.Question, p.Advice = choiceTitles[a.flow], language.ChooseSubscription
	for _, choice := range a.choices {
		form := problem.Form{Label: choice.label(a.language)}
		for _, name := range slices.Sorted(maps.Keys(a.form)) {
			form.Fields = append(form.Fields, problem.Field{Name: name, Value: a.form.Get(name)})
		}
		form.Fields = append(form.Fields, problem.Field{Name: param, Value: choice.ID})
		p.Forms = append(p.Forms, form)
	}
	return p
}

// choiceTitles are the questions of the choices page, by the type of the flow.
var choiceTitles = map[string]language.Key{
	params.FlowSubscriptionCancel:        language.CancelWhich,
	params.FlowSubscriptionUpdate:        language.ChangePlanOfWhich,
	params.FlowSubscriptionUpdateConfirm: language.ConfirmChangeOfWhich,
}

// Choice is a subscription in a problem document.
type Choice struct {
	ID     string                    `json:"id"`
	Status stripe.SubscriptionStatus `json:"status"`
	Items  []ChoiceItem              `json:"items"`
}

// ChoiceItem is an item of a Choice. Product is the product's name, or "" if it cannot be read.
type ChoiceItem struct {
	Price    string `json:"price"`
	Product  string `json:"product"`
	Quantity int64  `json:"quantity"`
}

// describe lists subscriptions with the names of their products. The names are optional: a key
// without permission to read products still works.
func (h *Handler) describe(ctx context.Context, subscriptions []billing.Subscription, record *record) []Choice {
	var products []string
	for _, s := range subscriptions {
		for _, item := range s.Items {
			if !slices.Contains(products, item.Product) {
				products = append(products, item.Product)
			}
		}
	}
	var names map[string]string
	if len(products) == 0 { // without IDs, Stripe would list all products of the account
		return choicesOf(subscriptions, nil)
	}
	record.note(h.withKey(ctx, record, func(key string) (calls billing.Calls, err error) {
		names, calls, err = h.Subscriptions.ProductNames(ctx, key, products)
		return calls, err
	}))
	return choicesOf(subscriptions, names)
}

// choicesOf lists subscriptions. names has the names of products by ID.
func choicesOf(subscriptions []billing.Subscription, names map[string]string) []Choice {
	choices := make([]Choice, 0, len(subscriptions))
	for _, s := range subscriptions {
		choice := Choice{ID: s.ID, Status: s.Status, Items: []ChoiceItem{}}
		for _, item := range s.Items {
			choice.Items = append(choice.Items,
				ChoiceItem{Price: item.Price, Product: names[item.Product], Quantity: item.Quantity})
		}
		choices = append(choices, choice)
	}
	return choices
}

// label describes a subscription for the customer: "Team × 5, Storage (trial)".
func (c Choice) label(reader language.Tag) string {
	var items []string
	for _, item := range c.Items {
		label := item.Product
		if label == "" {
			label = item.Price
		}
		if item.Quantity > 1 {
			label += " × " + strconv.FormatInt(item.Quantity, 10)
		}
		items = append(items, label)
	}
	label := strings.Join(items, ", ")
	switch c.Status {
	case stripe.SubscriptionStatusTrialing:
		return reader.Aside(label, reader.Text(language.Trialing))
	case stripe.SubscriptionStatusPastDue:
		return reader.Aside(label, reader.Text(language.PastDue))
	}
	return label
}
