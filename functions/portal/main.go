// Command portal is the Lambda function behind POST /billing/portal.
package main

import (
	"billingportal/functions/app"
	"billingportal/functions/app/portal"
)

func main() { app.Main(portal.New) }
