package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strings"

	"github.com/evanw/esbuild/pkg/api"
)

const buttonFolder = "functions/internal/button/"

// buttonCodes are the codes that only the button sets.
var buttonCodes = []string{"invalid-endpoint", "network", "token-unavailable"}

// codeLists are the places in the button's files that name codes. A place is between start and end;
// the first group of name is a code. TestButtonTypes compares the last place with buttonModule.
var codeLists = []struct {
	file, start, end string
	name             *regexp.Regexp
}{
	{"button.js", "", "", regexp.MustCompile(`refusal\("([^"]+)"`)},
	{"button.js", "const wording = {", "};", regexp.MustCompile(`"?([\w-]+)"?:`)},
	{"button.d.ts", "A code of the API", "*/", regexp.MustCompile(`- "([^"]+)":`)},
	{"button.d.ts", "", "", regexp.MustCompile(`the code is "([^"]+)"`)},
	{"button.d.ts", "type BillingPortalMessage =", ";", regexp.MustCompile(`"(\w+-[\w-]+)"`)}, // the others name texts
}

// checkCodes returns an error if the button names a code that does not exist, or if a place of
// codes is not found.
func checkCodes(root fs.FS, codes []code) error {
	known := slices.Clone(buttonCodes)
	for _, c := range codes {
		known = append(known, c.value)
	}
	for _, list := range codeLists {
		content, err := fs.ReadFile(root, buttonFolder+list.file)
		if err != nil {
			return err
		}
		_, place, _ := strings.Cut(string(content), list.start)
		if list.end != "" {
			place, _, _ = strings.Cut(place, list.end)
		}
		found := list.name.FindAllStringSubmatch(place, -1)
		if len(found) == 0 {
			return fmt.Errorf("%s: there are no codes between %q and %q", list.file, list.start, list.end)
		}
		for _, match := range found {
			if !slices.Contains(known, match[1]) {
				return fmt.Errorf("%s: there is no code %s", list.file, match[1])
			}
		}
	}
	return nil
}

// buttonModules returns the module of the button with the texts of each language, minified and
// gzipped.
func buttonModules(root fs.FS, texts texts, codes []code) (map[string][]byte, error) {
	source, err := fs.ReadFile(root, buttonFolder+"button.js")
	if err != nil {
		return nil, err
	}
	if err := checkCodes(root, codes); err != nil {
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
