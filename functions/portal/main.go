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
	handler, err := app.Portal(context.Background(), os.Getenv, os.Stdout)
	if err != nil {
		log.Fatal(err)
	}
	if err := app.Serve(os.Getenv, handler); err != nil {
		log.Fatal(err)
	}
}
