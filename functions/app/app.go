// Package app starts the Lambda functions. Each function has a package of its own in this folder,
// which reads its variables and builds its handler, so that a binary links only the code that its
// function uses.
package app

import (
	"context"
	"errors"
	"io"
	"log"
	"log/slog"
	"os"
	"slices"
	"strings"

	"github.com/aws/aws-lambda-go/lambda"

	"billingportal/functions/internal/lambdahttp"
)

// An Assembly builds a function from its environment. The function logs to logs; ctx ends its
// background work. The error names every wrong variable.
type Assembly func(ctx context.Context, getenv func(string) string, logs io.Writer) (lambda.Handler, error)

// Main is the main function of a Lambda function.
func Main(assemble Assembly) {
	log.SetOutput(lambdahttp.StandardLog(os.Stderr))
	err := lambdahttp.Recovering(func() error {
		return lambdahttp.Serve(os.Getenv, func() (lambda.Handler, error) {
			return assemble(context.Background(), os.Getenv, os.Stdout)
		})
	})
	// A custom runtime's log has an event for each line. JSON keeps an error of several lines in
	// one event.
	slog.New(slog.NewJSONHandler(os.Stderr, nil)).Error("the function does not start", "error", err)
	os.Exit(1)
}

// An EnvironmentError has one line for each variable that is wrong: its name and the problem. It
// never repeats a value.
type EnvironmentError struct{ Wrong []string }

func (e *EnvironmentError) Error() string {
	return "the environment is wrong:\n" + strings.Join(e.Wrong, "\n")
}

// JoinEnvironmentErrors joins the errors of several functions into one that has each wrong variable
// once. Errors of another kind are kept unchanged.
func JoinEnvironmentErrors(errs ...error) error {
	var all EnvironmentError
	var others []error
	for _, err := range errs {
		var one *EnvironmentError
		if !errors.As(err, &one) {
			others = append(others, err)
			continue
		}
		for _, wrong := range one.Wrong {
			if !slices.Contains(all.Wrong, wrong) {
				all.Wrong = append(all.Wrong, wrong)
			}
		}
	}
	if len(all.Wrong) > 0 {
		others = append(others, &all)
	}
	return errors.Join(others...)
}
