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

	"billingportal/functions/internal/upstream"
)

// LambdaAPI are the calls of Lambda that the hook makes.
type LambdaAPI interface {
	GetFunctionConfiguration(ctx context.Context, input *lambda.GetFunctionConfigurationInput,
		options ...func(*lambda.Options)) (*lambda.GetFunctionConfigurationOutput, error)
	Invoke(ctx context.Context, input *lambda.InvokeInput,
		options ...func(*lambda.Options)) (*lambda.InvokeOutput, error)
}

// CodeDeployAPI is the one call of CodeDeploy that the hook makes.
type CodeDeployAPI interface {
	PutLifecycleEventHookExecutionStatus(ctx context.Context,
		input *codedeploy.PutLifecycleEventHookExecutionStatusInput,
		options ...func(*codedeploy.Options)) (*codedeploy.PutLifecycleEventHookExecutionStatusOutput, error)
}

// Hook is CodeDeploy's before-traffic hook: it sends each new version one request that must be
// refused (or, if there is no route, an event that means nothing), looks at the versions with their
// own configuration, and reports. It reports whatever happens to it, because CodeDeploy waits an
// hour for a report.
//
// https://docs.aws.amazon.com/codedeploy/latest/userguide/reference-appspec-file-structure-hooks.html
type Hook struct {
	Lambda     LambdaAPI
	CodeDeploy CodeDeployAPI
	// Portal and Webhook are the ARNs of the new versions; "" for a function that is not deployed.
	Portal, Webhook string
	// Broken says what is wrong with the hook's own environment, if anything.
	Broken error
	// Look looks at the environments of the versions.
	Look func(ctx context.Context, versions Environments) []Finding
	Logs io.Writer
}

// Environments are the variables of the new versions, and of the portal version that serves now.
// nil means that it does not exist.
type Environments struct{ Portal, Webhook, Live map[string]string }

// How the function's time is divided. The checks get the rest.
const (
	reportReserve = 15 * time.Second // for the report and its retries
	lookReserve   = time.Second      // for findings to be collected after the checks' time is over
	readLimit     = 9 * time.Second  // for the configurations of the new versions
	answerLimit   = 17 * time.Second // for the answers of the new versions, which have 15 s each
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
		failure := upstream.FromAWS("codedeploy", err)
		log.LogAttrs(ctx, slog.LevelError, "report", slog.String("status", string(status)),
			slog.String("error", failure.Error()))
		return nil, fmt.Errorf("report %s: %w", status, failure)
	}
	log.LogAttrs(ctx, slog.LevelInfo, "report", slog.String("status", string(status)))
	return []byte("null"), nil
}

// inspect ends in time for the report, whatever it looks at does.
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
					problem("it failed itself", "Report it: this is a mistake in the program."))}
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

// look reads the new versions' environments, calls the versions, and then checks their
// dependencies, which may take longest.
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

// version is a new version of a function, and a request that it must refuse.
type version struct {
	name, arn, path string
	status          int
}

func (h *Hook) versions() []version {
	var versions []version
	if h.Portal != "" {
		versions = append(versions, version{"portal", h.Portal, "/billing/portal", http.StatusUnauthorized})
	}
	if h.Webhook != "" {
		versions = append(versions, version{"webhook", h.Webhook, "/stripe/webhook", http.StatusBadRequest})
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
		return nil, named(name, fromAWS(upstream.FromAWS("lambda", err), "function"))
	case output.Environment == nil || output.Environment.Variables == nil:
		return nil, named(name, problem("it has no variables", "Correct the template."))
	}
	return output.Environment.Variables, named(name, ok("version "+aws.ToString(output.Version)))
}

// onlySource is the event source of a webhook that takes events from the event bus alone, else "".
func onlySource(variables map[string]string) string {
	if strings.TrimSpace(variables["WEBHOOK_SECRET_ID"]) != "" {
		return ""
	}
	return strings.TrimSpace(variables["STRIPE_EVENT_SOURCE"])
}

const readTheLog = "The log of the new version says why."

// answers sends a version a request without credentials, or one that has no route an event.
func (h *Hook) answers(v version, variables map[string]string) Check {
	if source := onlySource(variables); source != "" {
		return h.takes(v, source)
	}
	return h.invoking(v, request(v.path), func(payload []byte) Finding {
		var answer struct {
			StatusCode int `json:"statusCode"`
		}
		if json.Unmarshal(payload, &answer) != nil || answer.StatusCode != v.status {
			return problem(fmt.Sprintf("it answers a request without credentials with %d, not with %d",
				answer.StatusCode, v.status), readTheLog)
		}
		return ok(fmt.Sprintf("it refuses a request without credentials with %d", v.status))
	})
}

// takes sends a version an event from the event bus, of a type that means nothing.
func (h *Hook) takes(v version, source string) Check {
	return h.invoking(v, busEvent(source), func(payload []byte) Finding {
		if string(payload) != "null" {
			return problem("it does not take an event from the event bus", readTheLog)
		}
		return ok("it takes events from the event bus")
	})
}

// invoking invokes a version and has its answer judged.
func (h *Hook) invoking(v version, payload []byte, look func(payload []byte) Finding) Check {
	return Check{Name: v.name + "'s answer", Run: func(ctx context.Context) Finding {
		output, err := h.Lambda.Invoke(ctx, &lambda.InvokeInput{FunctionName: aws.String(v.arn), Payload: payload})
		switch {
		case err != nil:
			return fromAWS(upstream.FromAWS("lambda", err), "function")
		case output.FunctionError != nil:
			return problem("the function fails", readTheLog)
		}
		return look(output.Payload)
	}}
}

// request is an event of API Gateway's without credentials.
func request(path string) []byte {
	return fmt.Appendf(nil, `{"version":"2.0","routeKey":"POST `+
		`%[1]s","rawPath":%[1]q,"rawQueryString":"","headers":{"accept":"application/json"},`+
		`"requestContext":{"http":{"method":"POST","path":%[1]q,"sourceIp":"127.0.0.1"},"requestId":"preflight"},`+
		`"isBase64Encoded":false}`, path)
}

// busEvent is an event as EventBridge sends it. It has no time (created), so that the alarm
// EventsMissing does not count it.
func busEvent(source string) []byte {
	return fmt.Appendf(nil, `{"version":"0","id":"preflight","detail-type":"preflight","source":%q,`+
		`"detail":{"id":"evt_preflight","object":"event","type":"preflight"}}`, source)
}

func named(name string, finding Finding) Finding {
	finding.Name = name
	return finding
}
