package secretsmanager

import (
	"bytes"
	"regexp"
	"time"
)

// maxSecret is the limit on the value of a secret, in bytes.
const maxSecret = 65536

// secretName matches valid names of new secrets.
var secretName = regexp.MustCompile(`^[a-zA-Z0-9/_+=.@!-]{1,512}$`)

type secretVersion struct {
	ARN           string
	Name          string
	VersionID     string   `json:"VersionId,omitempty"`
	VersionStages []string `json:",omitempty"`
}

// createSecret implements
// https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_CreateSecret.html. A secret
// without a value has no version to read.
func (s *Server) createSecret(body []byte) (any, error) {
	var in struct {
		Name               string
		ClientRequestToken string
		SecretString       *string
		SecretBinary       []byte
	}
	if err := s.Decode(body, &in, "Name", "ClientRequestToken", "SecretString", "SecretBinary"); err != nil {
		return nil, err
	}
	if !secretName.MatchString(in.Name) {
		return nil, errSecretName()
	}
	hasValue := in.SecretString != nil || in.SecretBinary != nil
	if err := checkValue(in.ClientRequestToken, in.SecretString, in.SecretBinary); hasValue && err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.secrets[in.Name]; ok {
		return nil, newError("ResourceExistsException",
			"The operation failed because the secret "+in.Name+" already exists.")
	}
	stored := s.add(in.Name)
	if !hasValue {
		return secretVersion{ARN: stored.arn, Name: stored.name}, nil
	}
	stored.add(in.ClientRequestToken, version{in.SecretString, in.SecretBinary, time.Now()}, stageCurrent)
	return secretVersion{ARN: stored.arn, Name: stored.name, VersionID: in.ClientRequestToken}, nil
}

// putSecretValue implements
// https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_PutSecretValue.html. The
// ClientRequestToken becomes the ID of the version, so repeating a call is safe.
func (s *Server) putSecretValue(body []byte) (any, error) {
	var in struct {
		SecretID           string `json:"SecretId"`
		ClientRequestToken string
		SecretString       *string
		SecretBinary       []byte
		VersionStages      []string
	}
	if err := s.Decode(body, &in, "SecretId", "ClientRequestToken", "SecretString", "SecretBinary",
		"VersionStages"); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	stored, err := s.find(in.SecretID)
	if err != nil {
		return nil, err
	}
	if err := checkValue(in.ClientRequestToken, in.SecretString, in.SecretBinary); err != nil {
		return nil, err
	}
	next := version{in.SecretString, in.SecretBinary, time.Now()}
	if old, ok := stored.versions[in.ClientRequestToken]; ok && !old.equal(next) {
		return nil, newError("ResourceExistsException", "You can't use ClientRequestToken "+in.ClientRequestToken+
			" because that value is already in use for a version of secret "+stored.arn+".")
	} else if !ok {
		labels := in.VersionStages
		if len(labels) == 0 {
			labels = []string{stageCurrent}
		}
		stored.add(in.ClientRequestToken, next, labels...)
	}
	return secretVersion{stored.arn, stored.name, in.ClientRequestToken, stored.labels(in.ClientRequestToken)}, nil
}

// checkValue checks the token and value of a new version. SDKs fill in the token; a raw request
// must contain one.
func checkValue(token string, text *string, binary []byte) error {
	switch {
	case len(token) < 32 || len(token) > 64:
		return newError("InvalidParameterException", "ClientRequestToken must be between 32 and 64 characters long.")
	case text != nil && binary != nil:
		return newError("InvalidParameterException",
			"You can't specify both a binary secret value and a string secret value in the same secret.")
	case text == nil && binary == nil, text != nil && *text == "":
		return newError("InvalidRequestException", "You must provide either SecretString or SecretBinary.")
	case text != nil && len(*text) > maxSecret, len(binary) > maxSecret:
		return newError("ValidationException", "A secret's value must have a length less than or equal to 65536.")
	}
	return nil
}

func (v version) equal(other version) bool {
	if v.text == nil || other.text == nil {
		return v.text == other.text && bytes.Equal(v.binary, other.binary)
	}
	return *v.text == *other.text
}
