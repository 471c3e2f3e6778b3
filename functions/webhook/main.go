// Command webhook is the Lambda function that takes Stripe's events, from POST /stripe/webhook or
// from an EventBridge event bus.
package main

import (
	"billingportal/functions/app"
	"billingportal/functions/app/webhook"
)

func main() { app.Main(webhook.New) }
