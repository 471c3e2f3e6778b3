// Command floor is as fast as a portal function can be: it does the same exchanges as the real one
// with the least machinery. It is a measure, not a service. There is one TLS connection for each
// upstream, dialled at start, all side by side, and written to directly; the keys and the secret
// are fetched at start; one request is served at a time; nothing is checked but the token's
// signature, issuer and time, nothing is retried, and whatever goes wrong ends the process.
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

// later is what is fetched in the background, once.
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
