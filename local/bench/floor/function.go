package main

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"net/url"
	"os"
	"strings"
)

type function struct {
	dynamoDB, stripe *later[*connection]
	secret           *later[string]
	keys             *later[map[string]*rsa.PublicKey]
}

func (f *function) handle(payload []byte) []byte {
	var event struct{ Headers map[string]string }
	check(json.Unmarshal(payload, &event))
	user := verify(f.keys.get(), strings.TrimPrefix(event.Headers["authorization"], "Bearer "))
	location := f.createSession(lookUp(f.dynamoDB.get(), user))
	must(os.Stdout.WriteString(`{"level":"INFO","msg":"request","status":303,"requests":1}` + "\n"))
	return must(json.Marshal(map[string]any{
		"statusCode": 303, "headers": map[string]string{"Location": location}, "body": "", "isBase64Encoded": false,
	}))
}

func (f *function) createSession(customer string) string {
	form := url.Values{"customer": {customer}, "return_url": {os.Getenv("DEFAULT_RETURN_URL")}}
	header := "Authorization: Bearer " + f.secret.get() + "\r\nContent-Type: application/x-www-form-urlencoded\r\n" +
		"Stripe-Version: 2024-09-30.acacia\r\nIdempotency-Key: " + rand.Text() + "\r\n"
	var session struct{ URL string }
	check(json.Unmarshal(f.stripe.get().ok("POST", "/v1/billing_portal/sessions", header, form.Encode()), &session))
	return session.URL
}
