package devserver

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

	"billingportal/functions/app"
	"billingportal/functions/app/operator"
	"billingportal/local/internal/demo"
)

// The default address.
const (
	DefaultListen = "127.0.0.1:8080"
	DefaultURL    = "http://" + DefaultListen
)

// Options are the options of the command serve.
type Options struct {
	Listen          string
	ContainerListen string            // "" for none
	Customers       map[string]string // of demo users; they replace the demo's own
	Everyone        string            // demo user, or customer, of the users who have no other; "" for none
	StripeKey       string            // "" for the stand-in Stripe
	Stdout, Logs    io.Writer
}

// Serve serves until ctx ends.
func Serve(ctx context.Context, o Options) error {
	keyErr := checkStripeKey(o.StripeKey)
	if o.StripeKey == "" || keyErr != nil {
		o.StripeKey = DemoKey
	}
	if err := o.checkUsers(); err != nil {
		return err
	}
	listener, inContainers, err := o.listen() // before a function starts, which a failure would leave running
	if err != nil {
		return err
	}
	defer listener.Close()
	if inContainers != nil {
		defer inContainers.Close()
	}
	customers := maps.Clone(DemoCustomers)
	maps.Copy(customers, o.Customers)
	l, err := New("http://"+listener.Addr().String(), o.StripeKey, customers)
	if err != nil {
		return err
	}
	if err := l.MapEveryone(o.Everyone, customers); err != nil {
		return err
	}
	handler, err := l.Handler(ctx, o.Logs)
	if err := app.JoinEnvironmentErrors(keyErr, err); err != nil {
		return err
	}
	servers := map[net.Listener]http.Handler{listener: handler}
	containers := ""
	if inContainers != nil {
		servers[inContainers] = l.Cloud()
		containers = fmt.Sprintf("Containers reach the stand-ins at http://%s\n", inContainers.Addr())
	}
	if l.hasSecrets() {
		containers += fmt.Sprintf("A function in a container reads the secrets with AWS_ACCESS_KEY_ID=%s "+
			"AWS_SECRET_ACCESS_KEY=%s\n", l.Credentials.AccessKeyID, l.Credentials.SecretAccessKey)
	}
	if err := l.greet(o.Stdout, containers); err != nil {
		return err
	}
	return ServeAll(ctx, servers)
}

// listen listens on both addresses. inContainers is nil without --container-listen.
func (o Options) listen() (listener, inContainers net.Listener, err error) {
	listener, err = listenLoopback(o.Listen)
	if err != nil || o.ContainerListen == "" {
		return listener, nil, err
	}
	inContainers, err = net.Listen("tcp", o.ContainerListen)
	if err != nil {
		return nil, nil, errors.Join(err, listener.Close())
	}
	return listener, inContainers, nil
}

func checkStripeKey(key string) error {
	if key == "" || strings.HasPrefix(key, "sk_test_") || strings.HasPrefix(key, "rk_test_") {
		return nil
	}
	return &app.EnvironmentError{
		Wrong: []string{"STRIPE_SECRET_KEY must be a test-mode key of Stripe: sk_test_… or rk_test_…"},
	}
}

// checkUsers refuses mappings that no request can use.
func (o Options) checkUsers() error {
	var names []string
	for _, user := range demo.Users() {
		names = append(names, user.ID)
	}
	for user, customer := range o.Customers {
		if !slices.Contains(names, user) {
			return fmt.Errorf("--customer %s=%s: the demo users are %s", user, customer, strings.Join(names, ", "))
		}
		if !operator.IsCustomerID(customer) {
			return fmt.Errorf("--customer %s=%s: not the ID of a customer, for example cus_123", user, customer)
		}
	}
	if o.Everyone != "" && os.Getenv("JWT_ISSUER") == "" {
		return errors.New("--everyone is for the users of your own provider: set JWT_ISSUER, or use --customer for a " +
			"demo user")
	}
	return nil
}

// MapEveryone gives a customer to every user who has none. everyone is a demo user or a customer.
func (l *Server) MapEveryone(everyone string, customers map[string]string) error {
	if everyone == "" {
		return nil
	}
	customer := cmp.Or(customers[everyone], everyone)
	if !operator.IsCustomerID(customer) {
		return fmt.Errorf("--everyone %s: use a demo user who has a customer, or a customer, for example cus_123",
			everyone)
	}
	l.everyone = customer
	return l.DynamoDB.Default(CustomersTable, map[string]any{"customer_id": customer})
}

// listenLoopback listens on a loopback address. Other addresses are refused, because the server
// gives tokens to every caller.
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

// ServeAll serves until ctx ends or one of the servers fails.
func ServeAll(ctx context.Context, servers map[net.Listener]http.Handler) error {
	failed := make(chan error, len(servers))
	var running []*http.Server
	for listener, handler := range servers {
		httpServer := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
		running = append(running, httpServer)
		go func() { failed <- httpServer.Serve(listener) }()
	}
	var err error
	select {
	case err = <-failed:
	case <-ctx.Done():
	}
	for _, httpServer := range running {
		// Close does not wait for requests: this is a demo.
		err = errors.Join(err, httpServer.Close())
	}
	return err
}

// greet prints the address and the next steps. containers has lines about containers of sam local;
// "" for none.
func (l *Server) greet(w io.Writer, containers string) error {
	issuer := os.Getenv("JWT_ISSUER")
	if issuer != "" && issuer != l.Origin+IssuerPath {
		_, err := fmt.Fprintf(w, `The billing portal is at %[1]s/billing/portal
It accepts the tokens of %[2]s from pages of %[3]s. Stop with Ctrl-C.
%[4]s
Use %[5]s for a page on localhost that sends a cookie, so that both are the same site.
The next steps are at %[1]s. To check a token: go run ./local configure < token.txt

`, l.Origin, issuer, cmp.Or(os.Getenv("ALLOWED_ORIGINS"), l.Origin), containers,
			strings.Replace(l.Origin, "127.0.0.1", "localhost", 1))
		return err
	}
	stripe := "Stripe is a stand-in."
	if l.StripeKey != DemoKey {
		stripe = "It uses Stripe's test mode. Map users to customers there with --customer alice=cus_…."
	}
	_, err := fmt.Fprintf(w, `The billing portal is at %[1]s
%[2]s Stop with Ctrl-C.
%[4]s
Open the page and press a button, or run this in another terminal:

  curl -i -X POST -H "Authorization: Bearer $(go run ./local token --user alice%[3]s)" %[1]s/billing/portal

`, l.Origin, stripe, l.tokenFlag(), containers)
	return err
}

// tokenFlag returns the flag with which the command token finds this server, or "" at the default
// address.
func (l *Server) tokenFlag() string {
	if l.Origin == DefaultURL {
		return ""
	}
	return " --url " + l.Origin
}
