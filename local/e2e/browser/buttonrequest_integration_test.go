//go:build integration

package browser

import (
	"encoding/json"
	"maps"
	"reflect"
	"strings"
	"testing"
	"time"
)

// stage is a script for the page of these tests. It replaces the network, so that tests see each
// request of the element and choose the response. It also replaces long timers, so that tests
// decide when they expire.
const stage = module + `<script>
	await customElements.whenDefined("manage-billing-button");
	const rest = (milliseconds = 0) => new Promise((done) => setTimeout(done, milliseconds));

	const { timeout } = AbortSignal;
	let patience;
	AbortSignal.timeout = (milliseconds) => timeout.call(AbortSignal, (patience = milliseconds));
	const sent = [];
	window.answers = [];
	window.fetch = async (url, { signal, ...options }) => {
		const made = new Request(url, options);
		sent.push({
			url: made.url, method: made.method, mode: made.mode, credentials: made.credentials, redirect: ` +
	`made.redirect, cache: made.cache,
			referrer: made.referrer, referrerPolicy: made.referrerPolicy, integrity: made.integrity, keepalive: ` +
	`made.keepalive,
			headers: Object.fromEntries(made.headers), body: await made.text(), patience: signal instanceof ` +
	`AbortSignal ? patience : "none",
		});
		await rest();
		const answer = answers.shift();
		if (!answer) throw new TypeError("Failed to fetch");
		return answer;
	};

	const later = new Map();
	const { setTimeout, clearTimeout } = window;
	window.setTimeout = (call, milliseconds = 0) => {
		if (milliseconds < 1000) return setTimeout(call, milliseconds);
		later.set(-later.size - 1, { call, milliseconds });
		return -later.size;
	};
	window.clearTimeout = (id) => later.delete(id) || clearTimeout(id);
	window.goOff = () => {
		const timers = [...later.values()].map(({ milliseconds }) => milliseconds);
		for (const { call } of later.values()) call();
		later.clear();
		return timers;
	};

	const told = [];
	window.prevented = ["billing-portal-open"];
	for (const name of ["open", "error"]) {
		document.addEventListener("billing-portal-" + name, (event) => {
			told.push([event.type, event.detail, event.target.localName, event.cancelable && event.composed && ` +
	`!event.defaultPrevented]);
			if (prevented.includes(event.type)) event.preventDefault();
		});
	}

	addEventListener("unhandledrejection", ({ reason }) => told.push(String(reason)));

	// The state that the user sees and hears, and the requests and events of the element since the
	// last look.
	window.look = (e) => ({
		label: e.textContent.trim() || buttonOf(e).innerText.trim(), status: ` +
	`e.shadowRoot.querySelector("[role=status][part=status]").textContent, ` +
	`busy: e.ariaBusy,
		disabled: [...e.querySelectorAll("button"), ...e.shadowRoot.querySelectorAll(":not([hidden]) > ` +
	`button")].map((button) => ` +
	`button.disabled).join(),
		choices: [...e.shadowRoot.querySelectorAll("[role=group][part=choices] > ` +
	`button[type=button][part=choice]")].map((choice) => choice.textContent),
		group: e.shadowRoot.querySelector("[part=choices]").ariaLabel, sent: sent.splice(0), told: told.splice(0),
	});
	window.make = (attributes = {}, properties = {}, ...children) => {
		const e = Object.assign(document.createElement("manage-billing-button"), properties);
		for (const name in attributes) e.setAttribute(name, attributes[name]);
		e.append(...children);
		document.querySelector("main").append(e);
		return e;
	};
	window.form = (fields, button, properties) => {
		const form = Object.assign(document.createElement("form"), properties);
		for (const name in fields) form.append(Object.assign(document.createElement("input"), { type: "hidden", ` +
	`name, value: fields[name] }));
		form.append(Object.assign(document.createElement("button"), button));
		return form;
	};
	// Presses a button and waits until the element is ready again.
	window.buttonOf = (e) => e.querySelector("button") ?? e.shadowRoot.querySelector("[part=button]");
	window.press = async (e, button = buttonOf(e)) => {
		button.click();
		for (let i = 0; i < 200 && !(i > 2 && e.ariaBusy === "false"); i++) await rest(5);
		return look(e);
	};
	window.rest = rest;
	document.title = "set";
</script>`

// see runs a script on the stage and returns its result.
func (a *buttonApp) see(script string) map[string]any {
	a.t.Helper()
	var seen map[string]any
	if err := json.Unmarshal([]byte(a.eval(`(async () => JSON.stringify(await (async () => { `+script+` })()))()`)),
		&seen); err != nil {
		a.t.Fatal(err)
	}
	return seen
}

// onStage opens the stage.
func (a *buttonApp) onStage() {
	a.t.Helper()
	a.show(stage)
	// An element matches :focus only if its window has the focus.
	a.Click("#app")
	a.eval(`(async () => { while (document.title !== "set") await new Promise((done) => setTimeout(done, 20)); ` +
		`return ""; })()`)
}

// with returns a copy of a map with some members changed.
func with(base, changes map[string]any) map[string]any {
	all := maps.Clone(base)
	maps.Copy(all, changes)
	return all
}

func TestButtonWithAFakeNetwork(t *testing.T) { forEachButtonApp(t, testButtonWithAFakeNetwork) }

func testButtonWithAFakeNetwork(t *testing.T, a *buttonApp) {
	behaviour(t, "requests", func(t *testing.T) { testRequests(t, a) })
	behaviour(t, "answers", func(t *testing.T) { testAnswers(t, a) })
	behaviour(t, "no navigation", func(t *testing.T) { testNoNavigation(t, a) })
	behaviour(t, "other places", func(t *testing.T) { testOtherPlaces(t, a) })
}

func testRequests(t *testing.T, a *buttonApp) {
	t.Helper()
	a.onStage()
	headers := func(authorization string) map[string]any {
		all := map[string]any{"accept": "application/json",
			"content-type": "application/x-www-form-urlencoded;charset=UTF-8"}
		if authorization != "" {
			all["authorization"] = authorization
		}
		return all
	}
	base := map[string]any{
		"url": a.portal + "/billing/portal", "method": "POST", "mode": "cors", "credentials": "omit",
		"redirect": "error", "cache": "default",
		"referrer": "about:client", "referrerPolicy": "", "integrity": "", "keepalive": false,
		"headers": headers("Bearer t"), "body": "", "patience": 30_000.0,
	}
	localhost := strings.Replace(a.portal, "127.0.0.1", "localhost", 1) + "/billing/portal"
	for name, test := range map[string]struct {
		made    string
		changes map[string]any
	}{
		"a token":                                {`make({ token: "t" })`, nil},
		"a function":                             {`make({}, { getToken: () => "t" })`, nil},
		"an asynchronous function":               {`make({}, { getToken: async () => "t" })`, nil},
		"a promise":                              {`make({}, { getToken: Promise.resolve("t") })`, nil},
		"a text":                                 {`make({}, { getToken: "t" })`, nil},
		"the property overrides the token":       {`make({ token: "other" }, { getToken: () => "t" })`, nil},
		"the token if the function returns null": {`make({ token: "t" }, { getToken: async () => null })`, nil},
		"a cookie": {`make({ cookie: "" })`,
			map[string]any{"credentials": "include", "headers": headers("")}},
		"no token and no cookie": {`make({}, { getToken: async () => "" })`,
			map[string]any{"headers": headers("")}},
		"another address": {`make({ token: "t", endpoint: "` + localhost + `" })`,
			map[string]any{"url": localhost}},
		"a parameter's attribute": {`make({ token: "t", locale: "de" })`, map[string]any{"body": "locale=de"}},
		"a tree": {`make({ token: "t" }, { parameters: { locale: "fr", flow_data: { type: "x" ` +
			`}, a: null, b: undefined, c: 0, d: ["y"] } })`,
			map[string]any{"body": "locale=fr&flow_data%5Btype%5D=x&c=0&d%5B0%5D=y"}},
		"an attribute overrides parameters": {`make({ token: "t", locale: "de" }, { parameters: { locale: "fr" } })`,
			map[string]any{"body": "locale=de"}},
		"a flow in parameters": {`make({ token: "t", subscription: "sub_1" }, { parameters: { flow_data: { type: "f" ` +
			`} } })`, map[string]any{"body": "flow_data%5Btype%5D=f&flow_data%5Bf%5D%5Bsubscription%5D=sub_1"}},
		"the page's own form": {
			`make({ token: "t" }, { parameters: { locale: "fr" } }, form({ access_token: "other", locale: "de", ` +
				`return_url: "https://a.example/" }))`,
			map[string]any{"body": "locale=fr&return_url=https%3A%2F%2Fa.example%2F"},
		},
		"the button of the page's own form": {`make({ token: "t" }, {}, form({}, { name: "locale", value: "it" }))`,
			map[string]any{"body": "locale=it"}},
	} {
		seen := a.see(`return press(` + test.made + `)`)
		if want := []any{with(base, test.changes)}; !reflect.DeepEqual(seen["sent"], want) {
			t.Errorf("%s: sent\n%v\nwant\n%v", name, seen["sent"], want)
		}
	}

	for name, test := range map[string]struct {
		options string
		changes map[string]any
	}{
		"a token":    {`{ token: "t" }`, nil},
		"a function": {`{ getToken: () => "t", token: "other" }`, nil},
		"a cookie": {`{ cookie: true, parameters: { locale: "de" } }`,
			map[string]any{"credentials": "include", "headers": headers(""), "body": "locale=de"}},
		"nothing":         {``, map[string]any{"headers": headers("")}},
		"another address": {`{ token: "t", endpoint: "` + localhost + `" }`, map[string]any{"url": localhost}},
	} {
		seen := a.see(`const { openBillingPortal } = await import("` + a.portal + `/billing/button.js");
			const told = await ` +
			`openBillingPortal(` + test.options + `).then(() => "opened", ({ message, problem }) => ({ message, ` +
			`problem })); return { told, ...look(make()) };`)
		told := map[string]any{"message": "network", "problem": map[string]any{"code": "network", "status": 0.0}}
		if want := []any{with(base, test.changes)}; !reflect.DeepEqual(seen["sent"], want) ||
			!reflect.DeepEqual(seen["told"], []any{}) && !reflect.DeepEqual(seen["told"], told) {
			t.Errorf("openBillingPortal with %s: sent\n%v\nwant\n%v\ntold %v", name, seen["sent"], want, seen["told"])
		}
	}
}

func testAnswers(t *testing.T, a *buttonApp) {
	t.Helper()
	a.onStage()
	opened := func(url string) []any {
		return []any{"billing-portal-open", map[string]any{"url": url}, "manage-billing-button", true}
	}
	failed := func(code string, status float64, further map[string]any) []any {
		return []any{"billing-portal-error", with(map[string]any{"code": code, "status": status}, further),
			"manage-billing-button", true}
	}
	const failure = "The billing page could not be opened. Please try again later or contact support."
	badAnswer := failed("billing-bad-response", 502, nil)
	problem := func(code, status string) string {
		return `Response.json({ code: "` + code + `", status: ` + status +
			`, detail: "d" }, { status: ` + status + ` })`
	}
	detail := map[string]any{"detail": "d"}
	type row struct {
		answers string
		told    []any
		status  string
	}
	rows := map[string]row{
		"no answer": {``, failed("network", 0, nil), failure},
		"an HTML page of the gateway": {`new Response("<html>", { status: 503 })`,
			failed("internal", 503, nil), failure},
		"a success without JSON":  {`new Response("<html>")`, badAnswer, failure},
		"a success that is null":  {`Response.json(null)`, badAnswer, failure},
		"a success without a URL": {`Response.json({})`, badAnswer, failure},
		"a crash":                 {problem("internal", "500"), failed("internal", 500, detail), failure},
		"a token that expired": {problem("invalid-token", "401"), failed("invalid-token", 401, detail),
			"Please sign in again."},
		"a missing role": {problem("insufficient-role", "403"), failed("insufficient-role", 403, detail),
			"You do not have permission to manage billing."},
		"no account": {problem("no-billing-account", "404"),
			failed("no-billing-account", 404, detail), "You do not have a billing account yet."},
		"another 404": {problem("subscription-not-found", "404"),
			failed("subscription-not-found", 404, detail), failure},
		"another 409": {problem("flow-unavailable", "409"),
			failed("flow-unavailable", 409, detail), "This option is not available."},
		"a third 409": {problem("subscription-not-eligible", "409"),
			failed("subscription-not-eligible", 409, detail), "There is nothing to cancel or change."},
		"a code without a status": {`Response.json({ code: "no-billing-account" }, { status: 404 })`,
			failed("no-billing-account", 404, nil), "You do not have a billing account yet."},
		"a second response is ignored": {`Response.json({ url: "https://a.example/" }), Response.json({ url: ` +
			`"https://b.example/" })`, opened("https://a.example/"), ""},
	}
	// A URL with plain HTTP is followed only if it leads to this machine.
	for _, url := range []string{"https://billing.stripe.com/p/session/test_1", "http://localhost/x",
		"http://localhost:1/x", "http://127.0.0.1/x", "http://127.9.8.7:1/x", "http://[::1]:1/x"} {
		rows[url] = row{`Response.json({ url: "` + url + `" })`, opened(url), ""}
	}
	for _, url := range []string{
		"http://billing.stripe.com/", "http://localhost.evil.example/", "http://127.0.0.1.evil.example/",
		"http://127.evil.example/", "http://localhost@evil.example/", "http://[::1].evil.example/",
		"http://evil.example/?http://localhost/", "http://evil.example/https://", "javascript:alert(1)//https://",
		"data:text/html,https://", "//a.example/", "/x", "ftp://localhost/", "https:a.example",
	} {
		rows[url] = row{`Response.json({ url: "` + url + `" })`, badAnswer, failure}
	}
	for name, test := range rows {
		seen := a.see(`answers = [` + test.answers + `]; return press(make({ token: "t" }))`)
		if !reflect.DeepEqual(seen["told"], []any{test.told}) || seen["status"] != test.status ||
			seen["busy"] != "false" || seen["disabled"] != "false" || len(seen["sent"].([]any)) != 1 {
			t.Errorf("%s: %v\nwant %v %s", name, seen, test.told, test.status)
		}
	}

	behaviour(t, "a listener can handle an error", func(t *testing.T) {
		seen := a.see(`prevented.push("billing-portal-error"); answers = [` + problem("internal", "500") +
			`]; const seen = await press(make({ token: "t" })); prevented.pop(); return seen;`)
		if seen["status"] != "" || seen["busy"] != "false" ||
			!reflect.DeepEqual(seen["told"], []any{failed("internal", 500, detail)}) {
			t.Errorf("the element did not leave the error to the listener: %v", seen)
		}
	})
	behaviour(t, "only a function is called again, and only after a 401", func(t *testing.T) {
		for made, want := range map[string][]any{
			`{ token: "t" }, {}`:                             {"Bearer t"},
			`{}, { getToken: "t" }`:                          {"Bearer t"},
			`{}, { getToken: () => "t" + ++window.n }`:       {"Bearer t1", "Bearer t2"},
			`{}, { getToken: async () => "t" + ++window.n }`: {"Bearer t1", "Bearer t2"},
		} {
			seen := a.see(`window.n = 0; const refusal = () => ` + problem("invalid-token", "401") +
				`; answers = [refusal(), refusal(), refusal()]; return press(make(` + made + `))`)
			var got []any
			for _, sent := range seen["sent"].([]any) {
				got = append(got, sent.(map[string]any)["headers"].(map[string]any)["authorization"])
			}
			if !reflect.DeepEqual(got, want) || seen["status"] != "Please sign in again." {
				t.Errorf("%s: %v and %q, want %v", made, got, seen["status"], want)
			}
			seen = a.see(`window.n = 0; answers = [` + problem("insufficient-scope", "403") +
				`]; return press(make(` + made + `))`)
			if len(seen["sent"].([]any)) != 1 {
				t.Errorf("%s: sent more than one request after a 403: %v", made, seen)
			}
		}
	})
	behaviour(t, "the page's own texts", func(t *testing.T) {
		a.see(`window.messages = { manage: "Abo", opening: "…", signIn: "Wer?", forbidden: "Nein", noAccount: ` +
			`"Leer", failed: "Ach", choose: "Was?" }; return {}`)
		for answer, want := range map[string]string{
			problem("internal", "500"): "Ach", problem("invalid-token", "401"): "Wer?",
			problem("insufficient-role", "403"): "Nein", problem("no-billing-account", "404"): "Leer",
			`Response.json({ code: "subscription-ambiguous", subscriptions: [] }, { status: 409 })`: "Was?",
		} {
			seen := a.see(`answers = [` + answer + `]; const e = make({ token: "t" }, { messages }); const pressed = ` +
				`press(e); const { status } = look(e); return { opening: status, ...await pressed }`)
			if seen["label"] != "Abo" || seen["opening"] != "…" || seen["status"] != want ||
				want == "Was?" != (seen["group"] == "Was?") {
				t.Errorf("the element does not show the text %[2]q: %[1]v", seen, want)
			}
		}
	})
	behaviour(t, "choices", func(t *testing.T) {
		seen := a.see(`const item = (price, product, quantity) => ({ price, product, quantity });
			const problem = { code: "subscription-ambiguous", subscriptions: [
				{ id: "sub_1", status: "active", items: [item("price_1", "Team", 2), item("price_2", "", 1)] }, { ` +
			`id: "sub_2", status: "past_due", items: [item("price_3", "Storage", 1)] },
				{ id: "sub_3", status: "trialing", items: [item("price_4", "<b>", 0)] } ] };
			answers = [Response.json(problem, { status: 409 }), Response.json({ code: "internal" }, { status: 500 })];
			window.e = make({ token: "t", flow: "subscription_update", locale: "de" }); const first = await press(e);
			return { first, second: await press(e, e.shadowRoot.querySelectorAll("[part=choice]")[1]) };`)
		first, second := seen["first"].(map[string]any), seen["second"].(map[string]any)
		want := []any{"Team × 2, price_2", "Storage (past due)", "<b> (trial)"}
		if !reflect.DeepEqual(first["choices"], want) || first["status"] != "Which subscription?" ||
			first["group"] != "Which subscription?" || first["disabled"] != "false,false,false,false" {
			t.Errorf("after the first click: %v", first)
		}
		sent := second["sent"].([]any)[0].(map[string]any)["body"]
		if sent != "flow_data%5Btype%5D=subscription_update&locale=de&"+
			"flow_data%5Bsubscription_update%5D%5Bsubscription%5D=sub_2" ||
			!reflect.DeepEqual(second["choices"], want) ||
			second["status"] != failure {
			t.Errorf("after a choice that failed: %v", second)
		}
	})
	behaviour(t, "openBillingPortal sends a new request after each response", func(t *testing.T) {
		seen := a.see(`const { openBillingPortal } = await import("` + a.portal + `/billing/button.js");
			const refusal = () => Response.json({ code: "internal" }, { status: 500 }); answers = [refusal(), ` +
			`refusal()];
			for (let i = 0; i < 2; i++) await openBillingPortal({ token: "t" }).catch(() => {}); return look(make())`)
		if sent := seen["sent"].([]any); len(sent) != 2 {
			t.Errorf("sent %v, want two requests", sent)
		}
	})
}

// A navigation can end in a download or be stopped without any event for the page. A 204 response
// has the same effect.
func testNoNavigation(t *testing.T, a *buttonApp) {
	t.Helper()
	nothing := a.portal + noContent
	for name, test := range map[string]struct{ made, want string }{
		"an address": {`make({ token: "t" })`, "GET ?address "},
		"a form":     {`make({ endpoint: "` + nothing + `?form", locale: "de" })`, "POST ?form locale=de"},
		"the page's own form": {
			`make({}, {}, form({}, { name: "locale", value: "de" }, { method: "post", action: "` + nothing +
				`?own" }))`, "POST ?own locale=de",
		},
	} {
		a.onStage()
		seen := a.see(`prevented = []; answers = [Response.json({ url: "` + nothing + `?address" })]; window.e = ` +
			test.made + `; const other = document.createElement("input"); document.body.append(other);
			const button = buttonOf(e); button.focus(); button.click(); await rest(300); const busy = ` +
			`look(e); button.click(); await rest(50);
			const timers = goOff(); const ready = look(e), focused = button.matches(":focus");
			button.click(); await rest(50); other.focus(); goOff(); return { busy, timers, ready, focused, kept: ` +
			`document.activeElement === other };`)
		busy, ready := seen["busy"].(map[string]any), seen["ready"].(map[string]any)
		if busy["busy"] != "true" || busy["disabled"] != "true" || busy["status"] != "Opening the billing page…" {
			t.Errorf("%s: the element is not busy during the navigation: %v", name, busy)
		}
		if ready["busy"] != "false" || ready["disabled"] != "false" || ready["status"] != "" ||
			!reflect.DeepEqual(seen["timers"], []any{30_000.0}) {
			t.Errorf("%s: after the timers %v the element is not ready: %v", name, seen["timers"], ready)
		}
		if seen["focused"] != true || seen["kept"] != true {
			t.Errorf("%s: the focus returns to the button: %v, and stays where the user moved it: %v", name,
				seen["focused"], seen["kept"])
		}
		gone := ""
		for range 100 {
			if got := a.gone.Load(); got != nil {
				gone = *got
			}
			if gone == test.want {
				break
			}
			time.Sleep(50 * time.Millisecond)
		}
		if gone != test.want {
			t.Errorf("%s: the browser sent %s, want %s", name, gone, test.want)
		}
	}

	behaviour(t, "no timer interrupts a user who comes back at once", func(t *testing.T) {
		a.onStage()
		seen := a.see(`prevented = []; answers = [Response.json({ url: "` + nothing +
			`" })]; const e = make({ token: "t" }); const button = buttonOf(e);
			button.click(); await rest(100); dispatchEvent(new PageTransitionEvent("pageshow", { persisted: true ` +
			`})); const { busy } = look(e); return { busy, timers: goOff() };`)
		if seen["busy"] != "false" || !reflect.DeepEqual(seen["timers"], []any{}) {
			t.Errorf("the element is busy, or has timers: %v", seen)
		}
	})
}

// The bundle of an app can contain its own copy of the module, and a server that renders the page
// imports the module too.
func testOtherPlaces(t *testing.T, a *buttonApp) {
	t.Helper()
	a.example.Store(new(`<!doctype html><title>An app</title><script type="module">
		const url = "` + a.portal + `/billing/button.js";
		await import(url);
		const again = await import(url + "?again").then((copy) => typeof copy.openBillingPortal, String);
		const code = "import(" + JSON.stringify(url) + ").then((copy) => postMessage(typeof copy.openBillingPortal), ` +
		`(error) => postMessage(String(error)))";
		const worker = new Worker(URL.createObjectURL(new Blob([code], { type: "text/javascript" })), { type: ` +
		`"module" });
		worker.onmessage = ({ data }) => { document.title = again + " " + data; };
	</script>`))
	a.Goto(a.home + "/")
	a.WaitFor(`document.title !== "An app"`)
	if got := a.eval(`document.title`); got != "function function" {
		t.Errorf("a second import on a page, and an import without a document: %s", got)
	}
}
