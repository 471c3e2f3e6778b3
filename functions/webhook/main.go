// Command webhook is the Lambda function behind POST /stripe/webhook, and the target of Stripe's events on an EventBridge event
// bus.
package main

import "billingportal/functions/app"

func main() { app.Main(app.Webhook) }
