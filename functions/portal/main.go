// Command portal is the Lambda function behind POST /billing/portal.
package main

import (
	"context"
	"log"
	"os"

	"github.com/aws/aws-lambda-go/lambda"

	"billingportal/functions/app"
)

func main() {
	log.SetOutput(app.StandardLog(os.Stderr))
	handler, err := app.Portal(context.Background(), os.Getenv, os.Stdout)
	if err != nil {
		log.Fatal(err)
	}
	lambda.Start(handler)
}
