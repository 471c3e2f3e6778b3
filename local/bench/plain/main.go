// Command plain is the portal function as a competent developer writes it from the documentation of
// its parts: the AWS SDK with its configuration loader, stripe-go with its defaults, go-jose with a
// cache of the key set, and a net/http handler behind httpadapter. The benchmark compares the real
// function with it.
package main

import (
	"context"
	"log"
	"log/slog"
	"net/http"
	"os"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	//nolint:depguard // the benchmark compares lambdahttp with it
	"github.com/awslabs/aws-lambda-go-api-proxy/httpadapter"
	"github.com/stripe/stripe-go/v79"
)

func main() {
	ctx := context.Background()
	slog.SetDefault(slog.New(slog.NewJSONHandler(os.Stdout, nil)))
	cfg, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		log.Fatal(err)
	}

	secret, err := secretsmanager.NewFromConfig(cfg).GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{
		SecretId: aws.String(os.Getenv("STRIPE_SECRET_ID")),
	})
	if err != nil {
		log.Fatal(err)
	}
	stripe.Key = aws.ToString(secret.SecretString)
	if base := os.Getenv("STRIPE_API_BASE"); base != "" {
		stripe.SetBackend(stripe.APIBackend,
			stripe.GetBackendWithConfig(stripe.APIBackend, &stripe.BackendConfig{URL: stripe.String(base)}))
	}

	mux := http.NewServeMux()
	mux.Handle("POST /billing/portal", &handler{
		tokens: &verifier{issuer: os.Getenv("JWT_ISSUER"), audience: os.Getenv("JWT_AUDIENCE")},
		table:  dynamodb.NewFromConfig(cfg),
	})
	lambda.Start(httpadapter.NewV2(mux).ProxyWithContext)
}
