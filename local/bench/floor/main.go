// Command floor shows how fast a portal function can be: it sends the same requests as the real
// function with the least code. It is only for measurements, not a service. It opens one TLS
// connection to each upstream at start, all in parallel, and writes to them directly. It also
// fetches the keys and the secret at start. It serves one request at a time and checks only the
// signature, issuer and expiry of the token. It never retries, and any error ends the process.
package main

import (
	"log"
	"os"
)

func main() {
	log.SetFlags(0)
	f := &function{
		dynamoDB: newUpstream(os.Getenv("AWS_ENDPOINT_URL_DYNAMODB")),
		stripe:   newUpstream(os.Getenv("STRIPE_API_BASE")),
		secret:   newLater(fetchSecret),
		keys:     newLater(fetchKeys),
	}
	runtime := newRuntime(os.Getenv("AWS_LAMBDA_RUNTIME_API"))
	for {
		id, event := runtime.next()
		runtime.respond(id, f.handle(event))
	}
}

// later is a value that is fetched once, in the background.
type later[T any] struct {
	done  chan struct{}
	value T
}

func newLater[T any](fetch func() T) *later[T] {
	l := &later[T]{done: make(chan struct{})}
	go func() {
		l.value = fetch()
		close(l.done)
	}()
	return l
}

func (l *later[T]) get() T {
	<-l.done
	return l.value
}

func must[T any](value T, err error) T {
	check(err)
	return value
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
