package portalconfig

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"

	"billingportal/functions/app/preflight"
)

// Checks returns the checks for doctor. Each compares a configuration of the file with Stripe. A
// difference is a warning, because the portal works with the configuration at Stripe.
func (f *File) Checks() ([]preflight.ExtraCheck, error) {
	version, err := APIVersion()
	if err != nil {
		return nil, err
	}
	var checks []preflight.ExtraCheck
	var once sync.Once
	var all []found
	var failed error
	for _, configuration := range f.Configurations {
		checks = append(checks, preflight.ExtraCheck{
			Name: "portal configuration " + strconv.Quote(configuration.Name) + " of the file", APIVersion: version,
			Run: func(ctx context.Context, read preflight.StripeReader) (preflight.Finding, error) {
				if once.Do(func() { all, failed = f.list(ctx, read) }); failed != nil {
					return preflight.Finding{}, failed
				}
				return f.examine(ctx, read, all, configuration)
			},
		})
	}
	return checks, nil
}

func (f *File) examine(ctx context.Context, read preflight.StripeReader, all []found,
	configuration Configuration) (preflight.Finding, error) {
	apply := "Run: go run ./local portal-config apply " + f.Path + "."
	there, err := named(all, configuration.Name)
	switch {
	case errors.Is(err, errSeveral):
		return preflight.Finding{Status: preflight.Warning, Detail: err.Error(),
			Advice: "Keep the name at one configuration, and run doctor again."}, nil
	case there == nil:
		return preflight.Finding{Status: preflight.Warning,
			Detail: "Stripe has no configuration with this name in this mode", Advice: apply}, nil
	}
	whole, err := f.retrieve(ctx, read, there.ID)
	if err != nil {
		return preflight.Finding{}, err
	}
	if differs := differences(configuration.parameters, whole); len(differs) > 0 {
		return preflight.Finding{
			Status: preflight.Warning,
			Detail: fmt.Sprintf("%s differs from the file in %s", there.ID, strings.Join(differs, ", ")),
			Advice: apply +
				" Or, if the change at Stripe is right, put it into the file. With --dry-run it shows both values.",
		}, nil
	}
	return preflight.Finding{Status: preflight.OK, Detail: there.ID + " is the same as in the file"}, nil
}
