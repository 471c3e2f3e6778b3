// Package auth turns a bearer token into a [Caller], or into an error whose type
// says what to answer.
package auth
