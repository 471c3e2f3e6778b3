// Command portal is the Lambda function behind POST /billing/portal.
package main

import (
	"context"
	"log"
	"os"

	"billingportal/functions/app"
)

func main() {
	log.SetOutput(app.StandardLog(os.Stderr))
	ctx := context.Background()
	handler, err := app.Portal(ctx, os.Getenv, os.Stdout)
	if err != nil {
		log.Fatal(err)
	}
	log.Fatal(app.Serve(ctx, os.Getenv, handler))
}
