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

	"billingportal/functions/app/operator"
)

// Applied is a configuration that now exists at Stripe.
type Applied struct {
	Name, ID string
	Active   bool
	// Differs names the parameters for which Stripe stored another value, although it accepted the
	// file's value.
	Differs []string
}

// Apply creates and updates configurations, and writes a line to w for each. If it fails or is
// interrupted, the next plan has the rest.
func (p *Plan) Apply(ctx context.Context, w io.Writer) ([]Applied, error) {
	var all []Applied
	for _, i := range p.items {
		var text strings.Builder
		applied, did, err := p.apply(ctx, i)
		if did != "" {
			fmt.Fprintf(&text, "%s %q %s\n", did, i.Name, applied.ID)
		}
		if len(applied.Differs) > 0 {
			fmt.Fprintf(&text, "  Stripe accepted the request, but has another value of %s\n",
				strings.Join(applied.Differs, ", "))
		}
		if _, err := io.WriteString(w, text.String()); err != nil {
			return nil, err
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
		created, err := p.write(ctx, "", form)
		if err != nil {
			return applied, "", p.failure("create "+strconv.Quote(i.Name), &i.Configuration, err)
		}
		applied.ID, applied.Active, did = created.ID, created.Active, "created"
		i = compared(i.Configuration, created) // some parameters can only be set by an update
	}
	if len(i.changes) == 0 {
		return applied, did, nil
	}
	withRequired(i.write, i.parameters, i.there, p.file.schemas.update)
	form := url.Values{}
	encode(form, i.write, p.file.schemas.update, "")
	updated, err := p.write(ctx, i.id, form)
	if err != nil {
		return applied, did, p.failure(fmt.Sprintf("update %q %s", i.Name, i.id), &i.Configuration, err)
	}
	applied.Active, applied.Differs = updated.Active, differences(i.parameters, updated)
	return applied, cmp.Or(did, "updated"), nil
}

// differences returns the parameters that differ from the file.
func differences(want map[string]any, there found) []string {
	var names []string
	for _, change := range compare(want, there.parameters, "").changes {
		names = append(names, dotted(change.parameter))
	}
	return names
}

// write updates the configuration with an ID, or creates one if the ID is "".
func (p *Plan) write(ctx context.Context, id string, form url.Values) (found, error) {
	maps.Copy(form, expanded())
	path := collection
	if id != "" {
		path += "/" + id
	}
	document, err := p.stripe.Write(ctx, path, form, rand.Text())
	if err != nil {
		return found{}, err // failure wraps it
	}
	c, err := p.file.objectOf(id, document)
	if err == nil && c.Livemode != p.stripe.Livemode() {
		err = errAnswer
	}
	return c, err
}

// failure describes a failed request, and names the line of the file that Stripe refused.
func (p *Plan) failure(doing string, configuration *Configuration, err error) error {
	var refusal *operator.StripeRefusal
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

// line returns the line of a parameter, or of the object or list around it.
func (c *Configuration) line(parameter string) int {
	for {
		if line, ok := c.lines[parameter]; ok || parameter == "" {
			return line
		}
		parameter = parentOf(parameter)
	}
}

// RetryWhenBusy returns an account that waits with pause, and tries again, if Stripe asks to slow
// down.
func RetryWhenBusy(stripe Stripe, pause func(ctx context.Context, d time.Duration) error) Stripe {
	return retryWhenBusy{stripe, pause}
}

type retryWhenBusy struct {
	Stripe
	pause func(ctx context.Context, d time.Duration) error
}

const (
	maxWaits = 5
	maxWait  = time.Minute
)

func (r retryWhenBusy) Read(ctx context.Context, path string, query url.Values) (json.RawMessage, error) {
	return r.try(ctx, func() (json.RawMessage, error) { return r.Stripe.Read(ctx, path, query) })
}

func (r retryWhenBusy) Write(ctx context.Context, path string, form url.Values,
	idempotencyKey string) (json.RawMessage, error) {
	return r.try(ctx, func() (json.RawMessage, error) { return r.Stripe.Write(ctx, path, form, idempotencyKey) })
}

func (r retryWhenBusy) try(ctx context.Context, call func() (json.RawMessage, error)) (json.RawMessage, error) {
	for waits := 0; ; waits++ {
		answer, err := call()
		var refusal *operator.StripeRefusal
		if !errors.As(err, &refusal) || !refusal.IsBusy || waits == maxWaits || refusal.Wait > maxWait ||
			r.pause(ctx, refusal.Wait) != nil {
			return answer, err
		}
	}
}
