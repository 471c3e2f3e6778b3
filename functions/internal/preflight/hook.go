package preflight

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"billingportal/functions/internal/portal"
	"billingportal/functions/internal/upstream"
	"billingportal/functions/internal/webhook"
)

// LambdaAPI has the calls of Lambda that the hook makes.
type LambdaAPI interface {
	GetFunctionConfiguration(ctx context.Context, input *lambda.GetFunctionConfigurationInput,
		options ...func(*lambda.Options)) (*lambda.GetFunctionConfigurationOutput, error)
	Invoke(ctx context.Context, input *lambda.InvokeInput,
		options ...func(*lambda.Options)) (*lambda.InvokeOutput, error)
}

// CodeDeployAPI has the call of CodeDeploy that the hook makes.
type CodeDeployAPI interface {
	PutLifecycleEventHookExecutionStatus(ctx context.Context,
		input *codedeploy.PutLifecycleEventHookExecutionStatusInput,
		options ...func(*codedeploy.Options)) (*codedeploy.PutLifecycleEventHookExecutionStatusOutput, error)
}

// Hook is CodeDeploy's before-traffic hook. It sends each new version a request that the version
// must refuse or, if events come only from the event bus, an event that has no effect. It also runs
// the checks with the new versions' own configuration. Then it reports the result to CodeDeploy. It
// reports even if it fails itself, because CodeDeploy waits an hour for a report.
//
// https://docs.aws.amazon.com/codedeploy/latest/userguide/reference-appspec-file-structure-hooks.html
type Hook struct {
	Lambda     LambdaAPI
	CodeDeploy CodeDeployAPI
	// Portal and Webhook are the ARNs of the new versions; "" for a function that is not deployed.
	Portal, Webhook string
	// Broken is an error in the hook's own environment, or nil.
	Broken error
	// Look runs the checks for the environments of the versions.
	Look func(ctx context.Context, versions Environments) []Finding
	Logs io.Writer
}

// Environments has the variables of the new versions, and of the portal version that serves now.
// nil means that the version does not exist.
type Environments struct{ Portal, Webhook, Live map[string]string }

// How the hook divides its time. The checks get the rest.
const (
	reportReserve = 15 * time.Second // to report, with retries
	lookReserve   = time.Second      // to collect the findings after the end of the checks
	readLimit     = 9 * time.Second  // to read the new versions' configurations
	answerLimit   = 17 * time.Second // to call the new versions, which have 15 s each
)

// Invoke implements lambda.Handler.
func (h *Hook) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	var event struct {
		DeploymentID string `json:"DeploymentId"`
		ExecutionID  string `json:"LifecycleEventHookExecutionId"`
	}
	if err := json.Unmarshal(payload, &event); err != nil || event.DeploymentID == "" || event.ExecutionID == "" {
		return nil, errors.New("the event is not one of CodeDeploy's before-traffic hook")
	}
	findings := h.inspect(ctx)
	status := types.LifecycleEventStatusSucceeded
	if HasProblem(findings) {
		status = types.LifecycleEventStatusFailed
	}
	log := slog.New(slog.NewJSONHandler(h.Logs, nil))
	levels := map[Status]slog.Level{OK: slog.LevelInfo, Warning: slog.LevelWarn, Problem: slog.LevelError}
	for _, finding := range findings {
		log.LogAttrs(ctx, levels[finding.Status], "finding", slog.String("name", finding.Name),
			slog.String("status", string(finding.Status)),
			slog.String("detail", finding.Detail), slog.String("advice", finding.Advice))
	}
	_, err := h.CodeDeploy.PutLifecycleEventHookExecutionStatus(ctx,
		&codedeploy.PutLifecycleEventHookExecutionStatusInput{
			DeploymentId:                  aws.String(event.DeploymentID),
			LifecycleEventHookExecutionId: aws.String(event.ExecutionID), Status: status,
		})
	if err != nil {
		failure := upstream.FromAWS(upstream.CodeDeploy, err)
		log.LogAttrs(ctx, slog.LevelError, "report", slog.String("status", string(status)),
			slog.String("error", failure.Error()))
		return nil, fmt.Errorf("report %s: %w", status, failure)
	}
	log.LogAttrs(ctx, slog.LevelInfo, "report", slog.String("status", string(status)))
	return []byte("null"), nil
}

// inspect returns the findings. It always returns in time for the report.
func (h *Hook) inspect(ctx context.Context) []Finding {
	if h.Broken != nil {
		return []Finding{named("preflight's variables", problem(h.Broken.Error(), "Correct the template."))}
	}
	looking := ctx
	if deadline, ok := ctx.Deadline(); ok {
		end := deadline.Add(-reportReserve)
		var cancelLook, cancel context.CancelFunc
		looking, cancelLook = context.WithDeadline(ctx, end.Add(-lookReserve))
		defer cancelLook()
		ctx, cancel = context.WithDeadline(ctx, end)
		defer cancel()
	}
	done := make(chan []Finding, 1)
	go func() {
		defer func() {
			if recover() != nil {
				done <- []Finding{named("preflight",
					problem("it crashed", "This is a bug in the program. Please report it."))}
			}
		}()
		done <- h.look(looking)
	}()
	select {
	case findings := <-done:
		return findings
	case <-ctx.Done():
		return []Finding{named("preflight", late("no answer in time"))}
	}
}

// look reads the new versions' environments, calls the versions, and then runs the checks, which
// may take longest.
func (h *Hook) look(ctx context.Context) []Finding {
	environments := map[string]map[string]string{}
	reading, cancel := context.WithTimeout(ctx, readLimit)
	defer cancel()
	var findings []Finding
	var requests []Check
	for _, version := range h.versions() {
		variables, finding := h.variables(reading, version)
		environments[version.name] = variables
		findings = append(findings, finding)
		requests = append(requests, h.answers(version, variables))
	}
	live, finding := h.live(reading)
	if finding != nil {
		findings = append(findings, *finding)
	}
	answering, cancel := context.WithTimeout(ctx, answerLimit)
	defer cancel()
	findings = append(findings, Run(answering, requests)...)
	for _, finding := range h.Look(ctx,
		Environments{Portal: environments["portal"], Webhook: environments["webhook"], Live: live}) {
		if finding.outside && finding.Status == Problem {
			finding.Status = Warning
		}
		findings = append(findings, finding)
	}
	return findings
}

// version is a new version of a function, and the status with which it must refuse a request.
type version struct {
	name, arn, path string
	status          int
}

func (h *Hook) versions() []version {
	var versions []version
	if h.Portal != "" {
		versions = append(versions, version{"portal", h.Portal, portal.Path, http.StatusUnauthorized})
	}
	if h.Webhook != "" {
		versions = append(versions, version{"webhook", h.Webhook, webhook.Path, http.StatusBadRequest})
	}
	return versions
}

// variables reads a version's environment.
func (h *Hook) variables(ctx context.Context, v version) (map[string]string, Finding) {
	name := v.name + "'s version"
	output, err := h.Lambda.GetFunctionConfiguration(ctx,
		&lambda.GetFunctionConfigurationInput{FunctionName: aws.String(v.arn)})
	switch {
	case err != nil:
		return nil, named(name, fromAWS(upstream.FromAWS(upstream.Lambda, err), "function"))
	case output.Environment == nil || output.Environment.Variables == nil:
		return nil, named(name, problem("it has no environment variables", "Correct the template."))
	}
	return output.Environment.Variables, named(name, ok("version "+aws.ToString(output.Version)))
}

// onlySource returns the event source of a webhook that takes events only from the event bus, or ""
// for any other webhook.
func onlySource(variables map[string]string) string {
	if strings.TrimSpace(variables["WEBHOOK_SECRET_ID"]) != "" {
		return ""
	}
	return strings.TrimSpace(variables["STRIPE_EVENT_SOURCE"])
}

const readTheLog = "The log of the new version says why."

// answers sends the version a request without credentials or, if it takes events only from the
// event bus, an event.
func (h *Hook) answers(v version, variables map[string]string) Check {
	if source := onlySource(variables); source != "" {
		return h.acceptsEvents(v, source)
	}
	return h.invoking(v, request(v.path), func(payload []byte) Finding {
		var answer struct {
			StatusCode int `json:"statusCode"`
		}
		if json.Unmarshal(payload, &answer) != nil || answer.StatusCode != v.status {
			return problem(fmt.Sprintf("it answers a request without credentials with %d instead of %d",
				answer.StatusCode, v.status), readTheLog)
		}
		return ok(fmt.Sprintf("it refuses a request without credentials with %d", v.status))
	})
}

// acceptsEvents sends the version an event from the event bus, of a type that has no effect.
func (h *Hook) acceptsEvents(v version, source string) Check {
	return h.invoking(v, busEvent(source), func(payload []byte) Finding {
		if string(payload) != "null" {
			return problem("it does not accept an event from the event bus", readTheLog)
		}
		return ok("it accepts events from the event bus")
	})
}

// invoking invokes the version and passes its answer to look.
func (h *Hook) invoking(v version, payload []byte, look func(payload []byte) Finding) Check {
	return Check{Name: v.name + "'s answer", Run: func(ctx context.Context) Finding {
		output, err := h.Lambda.Invoke(ctx, &lambda.InvokeInput{FunctionName: aws.String(v.arn), Payload: payload})
		switch {
		case err != nil:
			return fromAWS(upstream.FromAWS(upstream.Lambda, err), "function")
		case output.FunctionError != nil:
			return problem("the function returned an error", readTheLog)
		}
		return look(output.Payload)
	}}
}

// request returns an event of API Gateway for a POST without credentials.
func request(path string) []byte {
	return fmt.Appendf(nil, `{"version":"2.0","routeKey":"POST `+
		`%[1]s","rawPath":%[1]q,"rawQueryString":"","headers":{"accept":"application/json"},`+
		`"requestContext":{"http":{"method":"POST","path":%[1]q,"sourceIp":"127.0.0.1"},"requestId":"preflight"},`+
		`"isBase64Encoded":false}`, path)
}

// busEvent returns an event as EventBridge sends it. The event has no time (created), so that the
// alarm EventsMissing does not count it.
func busEvent(source string) []byte {
	return fmt.Appendf(nil, `{"version":"0","id":"preflight","detail-type":"preflight","source":%q,`+
		`"detail":{"id":"evt_preflight","object":"event","type":"preflight"}}`, source)
}

func named(name string, finding Finding) Finding {
	finding.Name = name
	return finding
}
