package secretsmanager_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/smithy-go"

	"billingportal/local/internal/fakeaws/fakeawstest"
	fakesecretsmanager "billingportal/local/internal/fakeaws/secretsmanager"
)

const (
	firstVersion  = "11111111-1111-4111-8111-111111111111"
	secondVersion = "22222222-2222-4222-8222-222222222222"
	thirdVersion  = "33333333-3333-4333-8333-333333333333"
)

// secret is the result of reading a secret.
type secret struct {
	name, value, version string
	stages               []string
}

// TestSecretsManagerContract checks the fake against the AWS API reference of each operation.
func TestSecretsManagerContract(t *testing.T) {
	secrets := fakesecretsmanager.NewServer()
	seen := new(fakeawstest.LastAnswer)
	client := secretsClient(fakeawstest.Serve(t, secrets), seen)
	for _, call := range []func(*secretsmanager.Client) (any, error){
		createSecret("app/stripe", firstVersion, "one"),
		putSecret("app/stripe", secondVersion, "two"),
		createSecret("app/valueless", "", ""),
		createSecret("app/other", firstVersion, "other"),
	} {
		if _, err := call(client); err != nil {
			t.Fatal(err)
		}
	}
	arn := secrets.ARN("app/stripe")

	for _, c := range []struct {
		name  string
		call  func(*secretsmanager.Client) (any, error)
		want  any
		fails string
	}{
		{name: "a secret is read by its name", call: read("app/stripe", "", ""),
			want: secret{"app/stripe", "two", secondVersion, []string{"AWSCURRENT"}}},
		{name: "a secret is read by its ARN", call: read(arn, "", ""),
			want: secret{"app/stripe", "two", secondVersion, []string{"AWSCURRENT"}}},
		{name: "a secret is read by its ARN without the random suffix",
			call: read(arn[:len(arn)-len("-abcdef")], "", ""),
			want: secret{"app/stripe", "two", secondVersion, []string{"AWSCURRENT"}}},
		{name: "the current version is read by its stage", call: read("app/stripe", "", "AWSCURRENT"),
			want: secret{"app/stripe", "two", secondVersion, []string{"AWSCURRENT"}}},
		{name: "the previous version is read by its stage", call: read("app/stripe", "", "AWSPREVIOUS"),
			want: secret{"app/stripe", "one", firstVersion, []string{"AWSPREVIOUS"}}},
		{name: "a version is read by its ID", call: read("app/stripe", firstVersion, ""),
			want: secret{"app/stripe", "one", firstVersion, []string{"AWSPREVIOUS"}}},
		{name: "ID and stage can name the same version", call: read("app/stripe", secondVersion, "AWSCURRENT"),
			want: secret{"app/stripe", "two", secondVersion, []string{"AWSCURRENT"}}},
		{name: "versions of two secrets can have the same ID", call: read("app/other", "", ""),
			want: secret{"app/other", "other", firstVersion, []string{"AWSCURRENT"}}},

		{name: "a missing secret is not found", call: read("app/none", "", ""),
			fails: "ResourceNotFoundException"},
		{name: "an unknown ARN is not found", call: read(arn+"x", "", ""), fails: "ResourceNotFoundException"},
		{name: "names are case-sensitive", call: read("app/Stripe", "", ""), fails: "ResourceNotFoundException"},
		{name: "a secret without a value has no version", call: read("app/valueless", "", ""),
			fails: "ResourceNotFoundException"},
		{name: "an unknown stage is not found", call: read("app/stripe", "", "AWSPENDING"),
			fails: "ResourceNotFoundException"},
		{name: "an unknown version ID is not found", call: read("app/stripe", thirdVersion, ""),
			fails: "ResourceNotFoundException"},
		{name: "ID and stage of different versions are refused", call: read("app/stripe", firstVersion, "AWSCURRENT"),
			fails: "InvalidRequestException"},
		{name: "an empty name is refused", call: read("", "", ""), fails: "ValidationException"},
		{name: "a name with other characters is refused", call: read("app stripe", "", ""),
			fails: "ValidationException"},
		{name: "a name over 2048 characters is refused", call: read(strings.Repeat("n", 2049), "", ""),
			fails: "ValidationException"},

		{name: "creating a secret twice is refused", call: createSecret("app/stripe", thirdVersion, "x"),
			fails: "ResourceExistsException"},
		{name: "creating a secret with an invalid name is refused", call: createSecret("a b", thirdVersion, "x"),
			fails: "ValidationException"},
		{name: "a value for a missing secret is refused", call: putSecret("app/none", thirdVersion, "x"),
			fails: "ResourceNotFoundException"},
		{name: "putting a version again with the same value succeeds",
			call: putSecret("app/stripe", secondVersion, "two"),
			want: secret{"app/stripe", "", secondVersion, []string{"AWSCURRENT"}}},
		{name: "putting a version again with another value is refused",
			call:  putSecret("app/stripe", secondVersion, "x"),
			fails: "ResourceExistsException"},
		{name: "a short version ID is refused", call: putSecret("app/stripe", "short", "x"),
			fails: "InvalidParameterException"},
		{name: "a version without a value is refused", fails: "InvalidRequestException",
			call: putValue(&secretsmanager.PutSecretValueInput{SecretId: aws.String("app/stripe")})},
		{name: "a version with two values is refused", fails: "InvalidParameterException",
			call: putValue(&secretsmanager.PutSecretValueInput{SecretId: aws.String("app/stripe"),
				SecretString: aws.String("x"), SecretBinary: []byte("x")})},
		{name: "a value over 64 KiB is refused",
			call: putSecret("app/stripe", thirdVersion, strings.Repeat("x", 65537)), fails: "ValidationException"},
		{name: "a pending version does not change the current one",
			call: putPending("app/stripe", thirdVersion, "three"),
			want: secret{"app/stripe", "two", secondVersion, []string{"AWSCURRENT"}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := c.call(client)
			if c.fails == "" {
				if err != nil || !reflect.DeepEqual(got, c.want) {
					t.Errorf("got %#v, error %v, want %#v", got, err, c.want)
				}
				return
			}
			var failure smithy.APIError
			if !errors.As(err, &failure) || failure.ErrorCode() != c.fails {
				t.Errorf("got error %v, want %s", err, c.fails)
			}
			if seen.Status != 400 || seen.Document["__type"] != c.fails {
				t.Errorf("got %d %v, want 400 %s", seen.Status, seen.Document["__type"], c.fails)
			}
			if seen.Header.Get("X-Amzn-RequestId") == "" {
				t.Error("X-Amzn-RequestId is missing")
			}
			if got := seen.Header.Get("Content-Type"); got != "application/x-amz-json-1.1" {
				t.Errorf("Content-Type is %q", got)
			}
		})
	}
}

func TestSecretRotation(t *testing.T) {
	secrets := fakesecretsmanager.NewServer()
	client := secretsClient(fakeawstest.Serve(t, secrets), new(fakeawstest.LastAnswer))
	old := secrets.Put("stripe", "one")
	next := secrets.Put("stripe", "two")
	if old == next {
		t.Fatal("both versions have the same ID")
	}
	for stage, want := range map[string]secret{
		"AWSCURRENT":  {"stripe", "two", next, []string{"AWSCURRENT"}},
		"AWSPREVIOUS": {"stripe", "one", old, []string{"AWSPREVIOUS"}},
	} {
		if got, err := read("stripe", "", stage)(client); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s is %#v, error %v, want %#v", stage, got, err, want)
		}
	}
}

func TestBinarySecret(t *testing.T) {
	secrets := fakesecretsmanager.NewServer()
	client := secretsClient(fakeawstest.Serve(t, secrets), new(fakeawstest.LastAnswer))
	_, err := client.CreateSecret(context.Background(),
		&secretsmanager.CreateSecretInput{Name: aws.String("bytes"), SecretBinary: []byte{0, 255}})
	if err != nil {
		t.Fatal(err)
	}
	out, err := client.GetSecretValue(context.Background(),
		&secretsmanager.GetSecretValueInput{SecretId: aws.String("bytes")})
	if err != nil {
		t.Fatal(err)
	}
	if string(out.SecretBinary) != "\x00\xff" || out.SecretString != nil {
		t.Errorf("got bytes %x and text %v", out.SecretBinary, out.SecretString)
	}
}

// With -race this fails if a read and a write access the same data without a lock.
func TestConcurrentReadsAndRotations(t *testing.T) {
	secrets := fakesecretsmanager.NewServer()
	secrets.Put("stripe", "first")
	endpoint := fakeawstest.Serve(t, secrets)
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			client := secretsClient(endpoint, new(fakeawstest.LastAnswer))
			for range 20 {
				secrets.Put("stripe", "next")
				if _, err := read("stripe", "", "")(client); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
}

func TestMissingSecretHasNoARN(t *testing.T) {
	if got := fakesecretsmanager.NewServer().ARN("none"); got != "" {
		t.Errorf("the missing secret has the ARN %q", got)
	}
}

func read(id, version, stage string) func(*secretsmanager.Client) (any, error) {
	return func(client *secretsmanager.Client) (any, error) {
		in := &secretsmanager.GetSecretValueInput{SecretId: &id}
		if version != "" {
			in.VersionId = &version
		}
		if stage != "" {
			in.VersionStage = &stage
		}
		out, err := client.GetSecretValue(context.Background(), in)
		if err != nil {
			return nil, err
		}
		if age := time.Since(aws.ToTime(out.CreatedDate)); age < -time.Second || age > time.Minute || out.ARN == nil {
			return nil, fmt.Errorf("the response has no ARN, or its secret was created %s ago", age)
		}
		return secret{*out.Name, aws.ToString(out.SecretString), *out.VersionId, out.VersionStages}, nil
	}
}

// createSecret creates a secret. Without a version it has no value.
func createSecret(name, version, value string) func(*secretsmanager.Client) (any, error) {
	return func(client *secretsmanager.Client) (any, error) {
		in := &secretsmanager.CreateSecretInput{Name: &name}
		if version != "" {
			in.ClientRequestToken, in.SecretString = &version, &value
		}
		out, err := client.CreateSecret(context.Background(), in)
		if err == nil && version != "" && aws.ToString(out.VersionId) != version {
			return nil, errors.New("the ID of the version is not its ClientRequestToken")
		}
		return nil, err
	}
}

func putSecret(id, version, value string) func(*secretsmanager.Client) (any, error) {
	return putValue(&secretsmanager.PutSecretValueInput{SecretId: &id,
		ClientRequestToken: &version, SecretString: &value})
}

func putValue(in *secretsmanager.PutSecretValueInput) func(*secretsmanager.Client) (any, error) {
	return func(client *secretsmanager.Client) (any, error) {
		out, err := client.PutSecretValue(context.Background(), in)
		if err != nil {
			return nil, err
		}
		return secret{*out.Name, "", *out.VersionId, out.VersionStages}, nil
	}
}

// putPending puts a version the way a rotation starts, then reads the current version.
func putPending(id, version, value string) func(*secretsmanager.Client) (any, error) {
	return func(client *secretsmanager.Client) (any, error) {
		_, err := putValue(&secretsmanager.PutSecretValueInput{
			SecretId: &id, ClientRequestToken: &version, SecretString: &value, VersionStages: []string{"AWSPENDING"},
		})(client)
		if err != nil {
			return nil, err
		}
		return read(id, "", "")(client)
	}
}

func secretsClient(endpoint string, transport secretsmanager.HTTPClient) *secretsmanager.Client {
	return secretsmanager.New(secretsmanager.Options{
		BaseEndpoint: &endpoint, Region: "us-east-1", Credentials: fakeawstest.Credentials,
		HTTPClient: transport, RetryMaxAttempts: 1,
	})
}
