// Package secretsmanager is an in-memory fake of AWS Secrets Manager that speaks its protocol:
// secrets, their versions and staging labels.
//
// AWS publishes no local edition to compare it with, so it follows the API reference.
package secretsmanager

import (
	"net/http"
	"regexp"
	"strings"
	"sync"
	"time"

	"billingportal/local/internal/fakeaws"
)

// Staging labels that Secrets Manager moves automatically
// (https://docs.aws.amazon.com/secretsmanager/latest/userguide/whats-in-a-secret.html).
const (
	stageCurrent  = "AWSCURRENT"
	stagePrevious = "AWSPREVIOUS"
)

// Server is an in-memory Secrets Manager with GetSecretValue,
// PutSecretValue and CreateSecret. It is safe for concurrent use.
type Server struct {
	fakeaws.Service

	mu      sync.RWMutex
	secrets map[string]*secret // by name
}

// secret keeps all versions.
type secret struct {
	arn      string
	name     string
	versions map[string]version // by id
	stages   map[string]string  // staging label -> version id
}

type version struct {
	text    *string
	binary  []byte
	created time.Time
}

// NewServer returns a Secrets Manager without secrets.
func NewServer() *Server {
	s := &Server{secrets: map[string]*secret{}}
	s.Service = fakeaws.Service{
		TargetPrefix: "secretsmanager",
		SigningName:  "secretsmanager",
		ContentType:  "application/x-amz-json-1.1",
		Unknown:      newError("UnknownOperationException", ""),
		Operations: map[string]fakeaws.Operation{
			"CreateSecret":   s.createSecret,
			"GetSecretValue": s.getSecretValue,
			"PutSecretValue": s.putSecretValue,
		},
	}
	return s
}

// Put stores a value as a new secret, or as the next version of an existing one, and returns the ID
// of the version. The new version becomes AWSCURRENT.
func (s *Server) Put(name, value string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	stored, ok := s.secrets[name]
	if !ok {
		stored = s.add(name)
	}
	id := fakeaws.NewUUID()
	stored.add(id, version{text: &value, created: time.Now()}, stageCurrent)
	return id
}

// ARN returns the Amazon Resource Name of a secret, or "" if the secret does not exist.
func (s *Server) ARN(name string) string {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if stored, ok := s.secrets[name]; ok {
		return stored.arn
	}
	return ""
}

// add creates a secret without versions. As on AWS, its ARN ends in six random characters. The
// caller must hold the lock.
func (s *Server) add(name string) *secret {
	stored := &secret{
		arn: "arn:aws:secretsmanager:" + fakeaws.Region + ":" + fakeaws.Account + ":secret:" + name +
			"-" + fakeaws.NewUUID()[:6],
		name:     name,
		versions: map[string]version{},
		stages:   map[string]string{},
	}
	s.secrets[name] = stored
	return stored
}

// secretID matches valid names and ARNs.
var secretID = regexp.MustCompile(`^[a-zA-Z0-9/_+=.@!:-]+$`)

// maxSecretID is the maximum length of a name or an ARN.
const maxSecretID = 2048

// find returns a secret by its name, its ARN, or its ARN without the six random characters. The
// caller must hold the lock.
func (s *Server) find(id string) (*secret, error) {
	if len(id) > maxSecretID || !secretID.MatchString(id) {
		return nil, errSecretName()
	}
	if stored, ok := s.secrets[id]; ok {
		return stored, nil
	}
	for _, stored := range s.secrets {
		if id == stored.arn || id == stored.arn[:strings.LastIndex(stored.arn, "-")] {
			return stored, nil
		}
	}
	return nil, newError("ResourceNotFoundException", "Secrets Manager can't find the specified secret.")
}

// add attaches labels to a new version. If AWSCURRENT moves to it, the previous AWSCURRENT becomes
// AWSPREVIOUS.
func (s *secret) add(id string, v version, labels ...string) {
	s.versions[id] = v
	for _, label := range labels {
		if old, ok := s.stages[label]; ok && label == stageCurrent {
			s.stages[stagePrevious] = old
		}
		s.stages[label] = id
	}
}

func errSecretName() error {
	return newError("ValidationException",
		"Invalid name. Must be a valid name containing alphanumeric characters, or any of the following: -/_+=.@!")
}

func newError(code, message string) *fakeaws.Error {
	return &fakeaws.Error{Status: http.StatusBadRequest, Code: code, Message: message}
}
