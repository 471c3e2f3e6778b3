package demo

import (
	"net/url"
	"path"
	"strconv"
	"time"
)

// view is what the page shows.
type view struct {
	User        User
	Users       []User
	Endpoint    string
	Module      string // where the button's module is
	AccessToken string
	Credential  string // "" for the element's own, or one of the credentials
	State       *State // nil where nothing is known
	Back        string // what the customer came back from: "", "portal", "flow", "checkout" or "deleted"
	Sells       bool   // there is something to buy
	Deletes     bool   // the user's customer can be deleted
	Options     []option
	Chosen      bool // something was chosen among the options
	Groups      []group
	Common      []field // sent by every button
}

// option is a select of the page, whose choice is kept in its address.
type option struct {
	Name, Label, None string // None is the text for not choosing
	Values            []string
	Chosen            string
}

// group is a heading with its actions.
type group struct {
	Label, ID string
	Actions   []action
}

// afterOption is the one option that concerns flows alone, credentialOption the one that is about
// no parameter.
const (
	afterOption      = "after"
	credentialOption = "credential"
	credentialForm   = "form"
	credentialCookie = "cookie"
)

// endings are the choices for what happens after a flow, as flow_data[after_completion][type] has
// them.
var endings = []string{"hosted_confirmation", "portal_homepage", "redirect"}

// view reads the page's address. It is false for a user who does not exist.
func (d *demo) view(query url.Values) (*view, bool) {
	user, ok := d.user(query.Get("user"))
	if !ok {
		return nil, false
	}
	v := &view{
		User:     user,
		Users:    d.cfg.Users,
		Endpoint: d.cfg.Endpoint,
		Module:   path.Join(path.Dir(d.cfg.Endpoint), "button.js"),
		Back:     chosen(query, "back", []string{"portal", "flow", "checkout", "deleted"}),
		Options:  d.options(query),
		Sells:    d.cfg.CheckOut != nil,
		Deletes:  d.cfg.DeleteCustomers != nil,
	}
	if d.cfg.State != nil {
		v.State = new(d.cfg.State(user.ID))
		// the webhook may still be at it
		for tries := 0; v.Back == "checkout" && v.State.Customer == "" && tries < 20; tries++ {
			time.Sleep(100 * time.Millisecond)
			v.State = new(d.cfg.State(user.ID))
		}
	}
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
	v.Groups = d.groups(user, d.afterCompletion(after, user.ID))
	for i := range v.Groups[0].Actions {
		a := &v.Groups[0].Actions[i]
		a.Attributes = append(attributesOf(a.Fields), attributesOf(v.Common)...)
	}
	return v, true
}

// user finds a user; the first is signed in when none was chosen.
func (d *demo) user(id string) (User, bool) {
	for _, user := range d.cfg.Users {
		if id == "" || id == user.ID {
			return user, true
		}
	}
	return User{}, false
}

// options are the selects that have something to choose from.
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
		{Name: "on_behalf_of", Label: "On behalf of", None: "nobody else", Values: d.choices.Accounts},
		{Name: credentialOption, Label: "Credential", None: "a header", Values: credentials},
		{Name: afterOption, Label: "After a flow", None: "not sent", Values: ends},
	} {
		if len(o.Values) > 0 {
			o.Chosen = chosen(query, o.Name, o.Values)
			options = append(options, o)
		}
	}
	return options
}

// groups are a user's actions; what follows is added to those that are flows.
func (d *demo) groups(user User, follows []field) []group {
	groups := []group{{Label: "Account", ID: "account", Actions: d.choices.general()}}
	for i, subscription := range user.Subscriptions {
		suffix := ""
		if i > 0 {
			suffix = "-" + strconv.Itoa(i+1)
		}
		groups = append(groups, group{
			Label: subscription.Label, ID: subscription.ID, Actions: d.choices.forSubscription(subscription, suffix),
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
		fields = append(fields, field{after + "[hosted_confirmation][custom_message]", "Thank you, that is done."})
	case "redirect":
		fields = append(fields, field{after + "[redirect][return_url]", d.returnURL(user, "flow")})
	}
	return fields
}

// returnURL leads back to this page, signed in as the same user.
func (d *demo) returnURL(user, back string) string {
	return d.cfg.Origin + "/?" + url.Values{"user": {user}, "back": {back}}.Encode()
}
