// Command portal is the Lambda function for /billing/…: it opens the customer portal, and serves
// the billing status and the button.
package main

import (
	"billingportal/functions/app"
	"billingportal/functions/app/portal"
)

func main() { app.Main(portal.New) }
