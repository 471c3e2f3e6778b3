package demo

import (
	"cmp"
	"net/url"
	"slices"
	"strconv"
	"time"
)

// view is the content of the page.
type view struct {
	User        User
	Users       []User // each with a Note for the card
	Endpoint    string
	Module      string // path of the button module
	Cookie      string // name of the session cookie; "" for none
	TokenFlags  string // of the command that prints a token
	AccessToken string
	Credential  string // "" for a header, or one of the credentials
	State       *State // nil if unknown
	Back        string // the page that the customer returned from: "", "portal", "flow", "checkout" or "deleted"
	Sells       bool   // the user can buy a plan
	Deletes     bool   // the user's customer can be deleted
	Options     []option
	Chosen      bool // one of the options has a choice
	Groups      []group
	Common      []field // of every button
}

// IsPending reports whether the user has bought a plan and the webhook has not written the customer
// yet.
func (v *view) IsPending() bool {
	return v.Back == "checkout" && v.State != nil && v.State.Customer == ""
}

// option is a select of the page. Its choice is kept in the page's address.
type option struct {
	Name, Label, None string // None is the text for no choice
	Values            []string
	Chosen            string
	texts             map[string]string // of values; without a text, the page shows the value
}

// Text returns the text of a value on the page.
func (o option) Text(value string) string { return cmp.Or(o.texts[value], value) }

// group is a heading with its actions.
type group struct {
	Label, ID string
	Actions   []action
}

// afterOption concerns only flows. credentialOption is not a parameter of the API.
const (
	afterOption      = "after"
	credentialOption = "credential"
	credentialForm   = "form"
	credentialCookie = "cookie"
)

// endings are the values of flow_data[after_completion][type].
var endings = []string{"hosted_confirmation", "portal_homepage", "redirect"}

// view reads the page's address. It returns false if the user does not exist.
func (d *demo) view(query url.Values) (*view, bool) {
	user, ok := d.user(query.Get("user"))
	if !ok {
		return nil, false
	}
	v := &view{
		User:       user,
		Users:      slices.Clone(d.cfg.Users),
		Endpoint:   d.cfg.Endpoint,
		Module:     d.module(),
		Cookie:     d.cfg.Cookie,
		TokenFlags: d.cfg.TokenFlags,
		Back:       chosen(query, "back", []string{"portal", "flow", "checkout", "deleted"}),
		Options:    d.options(query),
		Sells:      d.cfg.CheckOut != nil,
		Deletes:    d.cfg.DeleteCustomers != nil,
	}
	d.readState(v)
	var after string
	for _, o := range v.Options {
		v.Chosen = v.Chosen || o.Chosen != ""
		switch {
		case o.Name == afterOption:
			after = o.Chosen
		case o.Name == credentialOption:
			v.Credential = o.Chosen
		case o.Chosen != "":
			v.Common = append(v.Common, field{o.Name, o.Chosen})
		}
	}
	if d.cfg.Origin != "" {
		v.Common = append(v.Common, field{"return_url", d.returnURL(user.ID, "portal")})
	}
	v.Groups = d.groups(v, d.afterCompletion(after, user.ID))
	for _, g := range v.Groups {
		for i := range g.Actions {
			a := &g.Actions[i]
			a.Attributes = append(attributesOf(a.Fields), attributesOf(v.Common)...)
		}
	}
	return v, true
}

// readState reads the state of the user, and the notes of all users. After a purchase it waits up
// to two seconds for the webhook to write the customer.
func (d *demo) readState(v *view) {
	if d.cfg.State == nil {
		return
	}
	v.State = new(d.cfg.State(v.User.ID))
	for tries := 0; v.IsPending() && tries < 20; tries++ {
		time.Sleep(100 * time.Millisecond)
		v.State = new(d.cfg.State(v.User.ID))
	}
	for i := range v.Users {
		state := d.cfg.State(v.Users[i].ID)
		v.Users[i].Note = state.note()
	}
}

// user finds a user; "" is the first one.
func (d *demo) user(id string) (User, bool) {
	for _, user := range d.cfg.Users {
		if id == "" || id == user.ID {
			return user, true
		}
	}
	return User{}, false
}

// options returns the selects that have values to choose from.
func (d *demo) options(query url.Values) []option {
	ends := endings
	if d.cfg.Origin == "" {
		ends = endings[:2]
	}
	credentials := []string{credentialForm}
	if d.cfg.Cookie != "" {
		credentials = append(credentials, credentialCookie)
	}
	var options []option
	for _, o := range []option{
		{Name: "locale", Label: "Language", None: "not sent", Values: d.choices.Locales},
		{Name: "configuration", Label: "Configuration", None: "the default", Values: d.choices.Configurations},
		{Name: "on_behalf_of", Label: "On behalf of account", None: "no other account", Values: d.choices.Accounts},
		{Name: credentialOption, Label: "Token is sent in", None: "a header", Values: credentials,
			texts: map[string]string{credentialForm: "a form field", credentialCookie: "a cookie"}},
		{Name: afterOption, Label: "After a flow", None: "not sent", Values: ends},
	} {
		if len(o.Values) > 0 {
			o.Chosen = chosen(query, o.Name, o.Values)
			options = append(options, o)
		}
	}
	return options
}

// groups returns the actions of the user. follows is added to the flows.
func (d *demo) groups(v *view, follows []field) []group {
	groups := []group{{Label: "Account", ID: "account", Actions: d.choices.general()}}
	for i, subscription := range v.User.Subscriptions {
		suffix := ""
		if i > 0 {
			suffix = "-" + strconv.Itoa(i+1)
		}
		groups = append(groups, group{
			Label: v.State.plan(subscription), ID: subscription.ID,
			Actions: d.choices.forSubscription(subscription, suffix),
		})
	}
	for _, g := range groups {
		for i := range g.Actions {
			if a := &g.Actions[i]; a.Flow != "" {
				a.Fields = append(a.Fields, follows...)
			}
		}
	}
	return groups
}

func (d *demo) afterCompletion(kind, user string) []field {
	const after = "flow_data[after_completion]"
	fields := []field{{after + "[type]", kind}}
	switch kind {
	case "":
		return nil
	case "hosted_confirmation":
		fields = append(fields,
			field{after + "[hosted_confirmation][custom_message]", "Thank you. Your change is complete."})
	case "redirect":
		fields = append(fields, field{after + "[redirect][return_url]", d.returnURL(user, "flow")})
	}
	return fields
}

// returnURL returns the address of this page for the same user.
func (d *demo) returnURL(user, back string) string {
	return d.cfg.Origin + "/?" + url.Values{"user": {user}, "back": {back}}.Encode()
}
