// Command container is the portal function as a server that takes any number of requests at once, as it would run in a
// container. Its first line of output is its URL; its log goes to standard error.
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

	"billingportal/functions/app"
	"billingportal/local/internal/gateway"
)

func main() {
	handler, err := app.Portal(context.Background(), os.Getenv, os.Stderr)
	if err != nil {
		log.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	_, _ = fmt.Fprintln(os.Stdout, "http://"+listener.Addr().String())
	server := &http.Server{
		Handler:           gateway.New(handler, gateway.Config{AllowedOrigins: strings.Split(os.Getenv("ALLOWED_ORIGINS"), ",")}),
		ReadHeaderTimeout: time.Minute,
	}
	log.Fatal(server.Serve(listener))
}
