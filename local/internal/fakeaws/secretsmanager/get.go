package secretsmanager

import (
	"slices"

	"billingportal/local/internal/fakeaws"
)

type secretValue struct {
	ARN           string
	CreatedDate   float64 // seconds since 1970
	Name          string
	SecretBinary  []byte  `json:",omitempty"`
	SecretString  *string `json:",omitempty"`
	VersionID     string  `json:"VersionId"`
	VersionStages []string
}

// getSecretValue implements
// https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html.
func (s *Server) getSecretValue(body []byte) (any, error) {
	var in struct {
		SecretID     string `json:"SecretId"`
		VersionID    string `json:"VersionId"`
		VersionStage string
	}
	if err := s.Decode(body, &in, "SecretId", "VersionId", "VersionStage"); err != nil {
		return nil, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	stored, err := s.find(in.SecretID)
	if err != nil {
		return nil, err
	}
	id, err := stored.choose(in.VersionID, in.VersionStage)
	if err != nil {
		return nil, err
	}
	v := stored.versions[id]
	return secretValue{
		ARN:           stored.arn,
		CreatedDate:   fakeaws.EpochSeconds(v.created),
		Name:          stored.name,
		SecretBinary:  v.binary,
		SecretString:  v.text,
		VersionID:     id,
		VersionStages: stored.labels(id),
	}, nil
}

// choose finds the version with this ID and staging label. Without both it finds AWSCURRENT. Given
// both, they must name the same version.
func (s *secret) choose(id, stage string) (string, error) {
	if id != "" {
		if _, ok := s.versions[id]; !ok {
			return "", errNoVersion("VersionId: " + id)
		}
		if stage != "" && s.stages[stage] != id {
			return "", newError("InvalidRequestException",
				"You provided a VersionStage that is not associated to the provided VersionId.")
		}
		return id, nil
	}
	if stage == "" {
		stage = stageCurrent
	}
	found, ok := s.stages[stage]
	if !ok {
		return "", errNoVersion("staging label: " + stage)
	}
	return found, nil
}

func (s *secret) labels(id string) []string {
	var labels []string
	for label, labelled := range s.stages {
		if labelled == id {
			labels = append(labels, label)
		}
	}
	slices.Sort(labels)
	return labels
}

func errNoVersion(which string) error {
	return newError("ResourceNotFoundException", "Secrets Manager can't find the specified secret value for "+which)
}
