package portalconfig

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// Stripe is the account that has the configurations.
type Stripe interface {
	Livemode() bool
	Read(ctx context.Context, path string, query url.Values) (json.RawMessage, error)
	// Write sends a form. A second try with the same idempotency key changes nothing twice.
	Write(ctx context.Context, path string, form url.Values, idempotencyKey string) (json.RawMessage, error)
}

// Plan has the differences between a file and Stripe.
type Plan struct {
	file   *File
	stripe Stripe
	items  []item
	others []found // configurations with a name that the file does not have
	all    []found
}

type item struct {
	Configuration
	id       string // "" if it must be created
	isActive bool
	there    map[string]any
	comparison
}

// NewPlan compares a file with Stripe, and changes nothing.
func NewPlan(ctx context.Context, file *File, stripe Stripe) (*Plan, error) {
	p := &Plan{file: file, stripe: stripe}
	var err error
	if p.all, err = file.list(ctx, stripe.Read); err != nil {
		return nil, p.failure("list the configurations", nil, err)
	}
	var faults []error
	for _, configuration := range file.Configurations {
		i, err := p.item(ctx, configuration)
		if err != nil {
			faults = append(faults, err)
			continue
		}
		p.items = append(p.items, i)
	}
	for _, c := range p.all {
		if name := c.Metadata[MetadataKey]; name != "" && !file.has(name) {
			p.others = append(p.others, c)
		}
	}
	return p, errors.Join(faults...)
}

func (f *File) has(name string) bool {
	return slices.ContainsFunc(f.Configurations, func(c Configuration) bool { return c.Name == name })
}

// CanBeDefault returns why sessions cannot use the configuration called name, or nil.
func (p *Plan) CanBeDefault(name string) error {
	at := slices.IndexFunc(p.items, func(i item) bool { return i.Name == name })
	if at < 0 {
		return fmt.Errorf("%s has no configuration %q", p.file.Path, name)
	}
	isActive, isSet := p.items[at].parameters["active"].(bool)
	if isSet && !isActive || !isSet && p.items[at].id != "" && !p.items[at].isActive {
		return fmt.Errorf("the configuration %q is not active", name)
	}
	return nil
}

func (p *Plan) item(ctx context.Context, configuration Configuration) (item, error) {
	there, err := named(p.all, configuration.Name)
	switch {
	case err != nil:
		return item{}, fmt.Errorf("%s%w", p.file.at(configuration.lines[""], &configuration, ""), err)
	case there == nil:
		return p.creation(configuration)
	case there.Livemode != p.stripe.Livemode():
		return item{}, p.failure("read "+there.ID, nil, errAnswer)
	}
	whole, err := p.file.retrieve(ctx, p.stripe.Read, there.ID)
	if err != nil {
		return item{}, p.failure("read "+there.ID, nil, err)
	}
	return compared(configuration, whole), nil
}

func compared(configuration Configuration, there found) item {
	return item{configuration, there.ID, there.Active, there.parameters,
		compare(configuration.parameters, there.parameters, "")}
}

// creation refuses a new configuration that lacks parameters that Stripe requires.
func (p *Plan) creation(configuration Configuration) (item, error) {
	i := item{Configuration: configuration, comparison: compare(configuration.parameters, nil, "")}
	var faults []error
	for _, parameter := range lacking(configuration.parameters, p.file.schemas.create, "") {
		faults = append(faults, errors.New(p.file.at(configuration.line(parameter), &configuration, parameter)+
			"is missing; Stripe requires it for a new configuration"))
	}
	if features, isSet := configuration.parameters["features"].(map[string]any); isSet && len(features) == 0 {
		faults = append(faults, errors.New(p.file.at(configuration.lines["features"], &configuration, "features")+
			"must have a feature, because the configuration is new"))
	}
	return i, errors.Join(faults...)
}

// parentOf returns the parameter that has this parameter as a member, or "".
func parentOf(parameter string) string { return parameter[:max(strings.LastIndex(parameter, "["), 0)] }

// Changes is the number of configurations that differ from the file.
func (p *Plan) Changes() int {
	count := 0
	for _, i := range p.items {
		if i.id == "" || len(i.changes) > 0 {
			count++
		}
	}
	return count
}

// Print writes the differences, and the values that stay at Stripe because the file does not have
// them.
func (p *Plan) Print(w io.Writer) error {
	var text strings.Builder
	fmt.Fprintf(&text, "Stripe's %s mode:\n", modeOf(p.stripe.Livemode()))
	for _, i := range p.items {
		name := strconv.Quote(i.Name)
		switch {
		case i.id == "":
			fmt.Fprintf(&text, "+ %s is new\n", name)
		case len(i.changes) == 0:
			fmt.Fprintf(&text, "= %s (%s) is the same as in the file\n", name, i.id)
		default:
			fmt.Fprintf(&text, "~ %s (%s) differs\n", name, i.id)
		}
		for _, c := range i.changes {
			switch {
			case c.before == nil:
				fmt.Fprintf(&text, "    + %s: %s\n", dotted(c.parameter), show(c.after))
			case c.after == nil:
				fmt.Fprintf(&text, "    - %s: %s\n", dotted(c.parameter), show(c.before))
			default:
				fmt.Fprintf(&text, "    ~ %s: %s -> %s\n", dotted(c.parameter), show(c.before), show(c.after))
			}
		}
		if len(i.kept) > 0 {
			text.WriteString("    not in the file, so it stays unchanged:\n")
		}
		for _, c := range i.kept {
			fmt.Fprintf(&text, "      %s: %s\n", dotted(c.parameter), show(c.before))
		}
	}
	for _, c := range p.others {
		fmt.Fprintf(&text, "  %s (%s) is not in the file, so it stays unchanged\n",
			strconv.Quote(c.Metadata[MetadataKey]), c.ID)
	}
	_, err := io.WriteString(w, text.String())
	return err
}

func modeOf(livemode bool) string {
	if livemode {
		return "live"
	}
	return "test"
}
