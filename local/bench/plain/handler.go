package main

import (
	"log/slog"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/stripe/stripe-go/v79"
	"github.com/stripe/stripe-go/v79/billingportal/session"
)

type handler struct {
	tokens *verifier
	table  *dynamodb.Client
}

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	start := time.Now()
	user, err := h.tokens.verify(r.Context(), strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "))
	if err != nil {
		slog.Error("verify the token", "error", err)
		http.Error(w, "unauthorized", http.StatusUnauthorized)
		return
	}
	output, err := h.table.GetItem(r.Context(), &dynamodb.GetItemInput{
		TableName:      aws.String(os.Getenv("CUSTOMERS_TABLE")),
		Key:            map[string]types.AttributeValue{"user_id": &types.AttributeValueMemberS{Value: user}},
		ConsistentRead: aws.Bool(true),
	})
	if err != nil {
		slog.Error("look up the customer", "error", err)
		http.Error(w, "unavailable", http.StatusServiceUnavailable)
		return
	}
	customer, ok := output.Item["customer_id"].(*types.AttributeValueMemberS)
	if !ok {
		http.Error(w, "no billing account", http.StatusNotFound)
		return
	}
	created, err := session.New(&stripe.BillingPortalSessionParams{
		Params:    stripe.Params{Context: r.Context()},
		Customer:  stripe.String(customer.Value),
		ReturnURL: stripe.String(os.Getenv("DEFAULT_RETURN_URL")),
	})
	if err != nil {
		slog.Error("create the session", "error", err)
		http.Error(w, "billing unavailable", http.StatusBadGateway)
		return
	}
	slog.Info("request", "status", http.StatusSeeOther, "customer", customer.Value, "duration", time.Since(start))
	http.Redirect(w, r, created.URL, http.StatusSeeOther)
}
