package lambdahttp_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"testing"

	"billingportal/functions/internal/lambdahttp"
)

const maxBody = 8192

// bodyOf returns the body that the handler gets for a payload, or the error that onError gets.
func bodyOf(t testing.TB, payload string) (body string, refusal error) {
	t.Helper()
	h := lambdahttp.New(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if r.Body == nil {
			return
		}
		read, err := io.ReadAll(r.Body)
		if err != nil || int64(len(read)) != r.ContentLength {
			t.Errorf("%d bytes with the content length %d: %v", len(read), r.ContentLength, err)
		}
		body = string(read)
	}), func(_ http.ResponseWriter, r *http.Request, err error) {
		refusal = err
		if errors.Is(err, lambdahttp.ErrTooLarge) && (r.Method != "POST" || r.URL.Path != "/billing/portal" ||
			r.Header.Get("Accept") != "text/html" || r.Body == nil) {
			t.Errorf("refused as %s %s %v", r.Method, r.URL, r.Header)
		}
	}, "/v1", maxBody)
	if _, err := h.Invoke(context.Background(), []byte(payload)); err != nil {
		t.Fatal(err)
	}
	return body, refusal
}

const rest = `"version":"2.0","rawPath":"/v1/billing/portal","headers":{"accept":"text/html"},` +
	`"requestContext":{"http":{"method":"POST","path":"/v1/billing/portal"}}`

func plain(body string) string { return `{` + rest + `,"body":"` + body + `","isBase64Encoded":false}` }

func inBase64(body string) string {
	return `{` + rest + `,"body":"` + base64.StdEncoding.EncodeToString([]byte(body)) + `","isBase64Encoded":true}`
}

// The limit counts the bytes that the caller sent, however the gateway encoded them.
func TestTheLimitIsThatOfTheDecodedBody(t *testing.T) {
	for name, unit := range map[string]struct{ written, stands string }{
		"letters":                         {"a", "a"},
		"an escape":                       {`\n`, "\n"},
		"quotation marks":                 {`\"`, `"`},
		"backslashes":                     {`\\`, `\`},
		"letters and backslashes":         {`ab\\`, `ab\`},
		"an escaped letter":               {`\u0061`, "a"},
		"the last character of one byte":  {`\u007f`, "\x7f"},
		"the first of two bytes":          {`\u0080`, "\u0080"},
		"the last of two bytes":           {`\u07ff`, "\u07ff"},
		"the first of three bytes":        {`\u0800`, "\u0800"},
		"the last of three bytes":         {`\uffff`, "\uffff"},
		"a surrogate pair":                {`\ud83d\ude00`, "😀"},
		"a surrogate pair in capitals":    {`\uD83D\uDE00`, "😀"},
		"an unescaped character of UTF-8": {"é", "é"},
	} {
		for size := maxBody - 3; size <= maxBody+3; size++ {
			count := size / len(unit.stands)
			fill := strings.Repeat("x", size-count*len(unit.stands))
			body, err := bodyOf(t, plain(fill+strings.Repeat(unit.written, count)))
			requireLimit(t, fmt.Sprint(name, " ", size), body, err, fill+strings.Repeat(unit.stands, count))
		}
	}
	for size := maxBody - 4; size <= maxBody+4; size++ { // with and without padding
		want := strings.Repeat("\xff", size)
		body, err := bodyOf(t, inBase64(want))
		requireLimit(t, fmt.Sprint("base64 ", size), body, err, want)
		body, err = bodyOf(t, strings.ReplaceAll(inBase64(want), "/", `\/`))
		requireLimit(t, fmt.Sprint("base64 with escaped slashes ", size), body, err, want)
	}
}

func requireLimit(t *testing.T, name, body string, err error, want string) {
	t.Helper()
	if len(want) > maxBody {
		if !errors.Is(err, lambdahttp.ErrTooLarge) || body != "" {
			t.Errorf("%s: %d bytes, %v, want ErrTooLarge", name, len(body), err)
		}
		return
	}
	if err != nil || body != want {
		t.Errorf("%s: %d bytes, %v, want %d", name, len(body), err, len(want))
	}
}

func TestTheBodyIsFoundAnywhereInTheEvent(t *testing.T) {
	large := strings.Repeat("a", maxBody+1)
	for name, test := range map[string]struct {
		payload, want string
		err           error
	}{
		"last":                 {`{` + rest + `,"isBase64Encoded":false,"body":"b"}`, "b", nil},
		"first":                {`{"body":"b",` + rest + `}`, "b", nil},
		"with white space":     {"\n{ " + rest + " ,\t\"body\" :\r\n\"b\" } ", "b", nil},
		"first, and too large": {`{"body":"` + large + `",` + rest + `}`, "", lambdahttp.ErrTooLarge},
		"last, and too large":  {`{` + rest + `,"body":"` + large + `"}`, "", lambdahttp.ErrTooLarge},
		"null":                 {`{` + rest + `,"body":null}`, "", nil},
		"empty":                {`{` + rest + `,"body":""}`, "", nil},
		"absent":               {`{` + rest + `}`, "", nil},
		"a header named body":  {`{"headers":{"body":"` + large + `"},` + rest + `}`, "", nil},
		"a string that looks like it": {`{"note":"\"body\":\"x","nested":[{"body":"x"},{"body":["}"]}],` + rest +
			`,"body":"b"}`, "b", nil},
		"a string that ends in a backslash": {`{"note":"\\","other":"\\\\\"",` + rest + `,"body":"b\\"}`, `b\`, nil},
		"after values of each kind": {`{"a":-1.5e3,"b":true,"c":null,"d":[],"e":{},"f":[[1,{"g":"]"}],2],` + rest +
			`,"body":"b"}`, "b", nil},
		"a number":                  {`{` + rest + `,"body":5}`, "", lambdahttp.ErrBadRequest},
		"absent, and a number last": {`{` + rest + `,"number":5}`, "", nil},
		"absent, and a list last":   {`{` + rest + `,"list":[5]}`, "", nil},
		"every short escape":        {`{` + rest + `,"body":"\"\\\/\b\f\n\r\t"}`, "\"\\/\b\f\n\r\t", nil},
		"half a surrogate pair":     {`{` + rest + `,"body":"\ud83dx"}`, "\ufffdx", nil},
		"the wrong half":            {`{` + rest + `,"body":"\ude00\ud83d"}`, "\ufffd\ufffd", nil},
		"an escape in a long string": {`{` + rest + `,"body":"` + strings.Repeat("a", 300) + `\"b","c":"d"}`,
			strings.Repeat("a", 300) + `"b`, nil},
		"a backslash after a long string": {`{` + rest + `,"body":"` + strings.Repeat("a", 300) + `\\","c":"\""}`,
			strings.Repeat("a", 300) + `\`, nil},
		"a long string without its end": {`{` + rest + `,"body":"` + strings.Repeat("a", 300), "",
			lambdahttp.ErrBadRequest},
		"a string that ends within an escape": {`{` + rest + `,"body":"` + strings.Repeat("a", 254) + `\`, "",
			lambdahttp.ErrBadRequest},
		"letters for digits":         {`{` + rest + `,"body":"\u00zz"}`, "", lambdahttp.ErrBadRequest},
		"a sign among the digits":    {`{` + rest + `,"body":"\u+123"}`, "", lambdahttp.ErrBadRequest},
		"a bad escape":               {`{` + rest + `,"body":"\x"}`, "", lambdahttp.ErrBadRequest},
		"an escape with two digits":  {`{` + rest + `,"body":"\u00"}`, "", lambdahttp.ErrBadRequest},
		"a string without its end":   {`{` + rest + `,"body":"b`, "", lambdahttp.ErrBadRequest},
		"only a quotation mark":      {`{` + rest + `,"body":"`, "", lambdahttp.ErrBadRequest},
		"two commas":                 {`{` + rest + `,,"body":"b"}`, "", lambdahttp.ErrBadRequest},
		"no colon":                   {`{` + rest + `,"body" "b"}`, "", lambdahttp.ErrBadRequest},
		"brackets that do not match": {`{"a":]}` + rest + `,"body":"b"}`, "", lambdahttp.ErrBadRequest},
		"a megabyte of padding": {`{` + rest + `,"isBase64Encoded":true,"body":"` + strings.Repeat("=", 1<<20) +
			`"}`, "", lambdahttp.ErrTooLarge},
		"only padding": {`{` + rest + `,"isBase64Encoded":true,"body":"===="}`, "", lambdahttp.ErrBadRequest},
	} {
		t.Run(name, func(t *testing.T) {
			body, err := bodyOf(t, test.payload)
			if body != test.want || !errors.Is(err, test.err) {
				t.Errorf("%.20q, %v, want %q, %v", body, err, test.want, test.err)
			}
		})
	}
}

// A body over the limit is neither decoded nor copied: it costs only the search for its end.
func TestALargeBodyIsNotDecoded(t *testing.T) {
	for name, payload := range map[string]string{
		"plain":                plain(strings.Repeat("a", 1<<20)),
		"base64":               inBase64(strings.Repeat("a", 1<<20)),
		"only quotation marks": plain(strings.Repeat(`\"`, 1<<19)),
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := bodyOf(t, payload)
		runtime.ReadMemStats(&after)
		if !errors.Is(err, lambdahttp.ErrTooLarge) {
			t.Errorf("%s: %v", name, err)
		}
		// bodyOf makes one copy of the payload.
		if more := after.TotalAlloc - before.TotalAlloc; more > uint64(len(payload))+128<<10 {
			t.Errorf("%s: %d bytes are allocated for a payload of %d", name, more, len(payload))
		}
	}
}

// FuzzBody compares the decoded body with the one that encoding/json decodes.
func FuzzBody(f *testing.F) {
	f.Add("locale=de", false, true)
	f.Add("bG9jYWxlPWRl", true, false)
	f.Add(strings.Repeat("<é\"", 3000), false, true)
	f.Add("\xff\u2028\x00😀", false, false)
	f.Fuzz(func(t *testing.T, text string, isBase64, escapeHTML bool) {
		var payload bytes.Buffer
		encoder := json.NewEncoder(&payload)
		encoder.SetEscapeHTML(escapeHTML)
		if err := encoder.Encode(text); err != nil {
			t.Fatal(err)
		}
		quoted := strings.TrimSpace(payload.String())
		var want string
		if err := json.Unmarshal([]byte(quoted), &want); err != nil {
			t.Fatal(err)
		}
		var wanted error
		if isBase64 {
			decoded, err := base64.StdEncoding.DecodeString(want)
			if want = string(decoded); err != nil {
				want, wanted = "", lambdahttp.ErrBadRequest
			}
		}
		if len(want) > maxBody {
			want, wanted = "", lambdahttp.ErrTooLarge
		}
		body, err := bodyOf(t, fmt.Sprintf(`{%s,"body":%s,"isBase64Encoded":%t}`, rest, quoted, isBase64))
		isLongGarbage := errors.Is(wanted, lambdahttp.ErrBadRequest) && errors.Is(err, lambdahttp.ErrTooLarge)
		hasLineEnds := isBase64 && strings.ContainsAny(text, "\r\n") // the decoder skips them
		if body != want && !hasLineEnds || !errors.Is(err, wanted) && !isLongGarbage && !hasLineEnds {
			t.Errorf("%d bytes, %v, want %d, %v", len(body), err, len(want), wanted)
		}
	})
}
