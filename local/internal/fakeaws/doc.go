// Package fakeaws is what the stand-ins for AWS's services share: the JSON protocols (1.0 and 1.1),
// their errors, and Signature Version 4. The services are in packages of their own, dynamodb and
// secretsmanager.
//
// The stand-ins work at the wire and in memory: protocols, headers and error types are AWS's own,
// so that the real clients of aws-sdk-go-v2 run against them unchanged. Only what the product needs
// is here. An operation or a parameter that is not emulated is refused and never ignored, so that
// nothing works here that would not work on AWS.
//
// [Service.Require] has signatures verified; without it only their form is checked. A request that
// a web page could have sent is always refused, since a page that is open on the same machine must
// not read secrets.
package fakeaws
