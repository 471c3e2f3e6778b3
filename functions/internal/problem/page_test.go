package problem

import (
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"html"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"billingportal/functions/internal/language"
)

// cutStyle returns a page's style, and the page without it.
func cutStyle(page string) (style, rest string) {
	before, rest, _ := strings.Cut(page, "<style>")
	style, after, _ := strings.Cut(rest, "</style>")
	return style, before + after
}

// pageOf checks a page's headers and returns the page without its style. The policy must have the
// hash of the style, or browsers ignore the style.
func pageOf(t *testing.T, status int, write func(http.ResponseWriter)) string {
	t.Helper()
	w := httptest.NewRecorder()
	write(w)
	style, rest := cutStyle(w.Body.String())
	sum := sha256.Sum256([]byte(style))
	want := http.Header{
		"Content-Type": {"text/html; charset=utf-8"},
		"Vary":         {"Accept, Accept-Language"},
		"Content-Security-Policy": {
			"default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) +
				"'; base-uri 'none'; frame-ancestors 'none'",
		},
	}
	if w.Code != status || len(style) < 100 || !maps.EqualFunc(w.Header(), want, slices.Equal) {
		t.Errorf("%d %v\nwant %d %v", w.Code, w.Header(), status, want)
	}
	return rest
}

// head returns the beginning of every page. Every page ends with back and tail.
func head(language, title string) string { return headOf(language, title, title) }

// headOf returns the beginning of a page whose heading has line break opportunities.
func headOf(language, title, heading string) string {
	return `<!doctype html><html lang="` + language + `"><head><meta charset="utf-8">` +
		`<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="robots" content="noindex">` +
		`<title>` + title + `</title></head><body dir="ltr"><main><h1>` + heading + `</h1>`
}

func back(label string) string {
	return `<p><a class="button" href="https://app.example.com/billing?tab=1&amp;x=&lt;2&gt;">` + label + `</a></p>`
}

const tail = "</main></body></html>\n"

func TestThePageOfAProblem(t *testing.T) {
	choices := []Form{
		{Label: `Team × 5 <b>`, Fields: []Field{{"locale", "de"}, {`flow_data[x]"`, `sub_1"><script>`}}},
		{Label: "Storage"},
	}
	for name, test := range map[string]struct {
		language language.Tag
		problem  Problem
		status   int
		want     string
	}{
		"without a language": {
			"", Problem{Code: "not-found", Detail: `It's "gone" <now>.`}, 404,
			head("en", "Not found") + `<p>Please go back to the app.</p>` + back("Back to the app") +
				`<dl><dt>What happened</dt><dd>It&#39;s &#34;gone&#34; ` +
				`&lt;now&gt;.</dd><dt>Error</dt><dd><code>not-found</code> (404)</dd>` +
				`<dt>Reference</dt><dd><code>Ff1TQj3fFiAEJgA=</code></dd></dl>` + tail,
		},
		"in another language, with a reason": {
			"fr", Problem{Code: "subscription-not-eligible", Reason: language.SubscriptionPaused}, 409,
			head("fr", "Opération impossible") +
				`<p>L’abonnement est en pause. Veuillez revenir à l’application et vérifier l’état de votre ` +
				`abonnement.</p>` + back("Retour à l’application") +
				`<dl><dt>Ce qui s’est passé</dt><dd>L’abonnement est en pause.</dd>` +
				`<dt>Erreur</dt><dd><code>subscription-not-eligible</code> (409)</dd>` +
				`<dt>Référence</dt><dd><code>Ff1TQj3fFiAEJgA=</code></dd></dl>` + tail,
		},
		"with choices, without an error": {
			"de", Problem{Code: "subscription-ambiguous", Forms: choices, Question: language.CancelWhich,
				Advice: language.ChooseSubscription}, 409,
			head("de", "Welches Abo möchten Sie kündigen?") +
				`<p>Wählen Sie ein Abo aus. Danach geht es auf unserer Abrechnungsseite weiter.</p>` +
				`<form method="post"><input type="hidden" name="locale" value="de">` +
				`<input type="hidden" name="flow_data[x]&#34;" value="sub_1&#34;&gt;&lt;script&gt;">` +
				`<button class="button">Team × 5 &lt;b&gt;</button></form>` +
				`<form method="post"><button class="button">Storage</button></form>` + back("Zurück zur App") +
				`<dl><dt>Referenz</dt><dd><code>Ff1TQj3fFiAEJgA=</code></dd></dl>` + tail,
		},
		"in Japanese, with wide brackets": {
			"ja", Problem{Code: "billing-busy"}, 503,
			headOf("ja", "請求ページにアクセスが集中しています", "請求ページに<wbr>アクセスが<wbr>集中しています") +
				`<p>しばらくしてからもう一度お試しください。変更は行われていません。</p>` + back("アプリに戻る") +
				`<dl><dt>エラー</dt><dd><code>billing-busy</code>（503）</dd>` +
				`<dt>参照番号</dt><dd><code>Ff1TQj3fFiAEJgA=</code></dd></dl>` + tail,
		},
	} {
		t.Run(name, func(t *testing.T) {
			reader := reader
			reader.Language = test.language
			got := pageOf(t, test.status, func(w http.ResponseWriter) { test.problem.Write(w, Page, reader) })
			if got != test.want {
				t.Errorf("%s\nwant\n%s", got, test.want)
			}
		})
	}
}

// Each code and each reason has its page in each language. A reason is in the first sentence and in
// the small print. Only English pages have details for developers.
func TestEveryPageInEveryLanguage(t *testing.T) {
	problems := []Problem{{Code: InvalidRequest, Reason: language.TwoSessions, Advice: language.DeleteCookies}}
	for code := range definitions {
		problems = append(problems, Problem{Code: code})
	}
	for reason := language.FlowNotPossible; reason <= language.NoSubscriptionEligible; reason++ {
		problems = append(problems, Problem{Code: SubscriptionNotEligible, Reason: reason})
	}
	for _, tag := range language.Tags {
		say := func(key language.Key) string { return html.EscapeString(tag.Text(key)) }
		for _, problem := range problems {
			definition, reason := definitions[problem.Code], problem.reason()
			lead, what := say(cmp.Or(problem.Advice, definition.advice)), ""
			if reason != 0 {
				what, lead = say(reason), strings.ReplaceAll(say(reason)+" "+lead, "。 ", "。")
			} else if tag == language.English {
				what = html.EscapeString(definition.detail)
			}
			if what != "" {
				what = `<dt>` + say(language.WhatHappened) + `</dt><dd>` + what + `</dd>`
			}
			want := headOf(string(tag), say(definition.title), heading(say(definition.title))) + `<p>` + lead + `</p>` +
				back(say(language.BackToApp)) + `<dl>` + what +
				`<dt>` + say(language.ErrorLabel) + `</dt><dd>` +
				tag.Aside(`<code>`+string(problem.Code)+`</code>`, strconv.Itoa(definition.status)) +
				`</dd><dt>` + say(language.Reference) + `</dt><dd><code>Ff1TQj3fFiAEJgA=</code></dd></dl>` + tail
			w := httptest.NewRecorder()
			problem.Write(w, Page, Reader{Language: tag, AppURL: reader.AppURL, RequestID: reader.RequestID})
			if _, got := cutStyle(w.Body.String()); got != want || w.Code != definition.status {
				t.Errorf("%s %s: %d %s\nwant %d\n%s", tag, problem.Code, w.Code, got, definition.status, want)
			}
		}
	}
}

// A Japanese title breaks only at a space or between phrases. Each phrase fits on a line of a
// phone.
func TestPhrasesOfJapaneseTitles(t *testing.T) {
	titles := []language.Key{
		language.CancelWhich, language.ChangePlanOfWhich, language.ConfirmChangeOfWhich, language.ManageBilling,
		language.UpdatePaymentMethod, language.UpdateBillingDetails, language.CancelSubscription, language.ChangePlan,
		language.ConfirmChange,
	}
	for _, definition := range definitions {
		titles = append(titles, definition.title)
	}
	for _, title := range titles {
		text := language.Tag("ja").Text(title)
		for _, phrase := range strings.Fields(strings.ReplaceAll(heading(text), "<wbr>", " ")) {
			if utf8.RuneCountInString(phrase) > 10 {
				t.Errorf("%s: %s has more than 10 characters", text, phrase)
			}
		}
	}
	for text, want := range map[string]string{
		"支払い方法を変更": "支払い方法を<wbr>変更", "Webhookの設定": "Webhookの<wbr>設定", "戻り先のURL": "戻り先の<wbr>URL",
		"ログインしていません": "ログインしていません", "Quel abonnement": "Quel abonnement", "を": "を", "": "",
	} {
		if got := heading(text); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

// A link in an e-mail leads to this page. It does nothing until the reader presses its button.
func TestTheConfirmationPage(t *testing.T) {
	got := pageOf(t, 200, func(w http.ResponseWriter) {
		WriteConfirmation(w, language.CancelSubscription, []Field{{"flow_data[type]", "subscription_cancel"}}, reader)
	})
	want := head("de", "Abo kündigen") + `<p>Weiter geht es auf unserer Abrechnungsseite.</p>` +
		`<form method="post"><input type="hidden" name="flow_data[type]" value="subscription_cancel">` +
		`<button class="button">Abo kündigen</button></form>` + back("Zurück zur App") + tail
	if got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
}
