// Command bootstrap executes the commands of tests, to test the process that runs it.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
)

func main() {
	switch os.Getenv("INIT") {
	case "exit":
		log.Fatal("configuration: nothing is right")
	case "error":
		url := "http://" + os.Getenv("AWS_LAMBDA_RUNTIME_API") + "/2018-06-01/runtime/init/error"
		resp, err := http.Post(url, "application/json", strings.NewReader(`{"errorType":"Init","errorMessage":"no"}`))
		if err != nil || resp.StatusCode != http.StatusAccepted {
			panic("init error was not accepted")
		}
		os.Exit(1)
	case "hang":
		time.Sleep(time.Hour)
	}
	calls := 0
	lambda.Start(func(ctx context.Context, do string) (any, error) {
		calls++
		fmt.Println("stdout:", do)
		fmt.Fprintln(os.Stderr, "stderr:", do)
		switch do {
		case "calls":
			return calls, nil
		case "context":
			lc, _ := lambdacontext.FromContext(ctx)
			deadline, _ := ctx.Deadline()
			return map[string]any{
				"id": lc.AwsRequestID, "arn": lc.InvokedFunctionArn, "deadline": deadline.UnixMilli(),
				"trace": ctx.Value("x-amzn-trace-id"),
			}, nil
		case "environment":
			return os.Environ(), nil
		case "error":
			return nil, errors.New("as told")
		case "panic":
			panic("as told")
		case "exit":
			os.Exit(3)
		case "leave":
			os.Exit(0)
		case "hang":
			time.Sleep(time.Hour)
		case "large":
			return strings.Repeat("a", 7_000_000), nil
		case "work":
			for end := time.Now().Add(50 * time.Millisecond); time.Now().Before(end); {
			}
			b := make([]byte, 64<<20)
			for i := range b {
				b[i] = 1
			}
			return len(b), nil
		}
		return do, nil
	})
}
