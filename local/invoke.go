package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v3"

	"billingportal/local/internal/runtimeapi"
)

// deployed is a function of template.yaml, as it is built there.
type deployed struct {
	name, pkg   string
	environment func(l *devserver, host string) map[string]string
}

func deployedFunctions() []deployed {
	return []deployed{
		{"PortalFunction", "billingportal/functions/portal", (*devserver).environment},
		{"WebhookFunction", "billingportal/functions/webhook", (*devserver).webhookEnvironment},
	}
}

// As the template has them.
const (
	functionTimeout = 15 * time.Second
	functionMemory  = 512 // MB
)

func invokeCommand() *cli.Command {
	return &cli.Command{
		Name:  "invoke",
		Usage: "run a function's real bootstrap once with an event, as Lambda does, without Docker",
		Description: "Builds the function for this machine, starts it under a Runtime API with the laptop's own cloud, and prints what it answers.\n" +
			"Its log and Lambda's report go to standard error. Nothing needs to be serving.\n\n" +
			"  go run ./local invoke -e events/portal.json\n" +
			"  go run ./local events customer.created | go run ./local invoke -e -\n\n" +
			"The memory is what the process had resident at most; Linux alone tells. The exit status is 1 where the function fails.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "event", Aliases: []string{"e"}, Required: true, Usage: "`FILE` with the event; - is standard input"},
			&cli.StringFlag{Name: "env-vars", Value: environmentFile, Usage: "`FILE` with the functions' variables, as sam local takes it"},
			&cli.StringFlag{Name: "function", Usage: "`NAME` of the function in template.yaml; left out, the one that the event is for"},
		},
		Action: func(ctx context.Context, cmd *cli.Command) error {
			event, err := readFileOr(cmd.String("event"), cmd.Root().Reader)
			if err != nil {
				return err
			}
			variables, err := os.ReadFile(cmd.String("env-vars"))
			if err != nil {
				return err
			}
			i := invocation{compile: runtimeapi.Compile, stdout: cmd.Root().Writer, stderr: cmd.Root().ErrWriter}
			return i.run(ctx, cmd.String("function"), event, variables)
		},
	}
}

// readFileOr reads a file, or standard input where its name is "-".
func readFileOr(name string, stdin io.Reader) ([]byte, error) {
	if name == "-" {
		return io.ReadAll(stdin)
	}
	return os.ReadFile(name) //nolint:gosec // whoever types the command says which
}

// invocation is one run of a function.
type invocation struct {
	compile        func(ctx context.Context, pkg, tags string) (path string, err error)
	stdout, stderr io.Writer
}

// run runs the function that an event is for.
func (i *invocation) run(ctx context.Context, name string, event, variables []byte) error {
	if name == "" {
		name = functionOf(event)
	}
	functions := deployedFunctions()
	at := slices.IndexFunc(functions, func(f deployed) bool { return f.name == name })
	if at < 0 {
		return fmt.Errorf("there is no function %q in template.yaml", name)
	}
	bootstrap, err := i.compile(ctx, functions[at].pkg, runtimeapi.Tags)
	if err != nil {
		return err
	}
	// The events and their variables are of a laptop at its default address. Nobody listens there now.
	l, err := newDevserver(defaultURL, demoKey, demoCustomers)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	served := make(chan error, 1)
	go func() { served <- runAll(ctx, []server{{listener, l.cloud()}}) }()
	env, err := environmentOf(functions[at], l, variables, "http://"+listener.Addr().String())
	if err == nil {
		err = i.report(ctx, bootstrap, env, event)
	}
	stop()
	return errors.Join(err, <-served)
}

// functionOf is the function that takes an event: of Stripe's address or event bus, or else of the button's.
func functionOf(event []byte) string {
	var head struct {
		Source  string
		RawPath string
	}
	_ = json.Unmarshal(event, &head) // what is no event of either kind is for the portal to refuse
	if strings.HasSuffix(head.RawPath, webhookPath) || strings.HasPrefix(head.Source, "aws.partner/stripe.com") {
		return "WebhookFunction"
	}
	return "PortalFunction"
}

// environmentOf is what template.yaml and Lambda would set, and over it the function's part of a file of variables. host is where the
// cloud is, which a container would have reached elsewhere.
func environmentOf(f deployed, l *devserver, file []byte, host string) ([]string, error) {
	var variables map[string]map[string]string
	if err := json.Unmarshal(file, &variables); err != nil {
		return nil, errors.New("the file of variables is no JSON object of objects with texts, by function")
	}
	env := f.environment(l, host)
	for name, value := range variables[f.name] {
		env[name] = strings.ReplaceAll(value, containerHost, host)
	}
	var list []string
	for name, value := range env {
		list = append(list, name+"="+value)
	}
	return list, nil
}

// report prints the answer, and of the invocation what Lambda's log has.
func (i *invocation) report(ctx context.Context, bootstrap string, env []string, event []byte) error {
	process, err := runtimeapi.Start(ctx, bootstrap, env)
	if err != nil {
		return err
	}
	defer process.Stop()
	response, functionError, err := process.Invoke(ctx, event, time.Now().Add(functionTimeout))
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
	fmt.Fprint(i.stderr, process.Stderr(), process.Stdout())
	fmt.Fprintf(i.stderr, "REPORT Duration: %.2f ms\tBilled Duration: %.0f ms\tMemory Size: %d MB\tMax Memory Used: %d MB\tInit Duration: %.2f ms\n",
		took, math.Ceil(took), functionMemory, usage.PeakRSS/1_000_000, milliseconds(times.FirstNext.Sub(times.Started)))
	if functionError != nil {
		fmt.Fprintf(i.stdout, "%s\n", functionError)
		return errors.New("the function failed")
	}
	_, err = fmt.Fprintf(i.stdout, "%s\n", response)
	return err
}

func milliseconds(d time.Duration) float64 { return max(0, float64(d.Microseconds())/1000) }
