package portalconfig

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/url"
	"strconv"
	"strings"
	"time"

	"billingportal/functions/app"
)

// Applied is a configuration that Stripe has as the file has it.
type Applied struct {
	Name, ID string
	Active   bool
}

// Apply creates and updates configurations, and writes a line to w for each. If it fails or is interrupted, the next plan has the rest.
func (p *Plan) Apply(ctx context.Context, w io.Writer) ([]Applied, error) {
	var all []Applied
	for _, i := range p.items {
		applied, did, err := p.apply(ctx, i)
		if did != "" {
			if _, err := fmt.Fprintf(w, "%s %s %s\n", did, strconv.Quote(i.Name), applied.ID); err != nil {
				return nil, err
			}
		}
		if err != nil {
			return nil, err
		}
		all = append(all, applied)
	}
	return all, nil
}

func (p *Plan) apply(ctx context.Context, i item) (applied Applied, did string, err error) {
	applied = Applied{Name: i.Name, ID: i.id, Active: i.isActive}
	if i.id == "" {
		form := url.Values{}
		encode(form, i.parameters, p.file.schemas.create, "")
		form.Set(join("metadata", MetadataKey), i.Name)
		created, err := p.write(ctx, collection, form)
		if err != nil {
			return applied, "", p.failure("create "+strconv.Quote(i.Name), &i.Configuration, err)
		}
		applied.ID, applied.Active, did = created.ID, created.Active, "created"
		i = compared(i.Configuration, created) // some parameters can only be set by an update
	}
	if len(i.changes) == 0 {
		return applied, did, nil
	}
	updated, err := p.update(ctx, i)
	if err != nil {
		return applied, did, err
	}
	applied.Active = updated.Active
	return applied, cmp.Or(did, "updated"), nil
}

// update sends the differences, and checks that Stripe's answer has them.
func (p *Plan) update(ctx context.Context, i item) (found, error) {
	doing := fmt.Sprintf("update %q %s", i.Name, i.id)
	withRequired(i.write, i.parameters, i.there, p.file.schemas.update)
	form := url.Values{}
	encode(form, i.write, p.file.schemas.update, "")
	updated, err := p.write(ctx, collection+"/"+i.id, form)
	if err != nil {
		return found{}, p.failure(doing, &i.Configuration, err)
	}
	var left []string
	for _, change := range compare(i.parameters, updated.parameters, "").changes {
		left = append(left, dotted(change.parameter))
	}
	if len(left) > 0 {
		return found{}, fmt.Errorf("%s: Stripe accepted the request and has another value of %s", doing, strings.Join(left, ", "))
	}
	return updated, nil
}

func (p *Plan) write(ctx context.Context, path string, form url.Values) (found, error) {
	maps.Copy(form, expanded())
	document, err := p.stripe.Write(ctx, path, form, rand.Text())
	if err != nil {
		return found{}, err //nolint:wrapcheck // failure does
	}
	c, err := p.file.object(document)
	if err == nil && c.Livemode != p.stripe.Livemode() {
		err = errAnswer
	}
	return c, err
}

// failure describes a failed request, and names the line of the file that Stripe refuses.
func (p *Plan) failure(doing string, configuration *Configuration, err error) error {
	var refusal *app.StripeRefusal
	if !errors.As(err, &refusal) {
		return fmt.Errorf("%s: %w", doing, err)
	}
	var where, why string
	if configuration != nil && refusal.Param != "" {
		where = p.file.at(configuration.line(refusal.Param), nil, refusal.Param)
	}
	if refusal.IsMissing {
		why = ", because there is no such object in " + modeOf(p.stripe.Livemode()) + " mode"
	}
	if refusal.RequestID != "" {
		why += "; Stripe's dashboard has the request " + refusal.RequestID + " under Developers, Logs"
	}
	return fmt.Errorf("%s: %s%w%s", doing, where, err, why)
}

// line returns a parameter's line, or that of the object or list around it.
func (c *Configuration) line(parameter string) int {
	for {
		if line, ok := c.lines[parameter]; ok || parameter == "" {
			return line
		}
		parameter = parentOf(parameter)
	}
}

// Patient returns an account that waits and tries again if Stripe asks to slow down. pause waits.
func Patient(stripe Stripe, pause func(ctx context.Context, d time.Duration) error) Stripe {
	return patient{stripe, pause}
}

type patient struct {
	Stripe
	pause func(ctx context.Context, d time.Duration) error
}

const (
	maxWaits = 5
	maxWait  = time.Minute
)

func (p patient) Read(ctx context.Context, path string, query url.Values) (json.RawMessage, error) {
	return p.try(ctx, func() (json.RawMessage, error) { return p.Stripe.Read(ctx, path, query) })
}

func (p patient) Write(ctx context.Context, path string, form url.Values, idempotencyKey string) (json.RawMessage, error) {
	return p.try(ctx, func() (json.RawMessage, error) { return p.Stripe.Write(ctx, path, form, idempotencyKey) })
}

func (p patient) try(ctx context.Context, call func() (json.RawMessage, error)) (json.RawMessage, error) {
	for waits := 0; ; waits++ {
		answer, err := call()
		var refusal *app.StripeRefusal
		if !errors.As(err, &refusal) || !refusal.IsBusy || waits == maxWaits || refusal.Wait > maxWait || p.pause(ctx, refusal.Wait) != nil {
			return answer, err
		}
	}
}
