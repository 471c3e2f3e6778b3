package main

import (
	"context"
	"net"
)

const invocation = "/2018-06-01/runtime/invocation/"

// runtime is a client of the Lambda Runtime API.
type runtime struct{ *connection }

func newRuntime(address string) runtime {
	// Lambda sets the address.
	conn := must(new(net.Dialer).DialContext(context.Background(), "tcp", address)) //nolint:gosec
	return runtime{newConnection(address, conn)}
}

func (r runtime) next() (id string, event []byte) {
	event = r.ok("GET", invocation+"next", "", "")
	return r.value("Lambda-Runtime-Aws-Request-Id"), event
}

func (r runtime) respond(id string, response []byte) {
	r.exchange("POST", invocation+id+"/response", "", string(response))
}
