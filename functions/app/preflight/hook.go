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

// Hook assembles the function that looks at a new version before it gets traffic. It never fails to
// start: whatever is wrong with its environment is reported as a deployment that must not go on.
func (x Examiner) Hook(_ context.Context, getenv func(string) string, logs io.Writer) (lambda.Handler, error) {
	e := config.NewEnvironment(getenv)
	aws := e.AWS()
	lambdaEndpoint, codeDeployEndpoint := e.Endpoint("AWS_ENDPOINT_URL_LAMBDA"),
		e.Endpoint("AWS_ENDPOINT_URL_CODEDEPLOY")
	transport := upstream.NewTransport()
	client := awslambda.NewFromConfig(aws.Config(lambdaEndpoint, transport, invokeTimeout, 2))
	return &preflight.Hook{
		Lambda: client,
		// A report that does not arrive holds the deployment for an hour, so it is tried more often
		// than anything else.
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
	invokeTimeout = 16 * time.Second // the functions' own 15 s and a little
	reportTimeout = 3 * time.Second
)

// getenvOf is the environment of a version: its own variables, and what Lambda gives this function,
// whose rights are used.
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
