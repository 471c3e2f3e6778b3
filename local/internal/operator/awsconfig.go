package operator

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/credentials/ec2rolecreds"
	"github.com/aws/aws-sdk-go-v2/credentials/processcreds"
	"github.com/aws/aws-sdk-go-v2/credentials/ssocreds"
	"github.com/aws/aws-sdk-go-v2/feature/ec2/imds"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/logging"

	"billingportal/functions/app/operator"
	"billingportal/local/internal/commandline"
	"billingportal/local/internal/loopback"
)

// awsFault is a fault in the AWS configuration, or a refusal by AWS. Another try would not help.
// Its text is ours, apart from names that the operator chose and AWS's documented codes.
type awsFault struct{ reason string }

func (e *awsFault) Error() string { return e.reason }

var errNoRegion = errors.New("no AWS Region is set: set AWS_REGION, for example AWS_REGION=eu-central-1, or region " +
	"in your AWS profile")

// loadAWS reads the operator's own AWS configuration, and reports a fault in it at once. A loopback
// endpoint needs no configuration. If the credentials cannot be renewed later, it calls end, which
// may be nil. The SDK's own warnings are dropped: the errors say what matters.
func loadAWS(ctx context.Context, endpoint string, end context.CancelCauseFunc,
	options ...func(*config.LoadOptions) error) (aws.Config, error) {
	// Most machines have no metadata service, and the SDK would wait for it several times.
	metadata := imds.New(imds.Options{
		HTTPClient: &http.Client{Timeout: time.Second}, Retryer: aws.NopRetryer{},
		Endpoint: os.Getenv("AWS_EC2_METADATA_SERVICE_ENDPOINT"),
	})
	options = append(options, config.WithLogger(logging.Nop{}),
		config.WithEC2RoleCredentialOptions(func(o *ec2rolecreds.Options) { o.Client = metadata }))
	cfg, err := config.LoadDefaultConfig(ctx, options...)
	if err != nil {
		return cfg, describeConfiguration(err)
	}
	_, err = cfg.Credentials.Retrieve(ctx)
	if u, parseErr := url.Parse(endpoint); parseErr == nil && endpoint != "" && loopback.IsHost(u.Host) {
		if err != nil { // a stand-in accepts any credentials
			cfg.Credentials = credentials.NewStaticCredentialsProvider("local", "local", "")
		}
		cfg.Region = cmp.Or(cfg.Region, "eu-central-1")
		return cfg, nil
	}
	if err != nil {
		err = describeCredentials(cfg.Credentials, err)
		var fault *awsFault
		if errors.As(err, &fault) && cfg.Region == "" {
			err = fmt.Errorf("%w; %w", err, errNoRegion)
		}
		return cfg, err
	}
	if cfg.Region == "" {
		return cfg, errNoRegion
	}
	cfg.Credentials = &renewing{cfg.Credentials, end}
	return cfg, nil
}

// renewing are credentials that end the run if they cannot be renewed. The SDK and the importer
// would treat that as a lost connection, and try again.
type renewing struct {
	aws.CredentialsProvider
	end context.CancelCauseFunc
}

func (r *renewing) Retrieve(ctx context.Context) (aws.Credentials, error) {
	found, err := r.CredentialsProvider.Retrieve(ctx)
	if err == nil || ctx.Err() != nil {
		return found, err
	}
	err = describeCredentials(r.CredentialsProvider, err)
	var fault *awsFault
	if errors.As(err, &fault) && r.end != nil {
		r.end(fault)
	}
	return found, err
}

// describeConfiguration says what to correct in the AWS configuration. Only the last case repeats
// the SDK's text, after ours: it has the name of the wrong setting.
func describeConfiguration(err error) error {
	var noProfile config.SharedConfigProfileNotExistError
	var noFile config.SharedConfigLoadError
	var noToken config.AssumeRoleTokenProviderNotSetError
	switch {
	case errors.As(err, &noProfile):
		return &awsFault{fmt.Sprintf("there is no AWS profile %q: correct AWS_PROFILE, or run aws configure "+
			"--profile %s",
			noProfile.Profile, commandline.Quote(noProfile.Profile))}
	case errors.As(err, &noFile):
		return &awsFault{fmt.Sprintf("the AWS configuration file %s cannot be read: correct it, or set AWS_CONFIG_FILE",
			noFile.Filename)}
	case errors.As(err, &noToken):
		return &awsFault{"the AWS profile needs a second factor: run aws sts get-session-token or aws configure " +
			"export-credentials, and set the variables that it prints"}
	}
	return &awsFault{"your AWS configuration is not valid: check it with aws configure list (" + err.Error() + ")"}
}

// loginSources are the sources of credentials for which a person signs in.
var loginSources = []aws.CredentialSource{
	aws.CredentialSourceProfileSSO, aws.CredentialSourceSSO, aws.CredentialSourceProfileSSOLegacy,
	aws.CredentialSourceSSOLegacy,
	aws.CredentialSourceProfileLogin, aws.CredentialSourceLogin,
}

// sourcesOf returns where credentials come from, as the SDK names it.
func sourcesOf(provider aws.CredentialsProvider) []aws.CredentialSource {
	if r, ok := provider.(*renewing); ok {
		provider = r.CredentialsProvider
	}
	if s, ok := provider.(aws.CredentialProviderSource); ok {
		return s.ProviderSources()
	}
	return nil
}

// describeCredentials says why credentials are missing, by the type of the error and by the source
// of the credentials.
func describeCredentials(provider aws.CredentialsProvider, err error) error {
	var noToken config.AssumeRoleTokenProviderNotSetError
	var expired *ssocreds.InvalidTokenError
	var process *processcreds.ProviderError
	var answer smithy.APIError
	var network *url.Error
	sources := sourcesOf(provider)
	isFrom := func(source aws.CredentialSource) bool { return slices.Contains(sources, source) }
	isLogin := slices.ContainsFunc(loginSources, isFrom)
	switch {
	case isFrom(aws.CredentialSourceIMDS): // the last source, so the others have none
		return &awsFault{"you are not signed in to AWS: run aws sso login or aws login, set AWS_PROFILE, or set " +
			"AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"}
	case errors.As(err, &noToken):
		return describeConfiguration(err)
	case errors.As(err, &expired), errors.As(err, &answer) && isLogin:
		return expiredSignIn(sources)
	case errors.As(err, &process):
		return &awsFault{"the credential_process of your AWS profile failed: run that command to see why"}
	case errors.As(err, &answer):
		return &awsFault{"AWS refuses the credentials of your profile (" +
			operator.AWSFailure(operator.STS, err).Error() +
			"): check them with aws sts get-caller-identity"}
	case errors.As(err, &network):
		return errors.New("no connection to the service that issues your AWS credentials: check your network")
	case isLogin:
		return expiredSignIn(sources)
	}
	return &awsFault{"your AWS credentials cannot be used: check them with aws sts get-caller-identity"}
}

// expiredSignIn says how to renew credentials that have expired, by their source.
func expiredSignIn(sources []aws.CredentialSource) error {
	switch {
	case slices.Contains(sources, aws.CredentialSourceEnvVars):
		return &awsFault{"your AWS session token has expired: set new values of AWS_ACCESS_KEY_ID, " +
			"AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN, or unset all three and run aws sso login"}
	case slices.Contains(sources, aws.CredentialSourceProfile):
		return &awsFault{"the session token of your AWS profile has expired: write new credentials into the profile, " +
			"or set AWS_PROFILE to another profile"}
	}
	return &awsFault{"your AWS sign-in has expired: run aws sso login (or aws login)"}
}

// describeSignIn says what to do about a failure that is about the operator's credentials or clock;
// nil for any other failure.
func describeSignIn(sources []aws.CredentialSource, failure error) error {
	switch {
	case operator.IsExpired(failure):
		return expiredSignIn(sources)
	case operator.IsWrongTime(failure):
		return &awsFault{"AWS does not accept the time of your requests (" + operator.AWSCode(failure) +
			"): correct the clock of this machine"}
	case operator.IsUnknownCaller(failure):
		return &awsFault{"AWS does not accept your credentials (" + operator.AWSCode(failure) +
			"): check AWS_PROFILE, or that AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY belong together, with aws " +
			"sts get-caller-identity"}
	}
	return nil
}

// describeAWS says why a request to AWS failed and what to do, without AWS's own text.
func describeAWS(service operator.Service, cfg aws.Config, err error) error {
	var fault *awsFault
	var answer smithy.APIError
	var noHost *net.DNSError
	failure := operator.AWSFailure(service, err) // its text names the service
	switch signIn := describeSignIn(sourcesOf(cfg.Credentials), failure); {
	case errors.As(err, &fault):
		return fault
	case signIn != nil:
		return signIn
	case service == operator.DynamoDB && operator.IsInvalid(failure):
		return &awsFault{"its key is not what CUSTOMERS_KEY and CUSTOMERS_SORT_KEY say"}
	case operator.IsDenied(failure):
		return &awsFault{failure.Error() + ": grant your AWS identity this permission, or set another AWS_PROFILE"}
	case operator.IsMissing(failure):
		return &awsFault{fmt.Sprintf("%s: it does not exist in the Region %s: check its name and AWS_REGION", failure,
			cfg.Region)}
	case errors.As(err, &answer):
		return &awsFault{failure.Error()}
	case errors.As(err, &noHost) && noHost.IsNotFound:
		return &awsFault{fmt.Sprintf("there is no host %s: check the Region %q", noHost.Name, cfg.Region)}
	}
	return failure
}
