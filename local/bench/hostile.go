package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"billingportal/local/bench/internal/cloud"
	"billingportal/local/internal/runtimeapi"
)

const (
	formType = "application/x-www-form-urlencoded"
	jsonType = "application/json"

	portalMost  = 8 << 10   // longest body for the portal, in bytes
	webhookMost = 256 << 10 // longest body for the webhook, in bytes
	lambdaMost  = 4_400_000 // about the longest body that reaches a function, in characters
)

// hostile is a request that anyone can send, without a token or signature.
type hostile struct {
	name, contentType, body string
	inBase64                bool // as API Gateway does for types that it does not treat as text
	header                  map[string]string
}

// payload returns the event with this request instead of the good one.
func (h hostile) payload(good []byte) ([]byte, error) {
	var event events.APIGatewayV2HTTPRequest
	if err := json.Unmarshal(good, &event); err != nil {
		return nil, err
	}
	delete(event.Headers, "authorization")
	delete(event.Headers, "stripe-signature")
	for name, value := range h.header {
		event.Headers[name] = value
	}
	event.Headers["content-type"] = h.contentType
	event.Body, event.IsBase64Encoded = h.body, h.inBase64
	if h.inBase64 {
		event.Body = base64.StdEncoding.EncodeToString([]byte(h.body))
	}
	var payload bytes.Buffer
	encoder := json.NewEncoder(&payload)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(event)
	return payload.Bytes(), err
}

func hostileToPortal() []hostile {
	return append([]hostile{
		{name: "8 KiB form, one name 2,700 deep", contentType: formType,
			body: filled(portalMost, "a", "[b]", "=x"), inBase64: true},
		{name: "8 KiB form, thousands of names", contentType: formType,
			body: numbered(portalMost, "", "%x&", ""), inBase64: true},
		{name: "8 KiB form, percent-encoded", contentType: formType,
			body: filled(portalMost, "", "%61", "=x"), inBase64: true},
		{name: "8 KiB JSON, lists 4,000 deep", contentType: jsonType,
			body: strings.Repeat("[", portalMost/2) + strings.Repeat("]", portalMost/2)},
		{name: "8 KiB JSON, objects 1,300 deep", contentType: jsonType,
			body: strings.Repeat(`{"a":`, portalMost/6) + "1" + strings.Repeat("}", portalMost/6)},
		{name: "8 KiB JSON, a thousand members", contentType: jsonType,
			body: numbered(portalMost, `{"x":0`, `,"%x":0`, "}")},
		{name: "8 KiB JSON, thousands of elements", contentType: jsonType,
			body: filled(portalMost, `{"a":[0`, ",0", "]}")},
		{name: "9 KB of Accept and Accept-Language", contentType: formType, header: map[string]string{
			"accept":          filled(portalMost/2, "", "a/b;q=0.1,", "*/*"),
			"accept-language": filled(portalMost/2, "", "xx;q=1,", "de"),
		}},
	}, tooLarge()...)
}

func hostileToWebhook() []hostile {
	// The timestamp is current, so that the function has to compute the signature.
	falselySigned := map[string]string{"stripe-signature": fmt.Sprintf("t=%d,v1=%064x", time.Now().Unix(), 0)}
	return append([]hostile{
		{name: "256 KiB without a signature", contentType: jsonType,
			body: filled(webhookMost, "{", `"a":1,`, `"b":2}`)},
		{name: "256 KiB with a false signature", contentType: jsonType,
			body: filled(webhookMost, "{", `"a":1,`, `"b":2}`), header: falselySigned},
		{name: "256 KiB in base64 with a false signature", contentType: formType,
			body: filled(webhookMost, "{", `"a":1,`, `"b":2}`), header: falselySigned, inBase64: true},
		{name: "256 KiB, lists as deep as they go", contentType: jsonType,
			body: strings.Repeat("[", webhookMost), header: falselySigned},
	}, tooLarge()...)
}

func tooLarge() []hostile {
	return []hostile{
		{name: "a 4.4 MB body", contentType: jsonType, body: strings.Repeat("a", lambdaMost)},
		{name: "a 4.4 MB body in base64", contentType: formType,
			body: strings.Repeat("a", lambdaMost/4*3), inBase64: true},
		{name: "a 4.4 MB body of quotation marks", contentType: jsonType, body: strings.Repeat(`"`, lambdaMost/2)},
	}
}

// filled returns a text of the given length: begin, part repeated, and end.
func filled(length int, begin, part, end string) string {
	return begin + strings.Repeat(part, (length-len(begin)-len(end))/len(part)) + end
}

// numbered is like filled, but each part contains a number.
func numbered(length int, begin, part, end string) string {
	text := begin
	for i := 0; ; i++ {
		next := fmt.Sprintf(part, i)
		if len(text)+len(next)+len(end) > length {
			return text + end
		}
		text += next
	}
}

// compareHostile prints the cost of hostile requests for each function, compared with a good
// request.
func compareHostile(ctx context.Context, o options, out io.Writer) error {
	b, err := newTestbed(cloud.Distances{})
	if err != nil {
		return err
	}
	defer b.close()
	signed, err := claimEvent.payload()
	if err != nil {
		return err
	}
	webhook := b.withWebhook(nil)
	for _, function := range []struct {
		name, pkg string
		env       []string
		good      []byte
		hostile   []hostile
	}{
		{portalName, "billingportal/functions/portal", nil, b.event, hostileToPortal()},
		{webhookName, webhookPackage, webhook, signed, hostileToWebhook()},
	} {
		path, err := runtimeapi.Compile(ctx, function.pkg, runtimeapi.Tags)
		if err != nil {
			return err
		}
		process, err := runtimeapi.Start(ctx, path, slices.Concat(b.env, function.env))
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "| %s | answer | CPU, ms | to a good request |\n|---|---|---|---|\n", function.name)
		err = printHostile(ctx, process, function.good, function.hostile, o.requests, out)
		process.Stop()
		if err != nil {
			return err
		}
		fmt.Fprintln(out)
	}
	return nil
}

func printHostile(ctx context.Context, process *runtimeapi.Process, good []byte, all []hostile,
	n int, out io.Writer) error {
	if _, _, err := cpuOf(ctx, process, good, n/10+1); err != nil { // warm up
		return err
	}
	status, goodCPU, err := cpuOf(ctx, process, good, n)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "| a good request | %d | %.2f | 1.0 |\n", status, milliseconds(goodCPU))
	for _, h := range all {
		payload, err := h.payload(good)
		if err != nil {
			return err
		}
		status, cpu, err := cpuOf(ctx, process, payload, n/10+1)
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "| %s | %d | %.2f | %.1f |\n", h.name, status, milliseconds(cpu),
			float64(cpu)/float64(goodCPU))
	}
	usage, err := process.Usage()
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "\npeak resident memory: %.1f MB\n", float64(usage.PeakRSS)/1e6)
	return nil
}

// cpuOf returns the mean CPU time of n invocations and the status of the response.
func cpuOf(ctx context.Context, process *runtimeapi.Process, payload []byte, n int) (status int,
	each time.Duration, err error) {
	if err := process.Ready(ctx); err != nil {
		return 0, 0, err
	}
	before, err := process.Usage()
	if err != nil {
		return 0, 0, err
	}
	for range n {
		response, functionError, err := process.Invoke(ctx, payload, time.Now().Add(15*time.Second))
		if err != nil {
			return 0, 0, err
		}
		var answer events.APIGatewayV2HTTPResponse
		if functionError != nil || json.Unmarshal(response, &answer) != nil {
			return 0, 0, fmt.Errorf("no answer: %s%s\n%s", response, functionError, process.Stderr())
		}
		status = answer.StatusCode
		if err := process.Ready(ctx); err != nil {
			return 0, 0, err
		}
	}
	after, err := process.Usage()
	return status, (after.CPU - before.CPU) / time.Duration(n), err
}
