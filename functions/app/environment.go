package app

import (
	"cmp"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"billingportal/functions/internal/customers"
	"billingportal/functions/internal/requestlog"
	"billingportal/functions/internal/upstream"
)

// none is the default of a variable that may be absent without one.
const none = "\x00"

var (
	tablePattern         = regexp.MustCompile(`^([A-Za-z0-9_.-]+|arn:[A-Za-z0-9:/_.-]+)$`)
	attributePattern     = regexp.MustCompile(`^[^\s,]+$`)
	attributePathPattern = regexp.MustCompile(`^[^\s,.]+(\.[^\s,.]+)*$`)
	secretPattern        = regexp.MustCompile(`^[A-Za-z0-9/_+=.@:!-]+$`)
	memberPattern        = regexp.MustCompile(`^[^\s",]+$`)
	hostPattern          = regexp.MustCompile(`^[a-z0-9.-]+(:[0-9]{1,5})?$`)
	tokenPattern         = regexp.MustCompile("^[A-Za-z0-9!#$%&'*+.^_`|~-]+$") // RFC 9110, section 5.6.2
	scopePattern         = regexp.MustCompile(`^[\x21\x23-\x5B\x5D-\x7E]+$`)   // RFC 6749, section 3.3
	idPattern            = regexp.MustCompile(`^[^\s,]+$`)
	basePathPattern      = regexp.MustCompile(`^(/[A-Za-z0-9._~-]+)+$`)
	metadataKeyPattern   = regexp.MustCompile(`^[^\s\[\]]{1,40}$`)
	eventSourcePattern   = regexp.MustCompile(`^aws\.partner/stripe\.com/[A-Za-z0-9._/-]+$`)
	accountPattern       = regexp.MustCompile(`^acct_[A-Za-z0-9_]+$`)
	regionPattern        = regexp.MustCompile(`^[a-z0-9-]{1,63}$`)
)

// environment reads variables and collects what is wrong with them.
type environment struct {
	getenv func(string) string
	errors []string
	names  []string // of the wrong variables, in the order of errors
}

// An EnvironmentError has one line for each variable that is wrong: its name and the problem. It never repeats a value.
type EnvironmentError struct{ Wrong []string }

func (e *EnvironmentError) Error() string {
	return "the environment is wrong:\n" + strings.Join(e.Wrong, "\n")
}

// JoinEnvironmentErrors joins the errors of several functions into one that has each wrong variable once. Errors of another kind are
// kept unchanged.
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

// err is one error that names every variable that is wrong.
func (e *environment) err() error {
	if len(e.errors) == 0 {
		return nil
	}
	return &EnvironmentError{Wrong: e.errors}
}

// wrong notes what is wrong with a variable. It never repeats the value: it could
// be a secret in the wrong place.
func (e *environment) wrong(name, problem string) {
	e.errors = append(e.errors, name+" "+problem)
	e.names = append(e.names, name)
}

func (e *environment) isWrong(name string) bool { return slices.Contains(e.names, name) }

// value returns a variable, or its default; "" is the default of one that is required.
func (e *environment) value(name, fallback string) (string, bool) {
	value := strings.TrimSpace(e.getenv(name))
	switch {
	case value != "":
		return value, true
	case fallback == none:
		return "", false
	case fallback == "":
		e.wrong(name, "is required")
		return "", false
	}
	return fallback, true
}

func (e *environment) required(name string) string {
	value, _ := e.value(name, "")
	return value
}

func (e *environment) optional(name string) string {
	value, _ := e.value(name, none)
	return value
}

func (e *environment) matching(name, fallback string, pattern *regexp.Regexp, problem string) string {
	value, ok := e.value(name, fallback)
	if ok && !pattern.MatchString(value) {
		e.wrong(name, problem)
	}
	return value
}

func (e *environment) oneOf(name, fallback string, allowed ...string) string {
	value, ok := e.value(name, fallback)
	if ok && !slices.Contains(allowed, value) {
		e.wrong(name, "must be one of "+strings.Join(allowed, ", "))
	}
	return value
}

// list reads a comma-separated list.
func (e *environment) list(name, fallback string, pattern *regexp.Regexp, problem string) []string {
	value, ok := e.value(name, fallback)
	if !ok {
		return nil
	}
	items := strings.Split(value, ",")
	for i := range items {
		items[i] = strings.TrimSpace(items[i])
		if !pattern.MatchString(items[i]) {
			e.wrong(name, problem+" (a comma-separated list)")
			return nil
		}
	}
	return items
}

// containerHost is the name by which a container on a laptop reaches the laptop:
// no other host in the world has it.
const containerHost = "host.docker.internal"

// apiBase reads the base URL of an API, where a key is sent: https, or http of
// this machine.
func (e *environment) apiBase(name, fallback string) string {
	value, _ := e.value(name, fallback)
	u, err := url.Parse(value)
	isLocal := err == nil && (upstream.IsLoopback(u.Hostname()) || u.Hostname() == containerHost)
	if err != nil || u.Hostname() == "" || u.User != nil || strings.ContainsAny(value, "?#") ||
		(u.Scheme != "https" && (u.Scheme != "http" || !isLocal)) {
		e.wrong(name, "must be an https URL without userinfo, query or fragment (http only for a loopback host)")
	}
	return strings.TrimRight(value, "/")
}

func (e *environment) stripeAPIBase() string {
	return e.apiBase("STRIPE_API_BASE", "https://api.stripe.com")
}

// secretField reads which member of a secret is the Stripe key.
func (e *environment) secretField() string {
	return e.matching("STRIPE_SECRET_FIELD", "api_key", memberPattern, "must be the name of a member of a JSON object")
}

func (e *environment) level(name string) slog.Level {
	var level slog.Level
	// The four texts are also slog's.
	_ = level.UnmarshalText([]byte(e.oneOf(name, "info", "debug", "info", "warn", "error")))
	return level
}

// customers reads where the mapping is.
func (e *environment) customers() customers.Table {
	t := customers.Table{
		Name:      e.matching("CUSTOMERS_TABLE", "", tablePattern, "must be the name or ARN of a DynamoDB table"),
		Key:       e.matching("CUSTOMERS_KEY", "user_id", attributePattern, "must be the name of an attribute"),
		KeyFormat: e.optional("CUSTOMERS_KEY_FORMAT"),
		Attribute: e.matching("CUSTOMERS_ATTRIBUTE", "customer_id", attributePathPattern, "must be the name of an attribute, or names of map members joined by dots"),
	}
	if sort, ok := e.value("CUSTOMERS_SORT_KEY", none); ok {
		t.SortKey, t.SortValue, _ = strings.Cut(sort, "=")
		if !attributePattern.MatchString(t.SortKey) || !isFormat(t.SortValue) || t.SortKey == t.Key {
			e.wrong("CUSTOMERS_SORT_KEY", "must be name=value, with another name than CUSTOMERS_KEY and {user} at most once in the value")
		}
	}
	if format, ok := e.value("CUSTOMERS_KEY_FORMAT", none); ok && (!isFormat(format) || !strings.Contains(format+t.SortValue, "{user}")) {
		// Without it in either, all users would share an item.
		e.wrong("CUSTOMERS_KEY_FORMAT", "must be text with {user} in it once, or not at all where CUSTOMERS_SORT_KEY has it")
	}
	first, _, _ := strings.Cut(t.Attribute, ".")
	isOurs := first == t.Key || first == t.SortKey || strings.HasPrefix(first, customers.FactsAttribute)
	if !e.isWrong("CUSTOMERS_ATTRIBUTE") && isOurs {
		e.wrong("CUSTOMERS_ATTRIBUTE", "must not be a key of the table, or begin with "+customers.FactsAttribute)
	}
	return t
}

// metadataKey reads which key of Stripe's metadata holds the user.
func (e *environment) metadataKey() string {
	return e.matching("USER_METADATA_KEY", "user_id", metadataKeyPattern, "must be a key of Stripe's metadata: 1 to 40 characters without brackets")
}

// isFormat reports whether a text may be the format of a key, with {user} in it at
// most once.
func isFormat(s string) bool {
	return s != "" && !strings.ContainsFunc(strings.Replace(s, "{user}", "", 1), func(r rune) bool {
		return r == '{' || r == '}' || unicode.IsControl(r)
	})
}

// common is what every function reads.
type common struct {
	livemode bool
	basePath string
	logLevel slog.Level
	function string // its name
	version  string // of the function, "" on a laptop
	release  string // what is deployed
	aws      awsEnvironment
}

func (e *environment) common() common {
	return common{
		livemode: e.oneOf("STRIPE_LIVEMODE", "", "true", "false") == "true",
		basePath: e.matching("BASE_PATH", none, basePathPattern, "must be a path that begins with a slash and does not end with one"),
		logLevel: e.level("LOG_LEVEL"),
		function: e.getenv("AWS_LAMBDA_FUNCTION_NAME"),
		version:  e.optional("AWS_LAMBDA_FUNCTION_VERSION"),
		release:  e.optional("RELEASE"),
		aws:      e.aws(),
	}
}

// requestLog is the log of a function's requests.
func (c common) requestLog(w io.Writer) *requestlog.RequestLog {
	log := requestlog.New(w, c.function, c.release)
	log.Version = c.version
	return log
}

// awsEnvironment is what the SDK's own configuration loader would have read from
// a Lambda function's environment. The loader itself brings shared files, SSO,
// STS and instance metadata, none of which a function has: 1.8 MB of binary and
// 5 ms of every cold start.
type awsEnvironment struct {
	upstream.AWS
	// Endpoints that the environment sets; "" is AWS's own for the region.
	dynamoDBEndpoint       string
	secretsManagerEndpoint string
}

func (e *environment) aws() awsEnvironment {
	a := awsEnvironment{AWS: upstream.AWS{
		Region:          e.matching("AWS_REGION", "", regionPattern, "must be the name of a region"),
		AccessKeyID:     e.required("AWS_ACCESS_KEY_ID"),
		SecretAccessKey: e.required("AWS_SECRET_ACCESS_KEY"),
		SessionToken:    e.optional("AWS_SESSION_TOKEN"),
	}}
	if e.isTrue("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS") {
		return a
	}
	all := e.endpoint("AWS_ENDPOINT_URL")
	a.dynamoDBEndpoint = cmp.Or(e.endpoint("AWS_ENDPOINT_URL_DYNAMODB"), all)
	a.secretsManagerEndpoint = cmp.Or(e.endpoint("AWS_ENDPOINT_URL_SECRETS_MANAGER"), all)
	return a
}

// endpoint reads an endpoint of the SDK's own overrides. The key for Stripe
// comes back from one, so what holds for its API holds for them.
//
// https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html
func (e *environment) endpoint(name string) string {
	if e.getenv(name) == "" {
		return ""
	}
	return e.apiBase(name, none)
}

// isTrue reads a switch of the SDK's, which takes true and false in any case.
func (e *environment) isTrue(name string) bool {
	value := e.getenv(name)
	if value != "" && !strings.EqualFold(value, "true") && !strings.EqualFold(value, "false") {
		e.wrong(name, "must be true or false")
	}
	return strings.EqualFold(value, "true")
}

// dynamoDBURL returns where the SDK's client goes, so that it can be dialled
// ahead; "" where the SDK has no endpoint, which the first request will report.
func (a awsEnvironment) dynamoDBURL(ctx context.Context) string {
	if a.dynamoDBEndpoint != "" {
		return a.dynamoDBEndpoint
	}
	parameters := dynamodb.EndpointParameters{Region: aws.String(a.Region)}
	endpoint, err := dynamodb.NewDefaultEndpointResolverV2().ResolveEndpoint(ctx, parameters.WithDefaults())
	if err != nil {
		return ""
	}
	return endpoint.URI.String()
}
