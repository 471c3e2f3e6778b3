// Package awswire stands in for DynamoDB and Secrets Manager at the wire, in
// memory: the protocols, headers and error types are AWS's own, so that the
// real clients of aws-sdk-go-v2 run against it unchanged.
//
// Only what the functions need is here: to look up one item and one secret, and
// to update an item on a condition. An operation, a parameter or a part of an
// expression that is not emulated is refused and never ignored, so that nothing
// works here that would not work on AWS. The DynamoDB half is held by
// a shared contract test to what DynamoDB Local answers; for Secrets Manager,
// which AWS publishes no local edition of, the API reference is the measure.
//
// Signatures are looked at for their shape alone: there is no account whose
// key could verify them. In their place a request that a web page could have
// sent is refused, since a page open on the same laptop must not read secrets.
package awswire
