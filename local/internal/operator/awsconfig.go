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
	"billingportal/local/internal/loopback"
)

// awsFault is a fault in the AWS configuration, or a refusal by AWS. Trying again would not help.
// Its text is fixed, except for names that the operator chose and AWS's documented codes.
type awsFault struct{ reason string }

func (e *awsFault) Error() string { return e.reason }

// loadAWS reads the operator's own AWS configuration, and names a fault in it at once. A loopback
// endpoint needs none. If the credentials cannot be renewed later, end is called; it may be nil.
// The SDK's own warnings are dropped: the errors say what matters.
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
		if err != nil { // a stand-in takes any
			cfg.Credentials = credentials.NewStaticCredentialsProvider("local", "local", "")
		}
		cfg.Region = cmp.Or(cfg.Region, "eu-central-1")
		return cfg, nil
	}
	if err != nil {
		return cfg, describeCredentials(cfg.Credentials, err)
	}
	if cfg.Region == "" {
		return cfg, &awsFault{"no AWS Region: set AWS_REGION, or region in your profile"}
	}
	cfg.Credentials = &renewing{cfg.Credentials, end}
	return cfg, nil
}

// renewing are credentials that end the run if they cannot be renewed. The SDK and the importer
// would take that for a lost connection, and try again.
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

func describeConfiguration(err error) error {
	var noProfile config.SharedConfigProfileNotExistError
	var noFile config.SharedConfigLoadError
	var noToken config.AssumeRoleTokenProviderNotSetError
	switch {
	case errors.As(err, &noProfile):
		return &awsFault{fmt.Sprintf("no AWS profile %q: correct AWS_PROFILE, or add the profile with aws configure",
			noProfile.Profile)}
	case errors.As(err, &noFile):
		return &awsFault{fmt.Sprintf("the AWS configuration file %s cannot be read", noFile.Filename)}
	case errors.As(err, &noToken):
		return &awsFault{"the AWS profile needs a second factor: run aws sts get-session-token or aws configure " +
			"export-credentials, and set what it prints"}
	}
	return fmt.Errorf("the AWS configuration: %w", err)
}

// loginSources have credentials that a person has to renew.
var loginSources = []aws.CredentialSource{
	aws.CredentialSourceProfileSSO, aws.CredentialSourceSSO, aws.CredentialSourceProfileSSOLegacy,
	aws.CredentialSourceSSOLegacy,
	aws.CredentialSourceProfileLogin, aws.CredentialSourceLogin,
}

// describeCredentials says why credentials are missing, by the error's type and by their source.
func describeCredentials(provider aws.CredentialsProvider, err error) error {
	var noToken config.AssumeRoleTokenProviderNotSetError
	var expired *ssocreds.InvalidTokenError
	var process *processcreds.ProviderError
	var answer smithy.APIError
	var network *url.Error
	var sources []aws.CredentialSource
	if s, ok := provider.(aws.CredentialProviderSource); ok {
		sources = s.ProviderSources()
	}
	isFrom := func(source aws.CredentialSource) bool { return slices.Contains(sources, source) }
	isMetadata := isFrom(aws.CredentialSourceIMDS)
	switch {
	case isMetadata:
		return &awsFault{"no AWS credentials: log in (aws sso login or aws login), set AWS_PROFILE, or set " +
			"AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"}
	case errors.As(err, &noToken):
		return describeConfiguration(err)
	case errors.As(err, &expired):
		return expiredLogin()
	case errors.As(err, &process):
		return &awsFault{"the credential_process of the AWS profile failed"}
	case errors.As(err, &answer) && slices.ContainsFunc(loginSources, isFrom):
		return expiredLogin()
	case errors.As(err, &answer):
		return &awsFault{"AWS refuses the credentials of the profile: " + operator.AWSFailure("sts", err).Error()}
	case errors.As(err, &network):
		return errors.New("no connection to where AWS credentials come from")
	case slices.ContainsFunc(loginSources, isFrom):
		return expiredLogin()
	}
	return &awsFault{"the AWS credentials cannot be used"}
}

func expiredLogin() error {
	return &awsFault{"the AWS login has expired: log in again (aws sso login, or aws login)"}
}

// describeAWS says why a request to AWS failed, without AWS's own text.
func describeAWS(service, region string, err error) error {
	var fault *awsFault
	var answer smithy.APIError
	var noHost *net.DNSError
	switch {
	case errors.As(err, &fault):
		return fault
	case errors.As(err, &answer) &&
		slices.Contains([]string{"ExpiredToken", "ExpiredTokenException", "RequestExpired"}, answer.ErrorCode()):
		return expiredLogin()
	case errors.As(err, &answer) && slices.Contains([]string{"UnrecognizedClientException", "InvalidClientTokenId",
		"InvalidSignatureException", "IncompleteSignature"}, answer.ErrorCode()):
		return &awsFault{"AWS does not know the credentials: " + answer.ErrorCode()}
	case errors.As(err, &answer) && service == "dynamodb" && answer.ErrorCode() == "ValidationException":
		return &awsFault{"its key is not what CUSTOMERS_KEY and CUSTOMERS_SORT_KEY say"}
	case errors.As(err, &answer):
		return &awsFault{operator.AWSFailure(service, err).Error()}
	case errors.As(err, &noHost) && noHost.IsNotFound:
		return &awsFault{fmt.Sprintf("no host %s: is the Region %q right?", noHost.Name, region)}
	}
	return operator.AWSFailure(service, err) // it names the service
}
