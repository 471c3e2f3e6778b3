// Package preflight checks whether a deployment can work, before customers use it.
//
// A check takes the deployment's configuration, asks AWS, Stripe or the issuer about one thing, and
// returns a [Finding]. It changes nothing: to prove a permission, it sends a request that the
// upstream refuses for its parameters after it has checked the permission. Findings are fixed texts
// with the deployment's own names. They never contain a secret or an upstream's text.
package preflight

import (
	"context"
	"sync"
)

// Status is the result of a check.
type Status string

// The statuses. A deployment with a warning works, but perhaps not for all users or not for long.
const (
	OK      Status = "ok"
	Warning Status = "warning"
	Problem Status = "problem"
)

// Finding describes the result of a check.
type Finding struct {
	Name   string `json:"name"`
	Status Status `json:"status"`
	Detail string `json:"detail"`
	Advice string `json:"advice"` // what to do, or ""

	// Failure is the failed call to AWS that the finding reports, or nil.
	Failure error `json:"-"`

	// outside means that the finding does not depend on the version of the functions. It is then no
	// reason to stop a deployment.
	outside bool
}

// Check checks one thing. It returns a finding without a status if it could not ask because of a
// problem that another check reports; such a finding is left out.
type Check struct {
	Name string
	Run  func(ctx context.Context) Finding

	last bool // run after the others, because it uses their observations
}

// Run runs the checks concurrently and returns their findings in the order of the checks. It
// returns when ctx ends, with a warning for every check that is not finished.
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

// run runs the check. It returns when ctx ends, even if the check ignores ctx. A panic becomes a
// problem.
func (c Check) run(ctx context.Context) Finding {
	done := make(chan Finding, 1)
	go func() {
		defer func() {
			if recover() != nil {
				done <- problem("the check crashed", "This is a bug in the program. Please report it.")
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

// late returns the finding of a check that was not finished in time. It is a warning, because it
// says nothing about the deployment and must not stop it.
func late(detail string) Finding {
	return warning(detail, "Try again. If this repeats, check the network between this program and the service.")
}

// HasProblem reports whether one of the findings is a problem. Such a deployment must not serve.
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
