package devserver

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"billingportal/local/internal/runtimeapi"
)

// deployed is a function of template.yaml.
type deployed struct {
	Name, pkg   string
	environment func(l *Server, host string) map[string]string
}

func deployedFunctions() []deployed {
	return []deployed{
		{"PortalFunction", "billingportal/functions/portal", (*Server).Environment},
		{"WebhookFunction", "billingportal/functions/webhook", (*Server).WebhookEnvironment},
	}
}

// Settings of the functions in template.yaml.
const (
	FunctionTimeout = 15 * time.Second
	FunctionMemory  = 512 // MB
)

// Invocation is one run of a function.
type Invocation struct {
	Compile        func(ctx context.Context, pkg, tags string) (path string, err error)
	Stdout, Stderr io.Writer
}

// Run runs a function with an event. With the name "" the event decides which one.
func (i *Invocation) Run(ctx context.Context, name string, event, variables []byte) error {
	if name == "" {
		name = functionOf(event)
	}
	functions := deployedFunctions()
	at := slices.IndexFunc(functions, func(f deployed) bool { return f.Name == name })
	if at < 0 {
		return fmt.Errorf("there is no function %q in template.yaml", name)
	}
	bootstrap, err := i.Compile(ctx, functions[at].pkg, runtimeapi.Tags)
	if err != nil {
		return err
	}
	// The events and their variables contain the server's default address. It does not serve there
	// now.
	l, err := New(DefaultURL, DemoKey, DemoCustomers)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	served := make(chan error, 1)
	go func() { served <- ServeAll(ctx, map[net.Listener]http.Handler{listener: l.Cloud()}) }()
	env, err := environmentOf(functions[at], l, variables, "http://"+listener.Addr().String())
	if err == nil {
		err = i.report(ctx, bootstrap, env, event)
	}
	stop()
	return errors.Join(err, <-served)
}

// functionOf returns the function for an event: WebhookFunction for events from Stripe, by HTTP or
// by the event bus, and PortalFunction for all others.
func functionOf(event []byte) string {
	var head struct {
		Source  string
		RawPath string
	}
	_ = json.Unmarshal(event, &head) // PortalFunction refuses an invalid event
	if strings.HasSuffix(head.RawPath, WebhookPath) || strings.HasPrefix(head.Source, "aws.partner/stripe.com") {
		return "WebhookFunction"
	}
	return "PortalFunction"
}

// environmentOf returns the variables that template.yaml and Lambda set, with those of a file over
// them. host is the origin of the stand-ins. It replaces the origin for containers.
func environmentOf(f deployed, l *Server, file []byte, host string) ([]string, error) {
	var variables map[string]map[string]string
	if err := json.Unmarshal(file, &variables); err != nil {
		return nil, errors.New("the file of variables must be a JSON object that has an object of strings for each " +
			"function")
	}
	env := f.environment(l, host)
	for name, value := range variables[f.Name] {
		env[name] = strings.ReplaceAll(value, ContainerHost, host)
	}
	var list []string
	for name, value := range env {
		list = append(list, name+"="+value)
	}
	return list, nil
}

// report invokes the function, and prints its answer and the lines that Lambda logs.
func (i *Invocation) report(ctx context.Context, bootstrap string, env []string, event []byte) error {
	process, err := runtimeapi.Start(ctx, bootstrap, env)
	if err != nil {
		return err
	}
	defer process.Stop()
	response, functionError, err := process.Invoke(ctx, event, time.Now().Add(FunctionTimeout))
	if err != nil {
		return err
	}
	process.Stop()
	usage, err := process.Usage()
	if err != nil {
		return err
	}
	times := process.Times()
	took := milliseconds(times.Answered.Sub(times.Dispatched))
	fmt.Fprint(i.Stderr, process.Stderr(), process.Stdout())
	fmt.Fprintf(i.Stderr, "REPORT Duration: %.2f ms\tBilled Duration: %.0f ms\tMemory Size: %d MB\tMax Memory Used: "+
		"%d MB\tInit Duration: %.2f ms\n",
		took, math.Ceil(took), FunctionMemory, usage.PeakRSS/1_000_000,
		milliseconds(times.FirstNext.Sub(times.Started)))
	if functionError != nil {
		fmt.Fprintf(i.Stdout, "%s\n", functionError)
		return errors.New("the function failed")
	}
	_, err = fmt.Fprintf(i.Stdout, "%s\n", response)
	return err
}

func milliseconds(d time.Duration) float64 { return max(0, float64(d.Microseconds())/1000) }
