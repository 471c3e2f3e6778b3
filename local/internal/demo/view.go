package demo

import (
	"encoding/json"
	"net/url"
	"strconv"
)

// view is what the page shows.
type view struct {
	User        User
	Users       []User
	Endpoint    string
	AccessToken string
	Back        string // what the customer came back from: "", "portal" or "flow"
	Options     []option
	Groups      []group
	Common      []field // sent by every button
	FetchBody   string  // the same as JSON, for the button that uses fetch
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

// endings are the choices for what happens after a flow, as flow_data[after_completion][type] has them.
var endings = []string{"hosted_confirmation", "portal_homepage", "redirect"}

// view reads the page's address. It is false for a user who does not exist.
func (d *demo) view(query url.Values) (*view, bool) {
	v := &view{Users: d.cfg.Users, Endpoint: d.cfg.Endpoint, User: d.cfg.Users[0]}
	if name := query.Get("user"); name != "" {
		v.User = User{}
		for _, user := range d.cfg.Users {
			if user.ID == name {
				v.User = user
			}
		}
		if v.User.ID == "" {
			return nil, false
		}
	}
	v.Back = chosen(query, "back", []string{"portal", "flow"})

	ends := endings
	if d.cfg.Origin == "" {
		ends = endings[:2]
	}
	v.Options = []option{
		{Name: "locale", Label: "Language", None: "not sent", Values: d.choices.Locales},
		{Name: "configuration", Label: "Configuration", None: "the default", Values: d.choices.Configurations},
		{Name: "on_behalf_of", Label: "On behalf of", None: "nobody else", Values: d.choices.Accounts},
		{Name: "after", Label: "After a flow", None: "not sent", Values: ends},
	}
	var after string
	for i := range v.Options {
		o := &v.Options[i]
		o.Chosen = chosen(query, o.Name, o.Values)
		switch {
		case o.Name == "after":
			after = o.Chosen
		case o.Chosen != "":
			v.Common = append(v.Common, field{o.Name, o.Chosen})
		}
	}
	if d.cfg.Origin != "" {
		v.Common = append(v.Common, field{"return_url", d.returnURL(v.User.ID, "portal")})
	}

	body := make(map[string]string)
	for _, f := range v.Common {
		body[f.Name] = f.Value
	}
	encoded, err := json.Marshal(body)
	if err != nil {
		return nil, false // strings always encode
	}
	v.FetchBody = string(encoded)

	v.Groups = []group{{Label: "Account", ID: "account", Actions: general()}}
	for i, subscription := range v.User.Subscriptions {
		suffix := ""
		if i > 0 {
			suffix = "-" + strconv.Itoa(i+1)
		}
		v.Groups = append(v.Groups, group{
			Label: subscription.Label, ID: subscription.ID, Actions: d.choices.forSubscription(subscription, suffix),
		})
	}
	for _, g := range v.Groups {
		for i := range g.Actions {
			if g.Actions[i].Flow != "" {
				g.Actions[i].Fields = append(g.Actions[i].Fields, d.afterCompletion(after, v.User.ID)...)
			}
		}
	}
	return v, true
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
