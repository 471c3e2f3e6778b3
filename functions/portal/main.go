// Command portal is the Lambda function behind POST /billing/portal.
package main

import "billingportal/functions/app"

func main() { app.Main(app.Portal) }
