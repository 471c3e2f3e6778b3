package config

import (
	"io"
	"log/slog"
	"regexp"

	"billingportal/functions/internal/requestlog"
)

var basePathPattern = regexp.MustCompile(`^(/[A-Za-z0-9._~-]+)+$`)

// Common has the variables that every function reads.
type Common struct {
	Livemode bool
	BasePath string
	LogLevel slog.Level
	Function string
	Version  string // version of the function; "" on the development server
	Release  string // name of the deployed release
	AWS      AWS
}

// Common reads the variables of every function.
func (e *Environment) Common() Common {
	return Common{
		Livemode: e.OneOf("STRIPE_LIVEMODE", Required, "true", "false") == "true",
		BasePath: e.Matching("BASE_PATH", Optional, basePathPattern,
			"must be a path that begins with a slash and does not end with one"),
		LogLevel: e.level("LOG_LEVEL"),
		Function: e.getenv("AWS_LAMBDA_FUNCTION_NAME"),
		Version:  e.Optional("AWS_LAMBDA_FUNCTION_VERSION"),
		Release:  e.Optional("RELEASE"),
		AWS:      e.AWS(),
	}
}

// RequestLog returns the log that has one line for each request.
func (c Common) RequestLog(w io.Writer) *requestlog.RequestLog {
	log := requestlog.New(w, c.Function, c.Release)
	log.Version = c.Version
	return log
}

func (e *Environment) level(name string) slog.Level {
	var level slog.Level
	// The four names are the same in slog.
	_ = level.UnmarshalText([]byte(e.OneOf(name, Default("info"), "debug", "info", "warn", "error")))
	return level
}
