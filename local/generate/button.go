package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"

	"github.com/evanw/esbuild/pkg/api"
)

const buttonFolder = "functions/internal/button/"

// buttonModules returns the module of the button with the texts of each language, minified and
// gzipped.
func buttonModules(root fs.FS, texts texts) (map[string][]byte, error) {
	source, err := fs.ReadFile(root, buttonFolder+"button.js")
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{}
	for language, catalogue := range texts.texts {
		module, err := buttonModule(string(source), catalogue)
		if err != nil {
			return nil, fmt.Errorf("button.js in %s: %w", language, err)
		}
		files[buttonFolder+language+".js.gz"] = module
	}
	return files, nil
}

func buttonModule(source string, catalogue map[string]string) ([]byte, error) {
	unknown := ""
	text := func(key string) string {
		if catalogue[key] == "" {
			unknown = key
		}
		return catalogue[key]
	}
	aside := func(key string) string { return fmt.Sprintf(text("Aside"), "", text(key)) } // to follow a name
	texts, err := json.Marshal(map[string]any{
		"manage": text("ManageBilling"), "opening": text("OpeningBilling"), "signIn": text("PleaseSignInAgain"),
		"forbidden": text("MayNotManageBilling"), "noAccount": text("NoBillingAccountYet"),
		"failed": text("BillingCannotBeOpened"), "choose": text("SubscriptionAmbiguous"),
		"subscription-not-eligible": text("NothingToChange"), "flow-unavailable": text("NotOffered"),
		"flows": map[string]string{
			"payment_method_update": text("UpdatePaymentMethod"), "subscription_cancel": text("CancelSubscription"),
			"subscription_update": text("ChangePlan"), "subscription_update_confirm": text("ConfirmChange"),
			"customer_update": text("UpdateBillingDetails"),
		},
		"statuses": map[string]string{"trialing": aside("Trialing"), "past_due": aside("PastDue")},
	})
	if err != nil {
		return nil, err
	}
	if unknown != "" {
		return nil, fmt.Errorf("there is no text %s", unknown)
	}
	result := api.Transform(source, api.TransformOptions{
		Loader: api.LoaderJS, Target: api.ES2022, Format: api.FormatESModule, Charset: api.CharsetUTF8,
		MinifyWhitespace: true, MinifyIdentifiers: true, MinifySyntax: true,
		Define: map[string]string{"texts": string(texts)},
	})
	if len(result.Errors) > 0 {
		return nil, errors.New(result.Errors[0].Text)
	}
	return result.Code, nil
}
