package preflight

import (
	"context"
	"io"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy"
	awslambda "github.com/aws/aws-sdk-go-v2/service/lambda"

	"billingportal/functions/app/internal/config"
	"billingportal/functions/internal/preflight"
	"billingportal/functions/internal/requestlog"
	"billingportal/functions/internal/upstream"
)

// Hook assembles the function that checks a new version before it gets traffic. It always starts:
// if its environment is wrong, it reports that the deployment must stop.
func (x Examiner) Hook(_ context.Context, getenv func(string) string, logs io.Writer) (lambda.Handler, error) {
	e := config.NewEnvironment(getenv)
	aws := e.AWS()
	lambdaEndpoint, codeDeployEndpoint := e.Endpoint("AWS_ENDPOINT_URL_LAMBDA"),
		e.Endpoint("AWS_ENDPOINT_URL_CODEDEPLOY")
	transport := upstream.NewTransport()
	client := awslambda.NewFromConfig(aws.Config(lambdaEndpoint, transport, invokeTimeout, 2))
	return &preflight.Hook{
		Lambda: client,
		// If no report arrives, CodeDeploy waits an hour. So reports are retried more often than
		// other calls.
		CodeDeploy: codedeploy.NewFromConfig(aws.Config(codeDeployEndpoint, transport, reportTimeout, 4)),
		Portal:     e.Optional("PORTAL_FUNCTION"),
		Webhook:    e.Optional("WEBHOOK_FUNCTION"),
		Broken:     e.Err(),
		Look: func(ctx context.Context, versions preflight.Environments) []Finding {
			return x.examine(ctx, getenvOf(versions.Portal, getenv), getenvOf(versions.Webhook, getenv),
				getenvOf(versions.Live, getenv))
		},
		Logs: requestlog.Lines(logs),
	}, nil
}

const (
	invokeTimeout = 16 * time.Second // the functions' own limit is 15 s
	reportTimeout = 3 * time.Second
)

// getenvOf returns the environment of a version: its own variables, with Lambda's variables of this
// function, whose permissions are used.
func getenvOf(variables map[string]string, own func(string) string) func(string) string {
	if variables == nil {
		return nil
	}
	return func(name string) string {
		if value, ok := variables[name]; ok {
			return value
		}
		if strings.HasPrefix(name, "AWS_") {
			return own(name)
		}
		return ""
	}
}
