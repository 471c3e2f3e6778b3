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

// maxBody limits a request body in bytes: DynamoDB items have at most 400 KB, secrets 64 KB.
const maxBody = 1 << 20

// Service implements the JSON protocols of AWS
// (https://smithy.io/2.0/aws/protocols/aws-json-1_0-protocol.html): X-Amz-Target names the
// operation, and parameters and results are JSON documents.
type Service struct {
	TargetPrefix string // the part before the dot in X-Amz-Target
	SigningName  string // the service in a SigV4 credential scope
	ContentType  string
	FaultPrefix  string // prefix of __type for errors that any AWS service can return
	Unknown      *Error
	Checksum     bool // send X-Amz-Crc32 with every response; the SDK verifies it
	Operations   map[string]Operation

	// the only accepted credentials; if empty, signatures are not verified
	credentials aws.Credentials
}

// Require makes the service reject requests that are not signed with these credentials.
func (s *Service) Require(credentials aws.Credentials) { s.credentials = credentials }

// Operation executes a request. It takes the request document and returns the response document or
// an *Error.
type Operation func(body []byte) (any, error)

// Error is an error of AWS.
type Error struct {
	Status  int
	Code    string // __type, with the prefix of the service
	Message string
	Item    any // the item in the error, or nil
}

func (e *Error) Error() string { return e.Code + ": " + e.Message }

// fault returns an error that does not depend on the operation, for example an invalid signature or
// document.
func (s *Service) fault(status int, code, message string) *Error {
	return &Error{Status: status, Code: s.FaultPrefix + code, Message: message}
}

// ServeHTTP accepts requests at any path. If the service is mounted below a prefix, mount it both
// with and without a trailing slash: the SDK posts to the exact path of its endpoint and does not
// accept a redirect.
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

// fromBrowser reports whether a web page may have sent the request. Browsers set Origin on every
// POST and Sec-Fetch-Site on every request, and scripts cannot remove them. SDKs send neither.
func fromBrowser(r *http.Request) bool {
	return len(r.Header.Values("Origin")) > 0 || len(r.Header.Values("Sec-Fetch-Site")) > 0
}

func (s *Service) writeError(w http.ResponseWriter, err error) {
	failure := new(Error)
	if !errors.As(err, &failure) {
		failure = s.fault(http.StatusInternalServerError, "InternalFailure", "")
	}
	// Both services name it "Message" in their models, with a capital M. For errors that are not in
	// a model, the SDK ignores case.
	s.write(w, failure.Status, struct {
		Type    string `json:"__type"`
		Message string `json:"Message,omitempty"`
		Item    any    `json:",omitempty"`
	}{failure.Code, failure.Message, failure.Item})
}

func (s *Service) write(w http.ResponseWriter, status int, document any) {
	body, err := json.Marshal(document)
	if err != nil { // documents consist of strings, numbers and maps of them
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
	_, _ = w.Write(body) // an error means that the client hung up
}

// Decode parses a request document into params. It returns an error for members that are not in
// allowed, because they are not implemented here.
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

// NewUUID returns a random UUID (RFC 9562, section 5.4). Request IDs and the IDs of secret versions
// are UUIDs.
func NewUUID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails since Go 1.24
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// EpochSeconds returns a time in the timestamp format of the AWS JSON protocols.
func EpochSeconds(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }

// Region and account of all ARNs in this package.
const (
	Region  = "us-east-1"
	Account = "000000000000"
)
