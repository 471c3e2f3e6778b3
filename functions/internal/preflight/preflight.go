// Package preflight finds out whether a deployment can work, before its customers do.
//
// Each check asks one thing, of the upstreams themselves and with the deployment's own
// configuration, and changes nothing: a permission is proven by a request that is refused for its
// parameters once the permission was checked. What it says is fixed text with the deployment's own
// names: never a secret, and never an upstream's words.
package preflight

import (
	"context"
	"sync"
)

// Status is how a check ended.
type Status string

// The statuses. A deployment with a warning serves, though perhaps not everybody, or not for long.
const (
	OK      Status = "ok"
	Warning Status = "warning"
	Problem Status = "problem"
)

// Finding is what a check found.
type Finding struct {
	Name   string `json:"name"`
	Status Status `json:"status"`
	Detail string `json:"detail"`
	Advice string `json:"advice"` // what to do; "" where there is nothing

	// outside says that no version of the functions makes it better or worse, so that it is no
	// reason to hold one back.
	outside bool
}

// Check asks one thing. A finding without a status is none: what it asks cannot be asked, because
// of something that another check reports.
type Check struct {
	Name string
	Run  func(ctx context.Context) Finding

	last bool // it looks at what the others saw
}

// Run runs the checks side by side and returns their findings in the checks' order. It returns when
// ctx ends; a check that was not finished by then is a warning.
func Run(ctx context.Context, checks []Check) []Finding {
	results := make([]Finding, len(checks))
	var wait sync.WaitGroup
	for i, check := range checks {
		if !check.last {
			wait.Go(func() { results[i] = check.run(ctx) })
		}
	}
	wait.Wait()
	for i, check := range checks {
		if check.last {
			results[i] = check.Run(ctx)
		}
	}
	var findings []Finding
	for i, finding := range results {
		if finding.Status != "" {
			finding.Name = checks[i].Name
			findings = append(findings, finding)
		}
	}
	return findings
}

// run ends with ctx even if the check ignores it, and turns a panic into a problem.
func (c Check) run(ctx context.Context) Finding {
	done := make(chan Finding, 1)
	go func() {
		defer func() {
			if recover() != nil {
				done <- problem("the check itself failed", "Report it: this is a mistake in the program.")
			}
		}()
		done <- c.Run(ctx)
	}()
	select {
	case finding := <-done:
		return finding
	case <-ctx.Done():
		return late("no answer in time")
	}
}

// late is the finding of a check that could not be made in time. It says nothing about the
// deployment, so it never stops one.
func late(detail string) Finding {
	return warning(detail, "Try again. If it stays so, look at the network between here and there.")
}

// HasProblem reports whether a deployment with these findings must not serve.
func HasProblem(findings []Finding) bool {
	for _, finding := range findings {
		if finding.Status == Problem {
			return true
		}
	}
	return false
}

func ok(detail string) Finding { return Finding{Status: OK, Detail: detail} }

func warning(detail, advice string) Finding {
	return Finding{Status: Warning, Detail: detail, Advice: advice}
}

func problem(detail, advice string) Finding {
	return Finding{Status: Problem, Detail: detail, Advice: advice}
}
