// Command container serves both functions as one server that handles concurrent requests, as they
// would run in a container. Its first line of output is its URL. It logs to standard error.
package main

import (
	"context"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"billingportal/functions/app/portal"
	"billingportal/functions/app/webhook"
	"billingportal/local/internal/gateway"
)

func main() {
	handler, err := portal.New(context.Background(), os.Getenv, os.Stderr)
	if err != nil {
		log.Fatal(err)
	}
	webhook, err := webhook.New(context.Background(), os.Getenv, os.Stderr)
	if err != nil {
		log.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/",
		gateway.New(handler, gateway.Config{AllowedOrigins: strings.Split(os.Getenv("ALLOWED_ORIGINS"), ",")}))
	mux.Handle("/stripe/webhook", gateway.New(webhook, gateway.Config{}))
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	_, _ = fmt.Fprintln(os.Stdout, "http://"+listener.Addr().String())
	server := &http.Server{
		Handler:           mux,
		ReadHeaderTimeout: time.Minute,
	}
	log.Fatal(server.Serve(listener))
}
