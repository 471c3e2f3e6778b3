package portalconfig

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"billingportal/functions/app/preflight"
)

// found is a configuration at Stripe.
type found struct {
	ID         string
	Livemode   bool
	Active     bool
	Metadata   map[string]string
	parameters map[string]any
}

var idPattern = regexp.MustCompile(`^bpc_[A-Za-z0-9]+$`)

// errAnswer reports an answer that cannot be from Stripe's API.
var errAnswer = errors.New("the answer does not follow Stripe's API")

func (f *File) object(document json.RawMessage) (found, error) {
	var c found
	var object map[string]any
	decoder := json.NewDecoder(bytes.NewReader(document))
	decoder.UseNumber() // keeps a number as Stripe writes it
	if json.Unmarshal(document, &c) != nil || decoder.Decode(&object) != nil || !idPattern.MatchString(c.ID) {
		return found{}, errAnswer
	}
	c.parameters, _ = parametersOf(object, f.schemas.update).(map[string]any)
	if metadata, ok := c.parameters["metadata"].(map[string]any); ok {
		delete(metadata, MetadataKey)
	}
	return c, nil
}

// list returns all configurations of the mode, active or not.
func (f *File) list(ctx context.Context, read preflight.StripeReader) ([]found, error) {
	var all []found
	seen := map[string]bool{}
	query := url.Values{"limit": {"100"}}
	for {
		document, err := read(ctx, collection, query)
		if err != nil {
			return nil, err
		}
		var page struct {
			Object  string
			Data    []json.RawMessage
			HasMore bool `json:"has_more"`
		}
		// If another answer were read as an empty list, every configuration would be created again.
		if json.Unmarshal(document, &page) != nil || page.Object != "list" || page.Data == nil ||
			page.HasMore && len(page.Data) == 0 {
			return nil, errAnswer
		}
		for _, data := range page.Data {
			c, err := f.object(data)
			if err != nil {
				return nil, err
			}
			if seen[c.ID] { // the same page again, so the list would never end
				return nil, errAnswer
			}
			seen[c.ID] = true
			all = append(all, c)
		}
		if !page.HasMore {
			return all, nil
		}
		query.Set("starting_after", all[len(all)-1].ID)
	}
}

// errSeveral reports a name that more than one configuration at Stripe has.
var errSeveral = errors.New("several configurations at Stripe have this name")

// named returns the only configuration with a name, or nil.
func named(all []found, name string) (*found, error) {
	var ids []string
	var one *found
	for i, c := range all {
		if c.Metadata[MetadataKey] == name {
			ids, one = append(ids, c.ID), &all[i]
		}
	}
	if len(ids) > 1 {
		slices.Sort(ids)
		var live string
		if one.Livemode { // Stripe's CLI is in test mode otherwise: https://docs.stripe.com/cli/flags
			live = "--live "
		}
		return nil, fmt.Errorf("%w: %s; remove the name from the others: stripe billing_portal configurations update "+
			"ID %s-d \"metadata[%s]=\"",
			errSeveral, strings.Join(ids, ", "), live, MetadataKey)
	}
	return one, nil
}

// retrieve returns a configuration with all its parameters.
func (f *File) retrieve(ctx context.Context, read preflight.StripeReader, id string) (found, error) {
	document, err := read(ctx, collection+"/"+id, expanded())
	if err != nil {
		return found{}, err
	}
	return f.objectOf(id, document)
}

// objectOf reads an answer. It refuses a configuration with another ID, unless id is "".
func (f *File) objectOf(id string, document json.RawMessage) (found, error) {
	c, err := f.object(document)
	if err == nil && id != "" && c.ID != id {
		err = errAnswer
	}
	return c, err
}

func expanded() url.Values {
	query := url.Values{}
	for i, field := range expansions {
		query.Set("expand["+strconv.Itoa(i)+"]", field)
	}
	return query
}
