// Package fakeaws contains the code that the fake AWS services share: the JSON protocols (1.0 and
// 1.1), their errors, and Signature Version 4. The services have their own packages, dynamodb and
// secretsmanager.
//
// The fakes speak the real protocols and keep their data in memory. Protocols, headers and error
// types are those of AWS, so the real clients of aws-sdk-go-v2 run against them unchanged. They
// implement only the operations and parameters that the product needs and reject all others, so
// code that works here also works on AWS.
//
// The fakes verify signatures after a call of [Service.Require]; before it, they check only their
// format. They always reject requests that a web page could have sent, because a page that is open
// on the same machine must not read secrets.
package fakeaws
