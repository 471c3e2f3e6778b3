// Package portalconfig applies a file of customer portal configurations to Stripe.
//
// The file has Stripe's own parameters, in YAML or JSON, under names that the operator chooses.
// [Read] checks them against the OpenAPI document that Stripe publishes. [NewPlan] compares them
// with the configurations at Stripe, which it finds by the name in their metadata, and [Plan.Apply]
// creates and updates configurations. It deletes nothing: a parameter or a configuration that is
// missing from the file stays unchanged at Stripe.
//
// https://docs.stripe.com/api/customer_portal/configurations
package portalconfig
