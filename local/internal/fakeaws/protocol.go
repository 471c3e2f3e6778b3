package fakeaws

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// maxBody bounds a request: DynamoDB items end at 400 KB, secrets at 64 KB.
const maxBody = 1 << 20

// Service speaks one of AWS's JSON protocols
// (https://smithy.io/2.0/aws/protocols/aws-json-1_0-protocol.html): the
// operation is in X-Amz-Target, parameters and results are JSON documents.
type Service struct {
	TargetPrefix string // what stands before the dot in X-Amz-Target
	SigningName  string // the service in a SigV4 credential scope
	ContentType  string
	FaultPrefix  string // of the __type of errors that any service of AWS may answer
	Unknown      *Error
	Checksum     bool // X-Amz-Crc32 on every answer; the SDK verifies it
	Operations   map[string]Operation

	credentials aws.Credentials // the only ones accepted; empty accepts every signature
}

// Require refuses every request that is not signed with these credentials.
func (s *Service) Require(credentials aws.Credentials) { s.credentials = credentials }

// Operation takes the request's document and returns the result's, or an
// *Error.
type Operation func(body []byte) (any, error)

// Error is an error as AWS sends it.
type Error struct {
	Status  int
	Code    string // __type, with the prefix that the service uses
	Message string
	Item    any // of an error that returns one; nil for none
}

func (e *Error) Error() string { return e.Code + ": " + e.Message }

// fault makes an error that belongs to no operation: a signature, an
// undecodable document.
func (s *Service) fault(status int, code, message string) *Error {
	return &Error{Status: status, Code: s.FaultPrefix + code, Message: message}
}

// ServeHTTP answers at any path. Below a prefix it has to be mounted both with
// and without a slash at the end: the SDK posts to the path of its endpoint as
// it is, and a redirect from the one to the other is no answer that it takes.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	result, err := s.answer(w, r)
	if err != nil {
		s.writeError(w, err)
		return
	}
	s.write(w, http.StatusOK, result)
}

func (s *Service) answer(w http.ResponseWriter, r *http.Request) (any, error) {
	if fromBrowser(r) {
		return nil, s.fault(http.StatusForbidden, "AccessDeniedException", "Web pages may not call this endpoint.")
	}
	if r.Method != http.MethodPost {
		return nil, s.Unknown
	}
	if err := s.checkSignature(r.Header); err != nil {
		return nil, err
	}
	op, ok := s.lookup(r.Header)
	if !ok {
		return nil, s.Unknown
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		if tooLarge := new(http.MaxBytesError); errors.As(err, &tooLarge) {
			return nil, s.fault(http.StatusRequestEntityTooLarge, "RequestEntityTooLargeException", "")
		}
		return nil, s.fault(http.StatusBadRequest, "SerializationException", "")
	}
	if s.credentials.HasKeys() {
		if err := s.verify(r, body); err != nil {
			return nil, err
		}
	}
	return op(body)
}

func (s *Service) lookup(h http.Header) (Operation, bool) {
	prefix, name, _ := strings.Cut(h.Get("X-Amz-Target"), ".")
	if prefix != s.TargetPrefix {
		return nil, false
	}
	op, ok := s.Operations[name]
	return op, ok
}

// fromBrowser tells whether a web page may have caused the request. Browsers
// put Origin on every POST and Sec-Fetch-Site on every request, and scripts
// can remove neither; no SDK sends one.
func fromBrowser(r *http.Request) bool {
	return len(r.Header.Values("Origin")) > 0 || len(r.Header.Values("Sec-Fetch-Site")) > 0
}

func (s *Service) writeError(w http.ResponseWriter, err error) {
	failure := new(Error)
	if !errors.As(err, &failure) {
		failure = s.fault(http.StatusInternalServerError, "InternalFailure", "")
	}
	// "Message" with a capital is what both services' models name it; the
	// SDK matches errors that are in no model without regard to case.
	s.write(w, failure.Status, struct {
		Type    string `json:"__type"`
		Message string `json:"Message,omitempty"`
		Item    any    `json:",omitempty"`
	}{failure.Code, failure.Message, failure.Item})
}

func (s *Service) write(w http.ResponseWriter, status int, document any) {
	body, err := json.Marshal(document)
	if err != nil { // documents are made of strings, numbers and maps of them
		http.Error(w, "unencodable answer", http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", s.ContentType)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	h.Set("X-Amzn-RequestId", NewUUID())
	h.Set("Cache-Control", "no-store")
	if s.Checksum {
		h.Set("X-Amz-Crc32", strconv.FormatUint(uint64(crc32.ChecksumIEEE(body)), 10))
	}
	w.WriteHeader(status)
	_, _ = w.Write(body) // the caller may have hung up, which is theirs to notice
}

// Decode fills params from a request's document. A member outside of allowed
// is one that is not emulated here.
func (s *Service) Decode(body []byte, params any, allowed ...string) error {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(body, &members); err != nil || members == nil {
		return s.fault(http.StatusBadRequest, "SerializationException", "")
	}
	for name := range members {
		if !slices.Contains(allowed, name) {
			return s.fault(http.StatusBadRequest, "ValidationException",
				fmt.Sprintf("The parameter %q is not emulated on this endpoint.", name))
		}
	}
	if err := json.Unmarshal(body, params); err != nil {
		return s.fault(http.StatusBadRequest, "SerializationException", "")
	}
	return nil
}

// NewUUID returns a random UUID (RFC 9562, 5.4): the form of request ids and
// of secret versions.
func NewUUID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails since Go 1.24
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// EpochSeconds is the timestamp format of AWS's JSON protocols.
func EpochSeconds(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }

// The region and the account of every ARN made here.
const (
	Region  = "us-east-1"
	Account = "000000000000"
)
