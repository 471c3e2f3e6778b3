package portal

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stripe/stripe-go/v79"

	"billingportal/functions/internal/params"
)

const (
	formType = "application/x-www-form-urlencoded"
	jsonType = "application/json"
)

// badInput has every way to get a request wrong, except wrong contents of a token. No request
// reaches DynamoDB or Stripe.
var badInput = map[string]struct {
	contentType, body string
	status            int
	code, param       string
}{
	"no content type":        {"", "locale=en", 415, "unsupported-media-type", ""},
	"text/plain":             {"text/plain", "{}", 415, "unsupported-media-type", ""},
	"multipart":              {"multipart/form-data; boundary=x", "--x--", 415, "unsupported-media-type", ""},
	"malformed content type": {"application/json; =", "{}", 415, "unsupported-media-type", ""},
	"another charset": {formType + "; charset=iso-8859-1", "locale=en", 415,
		"unsupported-media-type", ""},
	"form: not UTF-8":             {formType, "locale=\xff", 400, "invalid-request", ""},
	"form: malformed percent":     {formType, "locale=%zz", 400, "invalid-request", ""},
	"form: cut percent":           {formType, "locale=%f", 400, "invalid-request", ""},
	"form: semicolons":            {formType, "locale=en;return_url=x", 400, "invalid-request", ""},
	"form: repeated":              {formType, "locale=en&locale=de", 400, "invalid-parameter", "locale"},
	"form: repeated in two forms": {formType, "locale=en&%6cocale=de", 400, "invalid-parameter", "locale"},
	"form: value and members": {formType, "flow_data=x&flow_data[type]=subscription_cancel", 400,
		"invalid-parameter", "flow_data[type]"},
	"form: unknown":            {formType, "colour=red", 400, "unknown-parameter", "colour"},
	"form: unknown nested":     {formType, "flow_data[kind]=x", 400, "unknown-parameter", "flow_data[kind]"},
	"form: expand":             {formType, "expand[0]=configuration", 400, "unknown-parameter", "expand"},
	"form: star":               {formType, "*=x", 400, "unknown-parameter", ""},
	"form: name is a token":    {formType, "eyJhbGciOiJub25lIn0.e30.=x", 400, "unknown-parameter", ""},
	"form: unclosed bracket":   {formType, "flow_data[type=x", 400, "unknown-parameter", ""},
	"form: text after bracket": {formType, "flow_data[type]x=x", 400, "unknown-parameter", ""},
	"form: empty bracket": {formType, "flow_data[subscription_update_confirm][items][][id]=si_1", 400,
		"unknown-parameter", ""},
	"form: a name of 128 bytes": {formType, strings.Repeat("a", 128) + "=x", 400, "unknown-parameter",
		strings.Repeat("a", 128)},
	"form: a name of 129 bytes": {formType, strings.Repeat("a", 129) + "=x", 400, "unknown-parameter", ""},
	"form: empty name":          {formType, "=x", 400, "unknown-parameter", ""},
	"form: member of a string":  {formType, "locale[0]=en", 400, "invalid-parameter", "locale"},
	"form: customer":            {formType, "customer=cus_2", 403, "parameter-not-allowed", "customer"},
	"form: customer[id]":        {formType, "customer[id]=cus_2", 403, "parameter-not-allowed", "customer"},
	"form: customer_account": {formType, "customer_account=acct_2", 400,
		"unknown-parameter", "customer_account"},
	"JSON: customer": {jsonType, `{"customer":"cus_2"}`, 403, "parameter-not-allowed", "customer"},
	"JSON: customer, escaped": {jsonType, `{"\u0063ustomer":"cus_2"}`, 403,
		"parameter-not-allowed", "customer"},
	"JSON: Customer":                   {jsonType, `{"Customer":"cus_2"}`, 400, "unknown-parameter", ""},
	"JSON: malformed":                  {jsonType, `{"locale":`, 400, "invalid-request", ""},
	"JSON: two documents":              {jsonType, `{}{}`, 400, "invalid-request", ""},
	"JSON: trailing comma":             {jsonType, `{"locale":"en",}`, 400, "invalid-request", ""},
	"JSON: a list":                     {jsonType, `[{"locale":"en"}]`, 400, "invalid-request", ""},
	"JSON: a list of null":             {jsonType, `[null]`, 400, "invalid-request", ""},
	"JSON: a string":                   {jsonType, `""`, 400, "invalid-request", ""},
	"JSON: a number":                   {jsonType, `0`, 400, "invalid-request", ""},
	"JSON: false":                      {jsonType, `false`, 400, "invalid-request", ""},
	"JSON: a space that is not JSON's": {jsonType, "\u00a0", 400, "invalid-request", ""},
	"JSON: two byte order marks":       {jsonType, "\ufeff\ufeff{}", 400, "invalid-request", ""},
	"JSON: a mark in the middle":       {jsonType, "{\ufeff}", 400, "invalid-request", ""},
	"JSON: [] and something":           {jsonType, `[]x`, 400, "invalid-request", ""},
	"JSON: not UTF-8":                  {jsonType, "{\"locale\":\"\xff\"}", 400, "invalid-request", ""},
	"JSON: 4000 deep": {jsonType, strings.Repeat("[", 4000) + strings.Repeat("]", 4000),
		400, "invalid-request", ""},
	"JSON: 1000 objects deep": {jsonType, strings.Repeat(`{"a":`, 1000) + "1" + strings.Repeat("}", 1000),
		400, "invalid-request", ""},
	"JSON: 11 deep": {jsonType, strings.Repeat(`{"a":`, 11) + "1" + strings.Repeat("}", 11),
		400, "invalid-request", ""},
	"JSON: 10 deep": {jsonType, strings.Repeat(`{"a":`, 10) + "1" + strings.Repeat("}", 10), 400,
		"unknown-parameter", "a"},
	"JSON: 201 names":           {jsonType, members(201, "1"), 400, "invalid-request", ""},
	"JSON: 201 names with null": {jsonType, members(201, "null"), 400, "invalid-request", ""},
	"JSON: 200 names":           {jsonType, members(200, "1"), 400, "unknown-parameter", ""},
	"JSON: 201 elements": {jsonType, `{"locale":[` + strings.Repeat("0,", 200) + `0]}`,
		400, "invalid-request", ""},
	"JSON: 201 names at two levels": {jsonType,
		`{"flow_data":` + members(100, "1") + `,"a":` + members(99, "1") + `}`, 400, "invalid-request", ""},
	"JSON: [] for a string": {jsonType, `{"locale":[]}`, 400, "invalid-parameter", "locale"},
	"JSON: [] for a required parameter": {jsonType, `{"flow_data":{"type":"subscription_update_confirm",` +
		`"subscription_update_confirm":[]}}`, 400, "invalid-parameter",
		"flow_data[subscription_update_confirm][items]"},
	"JSON: [] in a list": {jsonType, `{"flow_data":{"type":"subscription_update_confirm",` +
		`"subscription_update_confirm":{"items":[[]]}}}`, 400, "invalid-parameter",
		"flow_data[subscription_update_confirm][items]"},
	"JSON: [] for the customer":    {jsonType, `{"customer":[]}`, 403, "parameter-not-allowed", "customer"},
	"JSON: [] for an unknown name": {jsonType, `{"colour":[]}`, 400, "unknown-parameter", "colour"},
	"JSON: a full list for an object": {jsonType, `{"flow_data":[{"type":"payment_method_update"}]}`, 400,
		"invalid-parameter", "flow_data"},
	"form: 11 deep": {formType, "a" + strings.Repeat("[b]", 10) + "=1", 400, "invalid-request", ""},
	"form: 11 deep, percent-encoded": {formType, "a" + strings.Repeat("%5Bb%5D", 10) + "=1",
		400, "invalid-request", ""},
	"form: 10 deep":                {formType, "a" + strings.Repeat("[b]", 9) + "=1", 400, "unknown-parameter", "a"},
	"form: 2,700 deep":             {formType, "a" + strings.Repeat("[b]", 2700) + "=1", 400, "invalid-request", ""},
	"form: 201 names":              {formType, names(201), 400, "invalid-request", ""},
	"form: 200 names":              {formType, names(200), 400, "unknown-parameter", ""},
	"form: 201 values of one name": {formType, strings.Repeat("locale=en&", 201), 400, "invalid-request", ""},
	"JSON: repeated":               {jsonType, `{"locale":"en","locale":"de"}`, 400, "invalid-parameter", "locale"},
	"JSON: repeated, escaped": {jsonType, `{"locale":"en","\u006cocale":"de"}`, 400,
		"invalid-parameter", "locale"},
	"JSON: repeated nested": {jsonType, `{"flow_data":{"type":"x","type":"y"}}`, 400,
		"invalid-parameter", "flow_data[type]"},
	"JSON: number for a string": {jsonType, `{"locale":1}`, 400, "invalid-parameter", "locale"},
	"JSON: null twice":          {jsonType, `{"locale":null,"locale":null}`, 400, "invalid-parameter", "locale"},
	"JSON: null and a value":    {jsonType, `{"locale":null,"locale":"de"}`, 400, "invalid-parameter", "locale"},
	"JSON: null for a required parameter": {jsonType, `{"flow_data":{"type":null}}`, 400,
		"invalid-parameter", "flow_data[type]"},
	"JSON: null in a list": {jsonType, `{"flow_data":{"type":"subscription_update_confirm",` +
		`"subscription_update_confirm":{"items":[null]}}}`, 400, "invalid-parameter",
		"flow_data[subscription_update_confirm][items]"},
	"JSON: true for a string":    {jsonType, `{"locale":true}`, 400, "invalid-parameter", "locale"},
	"JSON: list for a string":    {jsonType, `{"locale":["en"]}`, 400, "invalid-parameter", "locale"},
	"JSON: string for an object": {jsonType, `{"flow_data":"x"}`, 400, "invalid-parameter", "flow_data"},
	"JSON: object for a list": {jsonType, `{"flow_data":{"subscription_update_confirm":{"items":{"0":{"id":` +
		`"si_1"}}}}}`, 400, "invalid-parameter", "flow_data[subscription_update_confirm][items]"},
	"JSON: bracket name": {jsonType, `{"flow_data[type]":"x"}`, 400,
		"unknown-parameter", "flow_data[type]"},
	"JSON: access_token":      {jsonType, `{"access_token":"x"}`, 400, "unknown-parameter", "access_token"},
	"locale: unknown":         {formType, "locale=tlh", 400, "invalid-parameter", "locale"},
	"locale: wrong case":      {formType, "locale=EN", 400, "invalid-parameter", "locale"},
	"configuration: unlisted": {formType, "configuration=bpc_2", 403, "parameter-not-allowed", "configuration"},
	"configuration: empty":    {formType, "configuration=", 403, "parameter-not-allowed", "configuration"},
	"on_behalf_of: unlisted":  {formType, "on_behalf_of=acct_2", 403, "parameter-not-allowed", "on_behalf_of"},
	"return_url: empty":       {formType, "return_url=", 400, "invalid-return-url", "return_url"},
	"return_url: another origin": {formType, "return_url=https://evil.example/", 400,
		"invalid-return-url", "return_url"},
	"flow: no type": {formType, "flow_data[subscription_cancel][subscription]=sub_1", 400,
		"invalid-parameter", "flow_data[type]"},
	"flow: empty object": {jsonType, `{"flow_data":{}}`, 400, "invalid-parameter", "flow_data[type]"},
	"flow: unknown type": {formType, "flow_data[type]=invoice_history", 400,
		"invalid-parameter", "flow_data[type]"},
	"flow: another type's block": {formType, "flow_data[type]=payment_method_update&" +
		"flow_data[subscription_cancel][subscription]=sub_1", 400, "invalid-parameter",
		"flow_data[subscription_cancel]"},
	"flow: two blocks": {formType, cancelForm + "&flow_data[subscription_update][subscription]=sub_1",
		400, "invalid-parameter", "flow_data[subscription_update]"},
	"cancel: empty subscription": {formType, "flow_data[type]=subscription_cancel&" +
		"flow_data[subscription_cancel][subscription]=", 400, "invalid-parameter",
		"flow_data[subscription_cancel][subscription]"},
	"retention: no type": {formType, cancelForm +
		"&flow_data[subscription_cancel][retention][coupon_offer][coupon]=STAY20", 400, "invalid-parameter",
		"flow_data[subscription_cancel][retention][type]"},
	"retention: unknown type": {formType, cancelForm + "&flow_data[subscription_cancel][retention][type]=gift",
		400, "invalid-parameter", "flow_data[subscription_cancel][retention][type]"},
	"retention: no coupon": {formType, cancelForm +
		"&flow_data[subscription_cancel][retention][type]=coupon_offer", 400, "invalid-parameter",
		"flow_data[subscription_cancel][retention][coupon_offer][coupon]"},
	"retention: unlisted coupon": {formType, cancelForm +
		"&flow_data[subscription_cancel][retention][type]=coupon_offer&" +
		"flow_data[subscription_cancel][retention][coupon_offer][coupon]=FREE", 403, "parameter-not-allowed",
		"flow_data[subscription_cancel][retention][coupon_offer][coupon]"},
	"after: no type": {formType, cancelForm + "&flow_data[after_completion][redirect][return_url]=" +
		appURL, 400, "invalid-parameter", "flow_data[after_completion][type]"},
	"after: unknown type": {formType, cancelForm + "&flow_data[after_completion][type]=party", 400,
		"invalid-parameter", "flow_data[after_completion][type]"},
	"after: redirect without URL": {formType, cancelForm + "&flow_data[after_completion][type]=redirect", 400,
		"invalid-parameter", "flow_data[after_completion][redirect][return_url]"},
	"after: redirect elsewhere": {formType, cancelForm +
		"&flow_data[after_completion][type]=redirect&" +
		"flow_data[after_completion][redirect][return_url]=https://evil.example", 400, "invalid-return-url",
		"flow_data[after_completion][redirect][return_url]"},
	"after: another type's block": {formType, cancelForm +
		"&flow_data[after_completion][type]=portal_homepage&flow_data[after_completion][redirect][return_url]=" +
		appURL, 400, "invalid-parameter", "flow_data[after_completion][redirect]"},
	"after: message of 501": {formType, cancelForm +
		"&flow_data[after_completion][type]=hosted_confirmation&" +
		"flow_data[after_completion][hosted_confirmation][custom_message]=" + strings.Repeat("%C3%A9", 501), 400,
		"invalid-parameter", "flow_data[after_completion][hosted_confirmation][custom_message]"},
	"confirm: no items": {formType, "flow_data[type]=subscription_update_confirm&" +
		"flow_data[subscription_update_confirm][subscription]=sub_1", 400, "invalid-parameter",
		"flow_data[subscription_update_confirm][items]"},
	"confirm: empty items": {jsonType, `{"flow_data":{"type":"subscription_update_confirm",` +
		`"subscription_update_confirm":{"subscription":"sub_1","items":[]}}}`, 400, "invalid-parameter",
		"flow_data[subscription_update_confirm][items]"},
	"confirm: two items": {formType, confirmForm +
		"&flow_data[subscription_update_confirm][items][1][id]=si_2", 400, "invalid-parameter",
		"flow_data[subscription_update_confirm][items]"},
	"confirm: two items in JSON": {jsonType, `{"flow_data":{"type":"subscription_update_confirm",` +
		`"subscription_update_confirm":{"subscription":"sub_1","items":[{"id":"si_1"},{"id":"si_2"}]}}}`, 400,
		"invalid-parameter", "flow_data[subscription_update_confirm][items]"},
	"confirm: items from 1": {formType, "flow_data[type]=subscription_update_confirm&" +
		"flow_data[subscription_update_confirm][subscription]=sub_1&" +
		"flow_data[subscription_update_confirm][items][1][id]=si_1", 400, "invalid-parameter",
		"flow_data[subscription_update_confirm][items]"},
	"confirm: empty price": {formType, confirmForm +
		"&flow_data[subscription_update_confirm][items][0][price]=", 400, "invalid-parameter",
		"flow_data[subscription_update_confirm][items][0][price]"},
	"quantity: -1": {formType, confirmForm + "&" + quantityName + "=-1", 400,
		"invalid-parameter", quantityName},
	"quantity: 1.5": {formType, confirmForm + "&" + quantityName + "=1.5", 400,
		"invalid-parameter", quantityName},
	"quantity: x": {formType, confirmForm + "&" + quantityName + "=x", 400,
		"invalid-parameter", quantityName},
	"quantity: empty": {formType, confirmForm + "&" + quantityName + "=", 400,
		"invalid-parameter", quantityName},
	"quantity: 20 digits": {formType, confirmForm + "&" + quantityName + "=99999999999999999999", 400,
		"invalid-parameter", quantityName},
	"quantity: JSON -1":     {jsonType, quantityJSON("-1"), 400, "invalid-parameter", quantityName},
	"quantity: JSON 1.5":    {jsonType, quantityJSON("1.5"), 400, "invalid-parameter", quantityName},
	"quantity: JSON 1e2":    {jsonType, quantityJSON("1e2"), 400, "invalid-parameter", quantityName},
	"quantity: JSON string": {jsonType, quantityJSON(`"1"`), 400, "invalid-parameter", quantityName},
	"discount: both": {formType, confirmForm + "&" + discountName + "[coupon]=STAY20&" + discountName +
		"[promotion_code]=promo_1", 400, "invalid-parameter", discountName},
	"discount: neither": {jsonType, `{"flow_data":{"type":"subscription_update_confirm",` +
		`"subscription_update_confirm":{"subscription":"sub_1","items":[{"id":"si_1"}],"discounts":[{}]}}}`, 400,
		"invalid-parameter", discountName},
	"discount: two": {formType, confirmForm + "&" + discountName +
		"[coupon]=STAY20&flow_data[subscription_update_confirm][discounts][1][coupon]=STAY20", 400, "invalid-parameter",
		"flow_data[subscription_update_confirm][discounts]"},
	"discount: unlisted coupon": {formType, confirmForm + "&" + discountName + "[coupon]=FREE", 403,
		"parameter-not-allowed", discountName + "[coupon]"},
	"discount: unlisted promo code": {formType, confirmForm + "&" + discountName + "[promotion_code]=promo_2", 403,
		"parameter-not-allowed", discountName + "[promotion_code]"},
	"credentials: header and form":   {formType, "access_token=" + testToken, 400, "invalid-request", ""},
	"credentials: two form fields":   {formType, "access_token=a&access_token=b", 400, "invalid-request", ""},
	"credentials: empty form fields": {formType, "access_token=&access_token=" + testToken, 400, "invalid-request", ""},
}

const (
	cancelForm  = "flow_data[type]=subscription_cancel&flow_data[subscription_cancel][subscription]=sub_1"
	confirmForm = "flow_data[type]=subscription_update_confirm&" +
		"flow_data[subscription_update_confirm][subscription]=sub_1&" +
		"flow_data[subscription_update_confirm][items][0][id]=si_1"
	quantityName = "flow_data[subscription_update_confirm][items][0][quantity]"
	discountName = "flow_data[subscription_update_confirm][discounts][0]"
)

func quantityJSON(quantity string) string {
	return `{"flow_data":{"type":"subscription_update_confirm","subscription_update_confirm":{"subscription":"sub_1",` +
		`"items":[{"id":"si_1","quantity":` + quantity + `}]}}}`
}

// names returns a form with count parameters, and members a JSON object with count members.
func names(count int) string {
	var form []string
	for i := range count {
		form = append(form, fmt.Sprintf("%d=", i))
	}
	return strings.Join(form, "&")
}

func members(count int, value string) string {
	var object []string
	for i := range count {
		object = append(object, fmt.Sprintf("\"%d\":%s", i, value))
	}
	return "{" + strings.Join(object, ",") + "}"
}

// goodInput has requests that are empty or written in an unusual way. Each creates a session.
var goodInput = map[string]struct {
	contentType, encoding, body string
	locale                      string // as sent to Stripe
}{
	"JSON: null": {jsonType, "", "null", ""},
	// as from Laravel's client and PHP's json_encode([])
	"JSON: an empty list":                       {jsonType, "", "[]", ""},
	"JSON: an empty list with space":            {jsonType, "", "\r\n[ \t]\n", ""},
	"JSON: null with space":                     {jsonType, "", " null ", ""},
	"JSON: an empty object":                     {jsonType, "", "{}", ""},
	"JSON: white space":                         {jsonType, "", " \t\r\n", ""},
	"JSON: a byte order mark":                   {jsonType, "", "\ufeff", ""},
	"JSON: a mark and white space":              {jsonType, "", "\ufeff\r\n", ""},
	"JSON: a mark and an empty list":            {jsonType, "", "\ufeff[]", ""},
	"JSON: a mark and an object":                {jsonType, "", "\ufeff{\"locale\":\"de\"}", "de"},
	"JSON: 200 names":                           {jsonType, "", members(200, "null"), ""},
	"JSON: an empty list for an object":         {jsonType, "", `{"locale":"de","flow_data":[]}`, "de"},
	"form: white space":                         {formType, "", "\r\n", ""},
	"form: a byte order mark":                   {formType, "", "\ufeff", ""},
	"form: a mark and a name":                   {formType, "", "\ufefflocale=de", "de"},
	"form: nothing between ampersands":          {formType, "", "&&locale=de" + strings.Repeat("&", 300), "de"},
	"no type: white space":                      {"", "", "\n", ""},
	"charset: utf8":                             {jsonType + ";charset=utf8", "", `{"locale":"de"}`, "de"},
	"charset: UTF8":                             {formType + "; charset=UTF8", "", "locale=de", "de"},
	"charset: UTF-8":                            {formType + "; charset=UTF-8", "", "locale=de", "de"},
	"charset: in quotes":                        {jsonType + `; charset="Utf-8"`, "", `{"locale":"de"}`, "de"},
	"charset: utf8 in quotes":                   {jsonType + `; charset="utf8"`, "", `{"locale":"de"}`, "de"},
	"charset: in single quotes":                 {jsonType + `; charset='utf-8'`, "", `{"locale":"de"}`, "de"},
	"charset: utf_8":                            {jsonType + `; Charset=utf_8`, "", `{"locale":"de"}`, "de"},
	"encoding: identity":                        {jsonType, "identity", `{"locale":"de"}`, "de"},
	"encoding: IDENTITY":                        {formType, "IDENTITY", "locale=de", "de"},
	"encoding: identity twice":                  {formType, "identity, Identity", "locale=de", "de"},
	"encoding: empty":                           {formType, " ", "locale=de", "de"},
	"encoding: any, with a body of white space": {formType, "gzip", "\n", ""},
}

func TestGoodInput(t *testing.T) {
	for name, test := range goodInput {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, nil)
			w := f.serve(test.contentType, test.body, header("Content-Encoding", test.encoding))
			if w.Code != 303 {
				t.Fatalf("status = %d: %s", w.Code, w.Body)
			}
			if got := stripe.StringValue(f.created[0].Locale); got != test.locale {
				t.Errorf("locale = %q, want %q", got, test.locale)
			}
			if f.created[0].FlowData != nil {
				t.Errorf("flow_data = %+v", f.created[0].FlowData)
			}
		})
	}
}

func TestOtherEncodingsAndTypesAreRefused(t *testing.T) {
	for name, test := range map[string]struct{ contentType, encoding string }{
		"gzip":                     {jsonType, "gzip"},
		"gzip after identity":      {jsonType, "identity, gzip"},
		"identity with parameters": {jsonType, "identity;q=1"},
		"latin 1":                  {jsonType + "; charset=iso-8859-1", ""},
		"UTF-16":                   {jsonType + "; charset=utf-16", ""},
		"UTF-7":                    {jsonType + "; charset=utf-7", ""},
		"no charset":               {jsonType + `; charset=""`, ""},
		"another type in UTF-8":    {"text/plain; charset=utf8", ""},
	} {
		w := newFixture(t, nil).serve(test.contentType, "{}", header("Content-Encoding", test.encoding))
		if d := problemIn(t, w); w.Code != 415 || d.Code != "unsupported-media-type" {
			t.Errorf("%s: %+v", name, d)
		}
	}
}

func TestBadInputIsRefusedBeforeAnyCall(t *testing.T) {
	for name, test := range badInput {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, nil)
			w := f.serve(test.contentType, test.body, nil)
			d := problemIn(t, w)
			if w.Code != test.status || d.Code != test.code || d.Param != test.param {
				t.Errorf("status = %d, problem = %+v", w.Code, d)
			}
			if logged, isLogged := f.line(t)["param"]; isLogged != (test.param != "") ||
				isLogged && logged != test.param {
				t.Errorf("logged the parameter %v", logged)
			}
			if f.lookups != 0 || len(f.created) != 0 {
				t.Errorf("%d lookups and %d calls to Stripe", f.lookups, len(f.created))
			}
		})
	}
}

func TestABodyThatCannotBeReadIsRefused(t *testing.T) {
	w := newFixture(t, nil).serve(formType, "",
		func(r *http.Request) { r.Body = io.NopCloser(iotest.ErrReader(errors.New("cut"))) })
	if d := problemIn(t, w); w.Code != 400 || d.Code != "invalid-request" || d.Detail != "The body cannot be read." {
		t.Errorf("%+v", d)
	}
	if w := newFixture(t, nil).serve(formType, "", func(r *http.Request) { r.Body = nil }); w.Code != 303 {
		t.Errorf("no body: %d %s", w.Code, w.Body)
	}
}

func TestUnlistedFlowIsRefused(t *testing.T) {
	f := newFixture(t, func(c *Config) { c.Policy.AllowedFlows = []string{params.FlowPaymentMethodUpdate} })
	w := f.serve(formType, cancelForm, nil)
	if d := problemIn(t, w); w.Code != 403 || d.Code != "parameter-not-allowed" || d.Param != "flow_data[type]" {
		t.Errorf("status = %d, problem = %+v", w.Code, d)
	}
	if w := f.serve(formType, "flow_data[type]=payment_method_update", nil); w.Code != 303 {
		t.Errorf("listed flow: status = %d", w.Code)
	}
}

func TestNothingIsAllowedThatIsNotListed(t *testing.T) {
	f := newFixture(t, func(c *Config) {
		c.Policy = params.Policy{AllowedOrigins: c.Policy.AllowedOrigins, DefaultReturnURL: appURL,
			AllowedFlows: params.Flows()}
	})
	for _, body := range []string{
		"configuration=bpc_1",
		"on_behalf_of=acct_1",
		cancelForm + "&flow_data[subscription_cancel][retention][type]=coupon_offer&" +
			"flow_data[subscription_cancel][retention][coupon_offer][coupon]=STAY20",
		confirmForm + "&" + discountName + "[coupon]=STAY20",
		confirmForm + "&" + discountName + "[promotion_code]=promo_1",
	} {
		if d := problemIn(t, f.serve(formType, body, nil)); d.Code != "parameter-not-allowed" {
			t.Errorf("%s: %+v", body, d)
		}
	}
}

func TestCredentials(t *testing.T) {
	type change = func(*http.Request)
	cookie := func(values ...string) change {
		return func(r *http.Request) {
			r.Header.Del("Authorization")
			for _, value := range values {
				// A cookie in a request has no attributes.
				r.AddCookie(&http.Cookie{Name: "session", Value: value}) //nolint:gosec
			}
		}
	}
	withHeaders := func(first change, pairs ...string) change {
		return func(r *http.Request) {
			first(r)
			for i := 0; i < len(pairs); i += 2 {
				r.Header.Set(pairs[i], pairs[i+1])
			}
		}
	}
	for name, test := range map[string]struct {
		change change
		body   string
		status int
		code   string
	}{
		"none":                 {cookie(), "", 401, "missing-credentials"},
		"Bearer":               {header("Authorization", "Bearer "+testToken), "", 303, ""},
		"bearer in lower case": {header("Authorization", "bearer "+testToken), "", 303, ""},
		"two spaces":           {header("Authorization", "Bearer  "+testToken), "", 303, ""},
		"Bearer without token": {header("Authorization", "Bearer"), "", 401, "missing-credentials"},
		"Basic": {header("Authorization", "Basic dXNlcjpwYXNz"), "",
			401, "missing-credentials"},
		"token without scheme": {header("Authorization", testToken), "", 401, "missing-credentials"},
		"garbage":              {header("Authorization", "Bearer garbage"), "", 401, "invalid-token"},
		"two words":            {header("Authorization", "Bearer "+testToken+" x"), "", 401, "invalid-token"},
		"two in one header": {header("Authorization", "Bearer "+testToken+", Bearer "+testToken), "",
			400, "invalid-request"},
		"something after a comma": {header("Authorization", "Bearer "+testToken+",x"), "",
			400, "invalid-request"},
		"two headers": {func(r *http.Request) { r.Header.Add("Authorization", "Bearer "+testToken) },
			"", 400, "invalid-request"},
		"form field":                  {cookie(), "access_token=" + testToken, 303, ""},
		"empty form field":            {cookie(), "access_token=", 401, "missing-credentials"},
		"wrong form field":            {cookie(), "access_token=garbage", 401, "invalid-token"},
		"cookie":                      {cookie(testToken), "", 303, ""},
		"empty cookie":                {cookie(""), "", 401, "missing-credentials"},
		"two cookies":                 {cookie(testToken, "tossed"), "", 400, "invalid-request"},
		"three cookies of two values": {cookie(testToken, "tossed", testToken), "", 400, "invalid-request"},
		"the same cookie twice":       {cookie(testToken, testToken), "", 303, ""},
		"the same cookie in quotes": {withHeaders(cookie(), "Cookie",
			`session=`+testToken+`; session="`+testToken+`"`), "", 303, ""},
		"the same and an empty one": {cookie(testToken, "", testToken), "", 303, ""},
		"the same, another site": {withHeaders(cookie(testToken, testToken), "Sec-Fetch-Site", "cross-site",
			"Origin", "https://evil.example"), "", 403, "cross-origin-request"},
		"the same and a header": {withHeaders(cookie(testToken, testToken), "Authorization",
			"Bearer "+testToken), "", 400, "invalid-request"},
		"the same bad one twice": {cookie("garbage", "garbage"), "", 401, "invalid-token"},
		"cookie and header": {withHeaders(cookie(testToken), "Authorization", "Bearer "+testToken), "",
			400, "invalid-request"},
		"cookie and form":     {cookie(testToken), "access_token=" + testToken, 400, "invalid-request"},
		"cookie, same origin": {withHeaders(cookie(testToken), "Sec-Fetch-Site", "same-origin"), "", 303, ""},
		"cookie, typed in":    {withHeaders(cookie(testToken), "Sec-Fetch-Site", "none"), "", 303, ""},
		"cookie, allowed origin": {withHeaders(cookie(testToken), "Sec-Fetch-Site", "same-site", "Origin",
			"https://app.example.com"), "", 303, ""},
		"cookie, another site": {withHeaders(cookie(testToken), "Sec-Fetch-Site", "cross-site", "Origin",
			"https://evil.example"), "", 403, "cross-origin-request"},
		"cookie, sister site": {withHeaders(cookie(testToken), "Sec-Fetch-Site", "same-site", "Origin",
			"https://blog.example.com"), "", 403, "cross-origin-request"},
		"cookie, opaque origin": {withHeaders(cookie(testToken), "Sec-Fetch-Site", "cross-site", "Origin",
			"null"), "", 403, "cross-origin-request"},
		"cookie, origin without fetch": {withHeaders(cookie(testToken), "Origin", "https://evil.example"), "", 403,
			"cross-origin-request"},
		"header, another site": {withHeaders(header("Authorization", "Bearer "+testToken), "Sec-Fetch-Site",
			"cross-site", "Origin", "https://evil.example"), "", 303, ""},
		"form, another site": {withHeaders(cookie(), "Sec-Fetch-Site", "cross-site", "Origin",
			"https://evil.example"), "access_token=" + testToken, 303, ""},
		"cookie of another name": {withHeaders(cookie(), "Cookie", "other="+testToken), "",
			401, "missing-credentials"},
		"Basic and a session cookie": {withHeaders(cookie(testToken), "Authorization", "Basic dXNlcjpwYXNz"),
			"", 303, ""},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, func(c *Config) { c.SessionCookie = "session" })
			contentType := ""
			if test.body != "" {
				contentType = formType
			}
			w := f.serve(contentType, test.body, test.change)
			if w.Code != test.status {
				t.Fatalf("status = %d: %s", w.Code, w.Body)
			}
			if test.code != "" && problemIn(t, w).Code != test.code {
				t.Errorf("problem = %s", w.Body)
			}
		})
	}
}

func TestCookieIsIgnoredUnlessConfigured(t *testing.T) {
	w := newFixture(t, nil).serve("", "", func(r *http.Request) {
		r.Header.Del("Authorization")
		r.Header.Set("Cookie", "session="+testToken)
	})
	if d := problemIn(t, w); d.Code != "missing-credentials" {
		t.Errorf("%+v", d)
	}
}

// FuzzInput looks for a body that breaks the reader, and checks that accepted input satisfies the
// policy.
func FuzzInput(f *testing.F) {
	for _, test := range badInput {
		f.Add(test.contentType == jsonType, []byte(test.body))
	}
	f.Fuzz(func(t *testing.T, isJSON bool, body []byte) {
		fixture := newFixture(t, nil)
		contentType := formType
		if isJSON {
			contentType = jsonType
		}
		w := fixture.serve(contentType, string(body), nil)
		if w.Code == 303 {
			created := fixture.created[0]
			origin, err := params.OriginOf(stripe.StringValue(created.ReturnURL))
			if stripe.StringValue(created.Customer) != "cus_alice" || err != nil ||
				!slices.Contains(fixture.Policy.AllowedOrigins, origin) {
				t.Errorf("accepted %q: %+v", body, created)
			}
			return
		}
		if d := problemIn(t, w); d.Status != w.Code || w.Code >= 500 {
			t.Errorf("status = %d, problem = %+v", w.Code, d)
		}
	})
}
