package app

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"billingportal/functions/internal/preflight"
)

// A new version may take its own 15 s to answer, and a report that does not arrive holds the deployment for an hour.
func TestAHangOfLambdaAndCodeDeployEnds(t *testing.T) {
	handler, err := Examiner{}.Preflight(t.Context(), minimal.get, &logs{})
	if err != nil {
		t.Fatal(err)
	}
	hook := handler.(*preflight.Hook)
	requireTries(t, 2, 16*time.Second, func(ctx context.Context, transport *hanging) error {
		client := hook.Lambda.(*lambda.Client)
		client.Options().HTTPClient.(*http.Client).Transport = transport
		_, err := client.Invoke(ctx, &lambda.InvokeInput{FunctionName: aws.String("portal")})
		return err
	})
	requireTries(t, 4, 3*time.Second, func(ctx context.Context, transport *hanging) error {
		client := hook.CodeDeploy.(*codedeploy.Client)
		client.Options().HTTPClient.(*http.Client).Transport = transport
		_, err := client.PutLifecycleEventHookExecutionStatus(ctx, &codedeploy.PutLifecycleEventHookExecutionStatusInput{Status: types.LifecycleEventStatusFailed})
		return err
	})
}
