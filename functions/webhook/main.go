// Command webhook is the Lambda function behind POST /stripe/webhook, and the target of Stripe's
// events on an EventBridge event bus.
package main

import (
	"billingportal/functions/app"
	"billingportal/functions/app/webhook"
)

func main() { app.Main(webhook.New) }
