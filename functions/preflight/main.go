// Command preflight is the Lambda function that looks at a new version before it gets traffic.
package main

import "billingportal/functions/app"

func main() { app.Main(app.Examiner{}.Preflight) }
