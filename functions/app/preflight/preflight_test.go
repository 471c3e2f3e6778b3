package preflight

import (
	"context"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"billingportal/functions/app/internal/config/configtest"
	"billingportal/functions/faulttest"
	"billingportal/functions/internal/preflight"
)

// A new version may take its own 15 s to answer. If no report arrives, CodeDeploy waits an hour.
func TestAHangOfLambdaAndCodeDeployEnds(t *testing.T) {
	handler, err := Examiner{}.Hook(t.Context(), configtest.Portal.Get, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	hook := handler.(*preflight.Hook)
	faulttest.RequireTries(t, 2, 16*time.Second, func(ctx context.Context, transport http.RoundTripper) error {
		client := hook.Lambda.(*lambda.Client)
		client.Options().HTTPClient.(*http.Client).Transport = transport
		_, err := client.Invoke(ctx, &lambda.InvokeInput{FunctionName: aws.String("portal")})
		return err
	})
	faulttest.RequireTries(t, 4, 3*time.Second, func(ctx context.Context, transport http.RoundTripper) error {
		client := hook.CodeDeploy.(*codedeploy.Client)
		client.Options().HTTPClient.(*http.Client).Transport = transport
		_, err := client.PutLifecycleEventHookExecutionStatus(ctx,
			&codedeploy.PutLifecycleEventHookExecutionStatusInput{Status: types.LifecycleEventStatusFailed})
		return err
	})
}
