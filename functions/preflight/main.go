// Command preflight is the Lambda function that checks a new version before it gets traffic.
package main

import (
	"billingportal/functions/app"
	"billingportal/functions/app/preflight"
)

func main() { app.Main(preflight.Examiner{}.Hook) }
