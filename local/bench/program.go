package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"billingportal/local/bench/internal/cloud"
	"billingportal/local/internal/runtimeapi"
)

// program is one of the programs that the benchmark compares.
type program struct {
	name, pkg, tags, path string
	env                   []string
	binary                int64 // bytes, built for Lambda
	// take invokes the program once; nil sends a request for a session.
	take call
}

// call sends an event to a process and checks the result.
type call func(ctx context.Context, b *testbed, process *runtimeapi.Process) error

func (p program) call(ctx context.Context, b *testbed, process *runtimeapi.Process) error {
	if p.take != nil {
		return p.take(ctx, b, process)
	}
	return b.call(ctx, process)
}

const (
	floorName  = "floor"
	portalName = "portal"
	plainName  = "plain"
)

// programs builds the programs that the benchmark compares.
func (b *testbed) programs(ctx context.Context, o options) ([]program, error) {
	programs := []program{
		{name: floorName, pkg: "billingportal/local/bench/floor", tags: runtimeapi.Tags},
		{name: portalName, pkg: "billingportal/functions/portal", tags: runtimeapi.Tags, env: o.settings},
		{name: plainName, pkg: "billingportal/local/bench/plain", tags: "lambda.norpc",
			env: []string{"SSL_CERT_DIR=" + b.certificates + ":" + b.certificates}},
	}
	for i := range programs {
		if err := b.compile(ctx, &programs[i]); err != nil {
			return nil, err
		}
	}
	return programs, nil
}

// compile builds a program for this machine, and for Lambda on arm64 to measure its size.
func (b *testbed) compile(ctx context.Context, p *program) (err error) {
	if p.path, err = runtimeapi.Compile(ctx, p.pkg, p.tags); err != nil {
		return err
	}
	path := filepath.Join(b.dir, "bootstrap-"+p.name)
	cmd := exec.CommandContext(ctx, "go", slices.Concat([]string{"build"}, runtimeapi.BuildFlags(p.tags),
		[]string{"-o", path, p.pkg})...) //nolint:gosec // our own packages
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH=arm64")
	if output, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build %s for Lambda: %w\n%s", p.name, err, output)
	}
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	p.binary = info.Size()
	return nil
}

// testbed is the environment of the measurements.
type testbed struct {
	cloud *cloud.Cloud
	env   []string
	event []byte
	dir   string
	// the directory of the certificates, with the bundle file as on Amazon Linux 2023
	certificates string
}

func newTestbed(distances cloud.Distances) (*testbed, error) {
	c, err := cloud.Start(distances)
	if err != nil {
		return nil, err
	}
	b := &testbed{cloud: c}
	if b.event, err = c.Event(); err != nil {
		return nil, err
	}
	if b.dir, err = os.MkdirTemp("", "bench-*"); err != nil {
		return nil, err
	}
	b.certificates = filepath.Join(b.dir, "certs")
	if err := os.Mkdir(b.certificates, 0o700); err != nil {
		return nil, err
	}
	bundle := filepath.Join(b.certificates, "ca-bundle.crt")
	if err := os.WriteFile(bundle, c.CA(), 0o600); err != nil {
		return nil, err
	}
	// In Lambda, the functions and the floor do not read the certificate directories of the system.
	// These certificates are not the system's, so the environment names them. The plain version
	// reads the file and, like Go on Amazon Linux 2023, the directory by both names.
	b.env = []string{"SSL_CERT_FILE=" + bundle, "SSL_CERT_DIR=" + os.DevNull}
	for name, value := range c.Environment() {
		b.env = append(b.env, name+"="+value)
	}
	return b, nil
}

func (b *testbed) close() {
	b.cloud.Close()
	_ = os.RemoveAll(b.dir)
}

// call invokes a process once and checks that it created a session.
func (b *testbed) call(ctx context.Context, process *runtimeapi.Process) error {
	response, functionError, err := process.Invoke(ctx, b.event, time.Now().Add(15*time.Second))
	if err != nil {
		return err
	}
	var answer events.APIGatewayV2HTTPResponse
	if functionError == nil {
		err = json.Unmarshal(response, &answer)
	}
	if err != nil || answer.StatusCode != http.StatusSeeOther ||
		!strings.HasPrefix(answer.Headers["Location"], "https://billing.stripe.com/") {
		return fmt.Errorf("not a session: %s%s\n%s%s", response, functionError, process.Stdout(), process.Stderr())
	}
	return nil
}
