package fakeaws

import (
	"net/http"
	"strings"
)

const sigV4 = "AWS4-HMAC-SHA256"

// checkSignature checks the format of a Signature Version 4
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html), so
// that a client without credentials, or one that signs for another service, fails here as on AWS.
// verify checks the signature itself.
func (s *Service) checkSignature(h http.Header) error {
	authorization := h.Get("Authorization")
	algorithm, fields, _ := strings.Cut(authorization, " ")
	if !strings.HasPrefix(algorithm, "AWS4-") {
		return s.fault(http.StatusBadRequest, "MissingAuthenticationTokenException",
			"Request is missing Authentication Token")
	}
	if algorithm != sigV4 {
		return s.fault(http.StatusBadRequest, "IncompleteSignatureException", "Unsupported AWS 'algorithm'.")
	}

	given := fieldsOf(fields)
	var lacks strings.Builder
	for _, name := range []string{"Credential", "Signature", "SignedHeaders"} {
		if given[name] == "" {
			lacks.WriteString("Authorization header requires '" + name + "' parameter. ")
		}
	}
	if h.Get("X-Amz-Date") == "" && h.Get("Date") == "" {
		lacks.WriteString("Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. ")
	}
	if lacks.Len() > 0 {
		return s.fault(http.StatusBadRequest, "IncompleteSignatureException", strings.TrimSpace(lacks.String()))
	}

	scope := strings.Split(given["Credential"], "/")
	if len(scope) != 5 || scope[0] == "" {
		return s.fault(http.StatusBadRequest, "UnrecognizedClientException",
			"The security token included in the request is invalid.")
	}
	if scope[3] != s.SigningName || scope[4] != "aws4_request" {
		return s.fault(http.StatusBadRequest, "InvalidSignatureException",
			"Credential should be scoped to correct service: '"+s.SigningName+"'.")
	}
	return nil
}
