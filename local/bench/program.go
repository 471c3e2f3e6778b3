package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"billingportal/local/bench/internal/cloud"
	"billingportal/local/internal/runtimeapi"
)

// program is one of those that are compared.
type program struct {
	name, pkg, tags, path string
	env                   []string
	// take is what the program is called with, once; nil is a request for a session.
	take call
}

// call has a process take an event, and checks what came of it.
type call func(ctx context.Context, l *laboratory, process *runtimeapi.Process) error

func (p program) call(ctx context.Context, l *laboratory, process *runtimeapi.Process) error {
	if p.take != nil {
		return p.take(ctx, l, process)
	}
	return l.call(ctx, process)
}

const (
	floorName  = "floor"
	portalName = "portal"
	plainName  = "plain"
)

func build(ctx context.Context, o options) ([]program, error) {
	programs := []program{
		{name: floorName, pkg: "billingportal/local/bench/floor", tags: runtimeapi.Tags},
		{name: portalName, pkg: "billingportal/functions/portal", tags: runtimeapi.TagsOf("billingportal/functions/portal"), env: o.settings},
		{name: plainName, pkg: "billingportal/local/bench/plain", tags: "lambda.norpc"},
	}
	for i, p := range programs {
		var err error
		if programs[i].path, err = runtimeapi.Compile(ctx, p.pkg, p.tags); err != nil {
			return nil, err
		}
	}
	return programs, nil
}

// laboratory is what programs are measured in.
type laboratory struct {
	cloud *cloud.Cloud
	env   []string
	event []byte
	dir   string
}

func newLaboratory(distances cloud.Distances) (*laboratory, error) {
	c, err := cloud.Start(distances)
	if err != nil {
		return nil, err
	}
	l := &laboratory{cloud: c}
	if l.event, err = c.Event(); err != nil {
		return nil, err
	}
	if l.dir, err = os.MkdirTemp("", "bench-*"); err != nil {
		return nil, err
	}
	ca := filepath.Join(l.dir, "ca.pem")
	if err := os.WriteFile(ca, c.CA(), 0o600); err != nil {
		return nil, err
	}
	l.env = []string{"SSL_CERT_FILE=" + ca}
	for name, value := range c.Environment() {
		l.env = append(l.env, name+"="+value)
	}
	return l, nil
}

func (l *laboratory) close() {
	l.cloud.Close()
	_ = os.RemoveAll(l.dir)
}

// call invokes a process once and checks that a session came of it.
func (l *laboratory) call(ctx context.Context, process *runtimeapi.Process) error {
	response, functionError, err := process.Invoke(ctx, l.event, time.Now().Add(15*time.Second))
	if err != nil {
		return err
	}
	var answer events.APIGatewayV2HTTPResponse
	if functionError == nil {
		err = json.Unmarshal(response, &answer)
	}
	if err != nil || answer.StatusCode != http.StatusSeeOther || !strings.HasPrefix(answer.Headers["Location"], "https://billing.stripe.com/") {
		return fmt.Errorf("not a session: %s%s\n%s%s", response, functionError, process.Stdout(), process.Stderr())
	}
	return nil
}
