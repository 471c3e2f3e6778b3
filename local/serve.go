package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v3"

	"billingportal/functions/app"
	"billingportal/functions/app/operator"
	"billingportal/local/internal/demo"
)

const (
	defaultListen = "127.0.0.1:8080"
	defaultURL    = "http://" + defaultListen
)

func serveCommand() *cli.Command {
	return &cli.Command{
		Name:  "serve",
		Usage: "serve the function, its stand-in cloud and the demo page",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "listen", Local: true, Value: defaultListen, Usage: "`ADDRESS` to serve on, a loopback address"},
			&cli.StringFlag{Name: "container-listen", Local: true, Usage: "also serve the stand-ins of AWS and Stripe on this `ADDRESS`, for a function in a container (sam local): on Linux the one that host.docker.internal leads to, such as 172.17.0.1:8080"},
			&cli.StringFlag{Name: "everyone", Local: true, Usage: "give every `USER` of your own provider the customer of this demo user, or a customer such as cus_123"},
			&cli.BoolFlag{Name: "json", Local: true, Usage: "log the functions' own lines, also on a terminal"},
			&cli.StringMapFlag{Name: "customer", Local: true, Usage: "map a demo user to a customer, such as `alice=cus_123`; for Stripe's test mode"},
		},
		Action: func(ctx context.Context, cmd *cli.Command) error {
			logs := cmd.Root().ErrWriter
			if isTerminal(logs) && !cmd.Bool("json") {
				logs = newRequestLines(logs)
			}
			return serve(ctx, serveOptions{
				listen:          cmd.String("listen"),
				containerListen: cmd.String("container-listen"),
				customers:       cmd.StringMap("customer"),
				everyone:        cmd.String("everyone"),
				stripeKey:       os.Getenv("STRIPE_SECRET_KEY"),
				stdout:          cmd.Root().Writer,
				logs:            logs,
			})
		},
	}
}

type serveOptions struct {
	listen          string
	containerListen string            // "": none
	customers       map[string]string // of demo users, over the demo's own
	everyone        string            // demo user or customer that every user is who has no other; "": none
	stripeKey       string            // "": the stand-in Stripe
	stdout, logs    io.Writer
}

// serve runs until ctx ends.
func serve(ctx context.Context, o serveOptions) error {
	keyErr := checkStripeKey(o.stripeKey)
	if o.stripeKey == "" || keyErr != nil {
		o.stripeKey = demoKey
	}
	if err := o.checkUsers(); err != nil {
		return err
	}
	listener, err := listenLoopback(o.listen)
	if err != nil {
		return err
	}
	customers := maps.Clone(demoCustomers)
	maps.Copy(customers, o.customers)
	l, err := newDevserver("http://"+listener.Addr().String(), o.stripeKey, customers)
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	if err := l.mapEveryone(o.everyone, customers); err != nil {
		return errors.Join(err, listener.Close())
	}
	handler, err := l.handler(ctx, o.logs)
	if err := app.JoinEnvironmentErrors(keyErr, err); err != nil {
		return errors.Join(err, listener.Close())
	}
	servers := []server{{listener, handler}}
	if o.containerListen != "" {
		listener, err := net.Listen("tcp", o.containerListen)
		if err != nil {
			return errors.Join(err, servers[0].listener.Close())
		}
		servers = append(servers, server{listener, l.cloud()})
	}
	containers := ""
	if len(servers) > 1 {
		containers = fmt.Sprintf("Containers reach the stand-ins at http://%s\n", servers[1].listener.Addr())
	}
	if l.hasSecrets() {
		containers += fmt.Sprintf("A function in a container reads the secrets with AWS_ACCESS_KEY_ID=%s AWS_SECRET_ACCESS_KEY=%s\n", l.credentials.AccessKeyID, l.credentials.SecretAccessKey)
	}
	if err := l.greet(o.stdout, containers); err != nil {
		return err
	}
	return runAll(ctx, servers)
}

func checkStripeKey(key string) error {
	if key == "" || strings.HasPrefix(key, "sk_test_") || strings.HasPrefix(key, "rk_test_") {
		return nil
	}
	return &app.EnvironmentError{Wrong: []string{"STRIPE_SECRET_KEY must be a key of Stripe's test mode: sk_test_… or rk_test_…"}}
}

// checkUsers refuses mappings that no request would use.
func (o serveOptions) checkUsers() error {
	var names []string
	for _, user := range demo.Users() {
		names = append(names, user.ID)
	}
	for user, customer := range o.customers {
		if !slices.Contains(names, user) {
			return fmt.Errorf("--customer %s=%s: the demo users are %s", user, customer, strings.Join(names, ", "))
		}
		if !operator.IsCustomerID(customer) {
			return fmt.Errorf("--customer %s=%s: not the ID of a customer, such as cus_123", user, customer)
		}
	}
	if o.everyone != "" && os.Getenv("JWT_ISSUER") == "" {
		return errors.New("--everyone is for the users of your own provider: set JWT_ISSUER, or use --customer for a demo user")
	}
	return nil
}

// mapEveryone gives users without a customer the one of a demo user, or one that is named.
func (l *devserver) mapEveryone(everyone string, customers map[string]string) error {
	if everyone == "" {
		return nil
	}
	customer := cmp.Or(customers[everyone], everyone)
	if !operator.IsCustomerID(customer) {
		return fmt.Errorf("--everyone %s: neither a demo user with a customer nor a customer such as cus_123", everyone)
	}
	return l.dynamoDB.Default(customersTable, map[string]any{"customer_id": customer})
}

// listenLoopback listens on an address of this machine alone: what is served
// hands out tokens.
func listenLoopback(address string) (net.Listener, error) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, err
	}
	if !listener.Addr().(*net.TCPAddr).IP.IsLoopback() {
		return nil, errors.Join(fmt.Errorf("%s is not a loopback address; use 127.0.0.1", address), listener.Close())
	}
	return listener, nil
}

type server struct {
	listener net.Listener
	handler  http.Handler
}

// runAll serves until ctx ends or one of the servers fails.
func runAll(ctx context.Context, servers []server) error {
	failed := make(chan error, len(servers))
	var running []*http.Server
	for _, s := range servers {
		httpServer := &http.Server{Handler: s.handler, ReadHeaderTimeout: 10 * time.Second}
		running = append(running, httpServer)
		go func() { failed <- httpServer.Serve(s.listener) }()
	}
	var err error
	select {
	case err = <-failed:
	case <-ctx.Done():
	}
	for _, httpServer := range running {
		// Requests under way are the demo's: there is nothing to wait for.
		err = errors.Join(err, httpServer.Close())
	}
	return err
}

// greet says how to go on. containers is a line for those of sam local, if any.
func (l *devserver) greet(w io.Writer, containers string) error {
	issuer := os.Getenv("JWT_ISSUER")
	if issuer != "" && issuer != l.origin+issuerPath {
		_, err := fmt.Fprintf(w, `The billing portal is at %[1]s/billing/portal
It takes the tokens of %[2]s from pages of %[3]s. Stop with Ctrl-C.
%[4]s
A page on localhost that sends a cookie reaches it at %[5]s, which is the same site.
A token that is refused: go run ./local configure < token.txt

`, l.origin, issuer, cmp.Or(os.Getenv("ALLOWED_ORIGINS"), l.origin), containers, strings.Replace(l.origin, "127.0.0.1", "localhost", 1))
		return err
	}
	stripe := "a stand-in"
	if l.stripeKey != demoKey {
		stripe = "Stripe's test mode; map users to its customers with --customer alice=cus_…"
	}
	_, err := fmt.Fprintf(w, `The billing portal is at %[1]s
Stripe is %[2]s. Stop with Ctrl-C.
%[4]s
Open the page and click a button, or in another terminal:

  curl -i -X POST -H "Authorization: Bearer $(go run ./local token --user alice%[3]s)" %[1]s/billing/portal

`, l.origin, stripe, l.tokenFlag(), containers)
	return err
}

// tokenFlag is what the token command needs to find this process.
func (l *devserver) tokenFlag() string {
	if l.origin == defaultURL {
		return ""
	}
	return " --url " + l.origin
}
