// Package secretsmanager stands in for AWS Secrets Manager at the wire, in memory: secrets, their
// versions and staging labels.
//
// AWS publishes no local edition to compare it with; its API reference is the measure.
package secretsmanager

import (
	"net/http"
	"regexp"
	"strings"
	"sync"
	"time"

	"billingportal/local/internal/fakeaws"
)

// The staging labels that Secrets Manager moves by itself
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

// secret keeps every version it ever had.
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

// Put stores a value under the name, as a new secret or as the next version of
// the one that is there, and returns the version's id. The new version is
// AWSCURRENT from then on.
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

// ARN returns the Amazon Resource Name of a secret, "" where there is none.
func (s *Server) ARN(name string) string {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if stored, ok := s.secrets[name]; ok {
		return stored.arn
	}
	return ""
}

// add makes a secret without versions. Its ARN ends in six random characters,
// as theirs do. The caller holds the lock.
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

// secretID is what a name or an ARN may be made of.
var secretID = regexp.MustCompile(`^[a-zA-Z0-9/_+=.@!:-]+$`)

// maxSecretID is the length that a name or an ARN may have.
const maxSecretID = 2048

// find looks a secret up by its name, its ARN, or its ARN without the six
// characters at the end. The caller holds the lock.
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

// add attaches the labels to a new version. Where AWSCURRENT moves to it, the
// version that had it becomes AWSPREVIOUS.
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
