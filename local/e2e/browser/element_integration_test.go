//go:build integration

package browser

import (
	"slices"
	"strings"
	"testing"
)

// TestTheElement checks how the element behaves when pages and frameworks change it. Each row is a
// script on the stage that returns lines.
func TestTheElement(t *testing.T) { forEachButtonApp(t, testTheElement) }

// onElement defines names for the scripts below.
const onElement = `
	const html = (text, properties) => {
		const [, attributes, label] = /^([^>]*)>?(.*)$/s.exec(text);
		const e = make(Object.fromEntries([...attributes.matchAll(/([\w-]+)(?:=(\S+))?/g)].map(([, name, value = ` +
	`""]) => ` +
	`[name, value])), properties);
		if (label) e.append(label);
		return e;
	};
	const node = (name, properties, ...children) => {
		const n = Object.assign(document.createElement(name), properties);
		n.append(...children);
		return n;
	};
	const own = (e) => e.shadowRoot.querySelector("[part=button]").closest("[hidden]") ? "own " : "";
	const label = (e) => own(e) + e.shadowRoot.querySelector("[part=button]").innerText.trim() + e.textContent.trim();
	const status = (e) => e.shadowRoot.querySelector("[part=status]").textContent;
	const problem = (code, status, more) => Response.json({ code, status, ...more }, { status });
	const codes = (seen) => seen.told.map(([type, { code, url } = {}]) => code ?? url ?? type).join();
	const until = async (is) => { for (let i = 0; i < 400 && !is(); i++) await rest(5); };
`

// fallback is the text for codes that do not have their own text.
const fallback = "The billing page could not be opened. Please try again later or contact support."

type elementRow struct {
	name, script string
	want         []string
}

func elementRows(portal string) []elementRow {
	const look = `return [own(e) + label(e), seen.sent.map(({ body }) => body).join(), seen.status, seen.disabled, ` +
		`codes(seen)]`
	return []elementRow{
		{"a label that is added late, changed and removed", `
			const e = make({}, {}, new Text("")), lines = [label(e)], text = e.firstChild;
			for (const data of ["Late", "Later", ""]) { text.data = data; await rest(); lines.push(label(e)); }
			e.setAttribute("flow", "subscription_cancel"); await rest(); return [...lines, label(e)];`,
			[]string{"Manage billing", "Late", "Later", "Manage billing", "Cancel subscription"}},
		{"children that a framework inserts and removes", `
			const e = html(">Plans"), plans = e.firstChild, badge = node("b", {}, "New: "), comment = new Comment("");
			e.append(comment); e.insertBefore(badge, plans); await rest(); const lines = [label(e)];
			e.removeChild(badge); plans.data = "Invoices"; await rest(); lines.push(label(e));
			e.removeChild(plans); await rest(); return [...lines, label(e), e.innerHTML];`,
			[]string{"New: Plans", "Invoices", "Manage billing", "<!---->"}},
		{"a flow with the name of a property of all objects", `
			return ["constructor", "toString", "__proto__", "hasOwnProperty"].map((flow) => label(make({ flow })));`,
			slices.Repeat([]string{"Manage billing"}, 4)},
		{"codes with the names of properties of all objects", `const lines = [];
			for (const code of ["constructor", "__proto__", "valueOf"]) {
				answers = [problem(code, 400)]; lines.push((await press(make({ token: "t" }))).status);
			} return lines;`, slices.Repeat([]string{fallback}, 3)},

		{"the page's own button", `const b = node("button", { className: "btn btn-primary", type: "button" }, "Go");
			answers = [problem("flow-unavailable", 409)]; const e = make({ token: "t", flow: "subscription_cancel" ` +
			`}, {}, b);
			b.focus(); const seen = await press(e); if (document.activeElement !== b) seen.status += " focus ` +
			`lost"; ` + look,
			[]string{"own own Go", "flow_data%5Btype%5D=subscription_cancel", "This option is not available.", "false",
				"flow-unavailable"}},
		{"the page's own link", `const e = make({ token: "t" }, {}, node("a", { href: "/elsewhere" }, "Go"));
			const seen = await press(e, ` +
			`e.querySelector("a")); ` + look, []string{"own own Go", "", fallback, "", "network"}},
		{"a button in a form around the element", `
			const e = make({ token: "t" }, {}, node("button", {}, "Go")); let submits = 0;
			const form = node("form", { action: "/never", onsubmit() { submits++; } }, e); ` +
			`document.querySelector("main").append(form);
			const seen = await press(e); return [String(submits), codes(seen), String(seen.sent.length)];`,
			[]string{"0", "network", "1"}},
		{"a button that the page disabled stays disabled", `
			const off = node("button", { disabled: true, type: "button" }, "Off"), on = node("button", {}, "On");
			const e = make({ token: "t" }, {}, off, on); const seen = await press(e, on); off.click(); await rest();
			return [seen.disabled, codes(seen), e.innerHTML, String(look(e).sent.length)];`,
			[]string{"true,false", "network",
				`<button disabled="" type="button">Off</button><button>On</button>`, "0"}},
		{"a copy of a busy element is ready", `
			const e = make({}, { getToken: () => new Promise(() => {}) }, node("button", {}, "Go")); ` +
			`e.firstChild.click(); await rest(20);
			const copy = e.cloneNode(true); document.querySelector("main").append(copy); await rest(); e.remove();
			copy.setAttribute("token", "t"); const before = copy.ariaBusy; const seen = await press(copy);
			return [e.ariaBusy, before, copy.innerHTML, codes(seen)];`,
			[]string{"true", "false", "<button>Go</button>", "network"}},
		{"a message is readable and does not move the button", `
			const e = html("token=t>Go"), p = node("p", {}, "Next to text ", e, " and more"); p.style.background = ` +
			`"#222";
			document.querySelector("main").append(p); const place = () => ` +
			`JSON.stringify([e.getBoundingClientRect().width,
				buttonOf(e).getBoundingClientRect().top - p.getBoundingClientRect().top]);
			await rest(); const before = place(); await press(e); const { color, backgroundColor } = ` +
			`getComputedStyle(e.shadowRoot.querySelector("[part=status]"));
			const after = place(); e.hidden = true; return [before === after ? "true" : before + " " + after, color, ` +
			`backgroundColor, getComputedStyle(e).display];`,
			nil},

		{"addresses that are not followed", `const lines = [];
			for (const endpoint of ["javascript:document.title='run'", "http://127.0.0.1:80@evil.example/", ` +
			`"http://evil.example/",
				"data:text/html,x", "//evil.example/", "http://localhost.evil.example/", "ftp://localhost/", ` +
			`"http://[::2]/"]) {
				for (const attributes of [{ token: "t", endpoint }, { endpoint }]) {
					const e = make(attributes); buttonOf(e).click(); await rest(20); const seen = look(e);
					lines.push(codes(seen) + seen.sent.length + (seen.busy === "true") + document.title);
				}
			} return lines;`, slices.Repeat([]string{"invalid-endpoint0falseset"}, 16)},
		{"addresses that are followed", `const lines = [];
			for (const endpoint of ["https://a.example/x", "http://localhost:1/x", "http://127.1.2.3/", ` +
			`"http://[::1]:1/x", "/x"]) {
				lines.push((await press(make({ token: "t", endpoint }))).sent[0].url);
			} return lines;`,
			[]string{"https://a.example/x", "http://localhost:1/x", "http://127.1.2.3/", "http://[::1]:1/x", "HOME/x"}},

		{"a getToken that throws, rejects or returns no token", `const lines = []; let cause;
			const listen = ({ detail }) => { cause = detail.cause; }; ` +
			`document.addEventListener("billing-portal-error", listen);
			for (const getToken of [() => { throw "a"; }, async () => { throw "b"; }, () => null, async () => ` +
			`undefined]) {
				const seen = await press(make({}, { getToken })); lines.push([codes(seen), cause, ` +
			`seen.status.slice(0, 6), seen.sent.length].join(" "));
			} document.removeEventListener("billing-portal-error", listen); return lines;`,
			[]string{"token-unavailable a Please 0", "token-unavailable b Please 0",
				"network  The bi 1", "network  The bi 1"}},
		{"a getToken that never settles", `const { timeout } = AbortSignal; let asked = [];
			AbortSignal.timeout = (ms) => { asked.push(ms); return timeout.call(AbortSignal, ms === 10_000 ? 30 : ` +
			`ms); };
			const seen = await press(make({}, { getToken: () => new Promise(() => {}) })); AbortSignal.timeout = ` +
			`timeout;
			return [codes(seen), seen.status, String(asked), String(seen.told[0][1].cause.name)];`,
			[]string{"token-unavailable", "Please sign in again.", "10000", "TimeoutError"}},
		{"one token source for all elements, set in any copy of the module", `
			const copy = await import("` + portal + `/billing/button.js?copy"), lines = [];
			const sent = async (e) => { const [{ headers, credentials }] = (await press(e)).sent; ` +
			`lines.push((headers.authorization ?? "none") + " " + credentials); };
			copy.setTokenSource(async () => "source"); await sent(make()); await sent(make({ cookie: "" })); await ` +
			`sent(make({ token: "attribute" }));
			await sent(make({ token: "attribute" }, { getToken: () => "property" })); await sent(make({}, { ` +
			`getToken: () => null }));
			copy.setTokenSource(() => null); await sent(make({ cookie: "" })); copy.setTokenSource(); await ` +
			`sent(make({ cookie: "" })); return lines;`,
			[]string{"Bearer source omit", "Bearer source omit", "Bearer attribute omit",
				"Bearer property omit", "Bearer source omit",
				"none include", "none include"}},

		{"a choice that fails stays in place and keeps the focus", `
			const item = (product) => [{ price: "p", product, quantity: 1 }], choices = (e) => ` +
			`[...e.shadowRoot.querySelectorAll("[part=choice]")];
			answers = [problem("subscription-ambiguous", 409, { subscriptions: [{ id: "sub_1", status: "trialing", ` +
			`items: item("A") },
				{ id: "sub_2", status: "constructor", items: item("B") }] }), problem("internal", 500)];
			const e = make({ token: "t", flow: "subscription_cancel" }), asked = await press(e), question = ` +
			`e.shadowRoot.querySelector("[part=status]").className;
			choices(e)[1].focus(); const seen = await press(e, choices(e)[1]);
			return [asked.choices.join(), question, seen.choices.join(), String(e.shadowRoot.activeElement === ` +
			`choices(e)[1]), seen.status,
				e.shadowRoot.querySelector("[part=status]").className];`,
			[]string{"A (trial),B", "", "A (trial),B", "true", fallback, "error"}},
		{"two elements pressed at once create one session", `
			answers = [Response.json({ url: "https://billing.stripe.com/a" }), Response.json({ url: ` +
			`"https://billing.stripe.com/b" })];
			const a = make({ token: "t" }), b = make({ token: "t" }); buttonOf(b).click(); const first = await press(a);
			await until(() => b.ariaBusy === "false"); const both = look(b); const again = await press(a);
			return [String(first.sent.length + both.sent.length), codes(first) + codes(both), ` +
			`String(again.sent.length)];`,
			[]string{"1", "https://billing.stripe.com/a", "1"}},
		{"openBillingPortal with nothing, a cycle, and the fields of a form", `
			const { openBillingPortal } = await ` +
			`import("` + portal + `/billing/button.js"), lines = [], cycle = { a: {} }; cycle.a.b = cycle;
			const twice = { type: "x" }, fields = new FormData(); fields.set("locale", "de");
			for (const options of [null, undefined, { token: "t", parameters: cycle }, { token: "t", parameters: ` +
			`fields }, fields,
				{ token: "t", parameters: { a: twice, b: [twice], c: null } }]) {
				const { problem } = await openBillingPortal(options).catch((error) => error); ` +
			`lines.push([problem.code, ...look(make()).sent.map(({ body }) => body)].join());
			} return lines;`,
			[]string{"network,", "network,", "invalid-parameter", "network,locale=de", "network,locale=de",
				"network,a%5Btype%5D=x&b%5B0%5D%5Btype%5D=x"}},
		{"parameters with a cycle", `const parameters = {}; parameters.a = parameters; const lines = [];
			for (const attributes of [{ token: "t" }, {}]) {
				const e = make(attributes, { parameters }); buttonOf(e).click(); await rest(20); const seen = ` +
			`look(e); lines.push(codes(seen) + seen.sent.length);
			}
			return lines;`, []string{"invalid-parameter0", "invalid-parameter0"}},

		{"hidden until there is an account", hideScript(`"no-account"`, `[[{ account: true }], [{ account: false }],
			[{ code: "insufficient-role" }, 403], [{}, 429], [{}, 503], [null], []]`),
			[]string{"hidden shown", "hidden gone", "hidden gone", "hidden shown", "hidden shown",
				"hidden shown", "hidden shown"}},
		{"hidden until the flow is available",
			hideScript(`"unavailable"`, `[[{ account: true, flows: ["subscription_cancel"] }],
			[{ account: true, flows: ["payment_method_update"] }], [{ account: true }], [{ account: false, flows: [] `+
				`}]]`),
			[]string{"hidden shown", "hidden gone", "hidden shown", "hidden gone"}},
		{"requests for the status", `const lines = []; const ask = async (attributes, properties) => {
				answers = [Response.json({ account: true })]; const e = make(attributes, properties); await rest(40);
				lines.push(look(e).sent.map(({ url, method, credentials, headers }) => [method, ` +
			`url.replace(/.*(?=.status)/, ""), credentials,
					headers.authorization].join(" ")).join()); e.remove(); };
			await ask({ hide: "no-account", token: "t" }); await ask({ hide: "unavailable", cookie: "" }); await ` +
			`ask({ hide: "no-account" });
			await ask({ hide: "constructor", token: "t" }); await ask({ hide: "no-account" }, { getToken: () => { ` +
			`throw 1; } });
			await ask({ hide: "no-account", token: "t", endpoint: "https://a.example/v1/billing/portal?x=1" }); ` +
			`return lines;`,
			[]string{"GET /status omit Bearer t", "GET /status?include=subscriptions include ", "", "", "",
				"GET /status omit Bearer t"}},
		{"a token that is set late, and the return from the portal", `
			const e = make({ hide: "no-account" }), state = () => getComputedStyle(e).display; await rest(40); const ` +
			`lines = [look(e).sent.length + state()];
			answers = [Response.json({ account: false })]; e.getToken = () => "a"; e.getToken = () => "b"; await ` +
			`until(() => state() === "none");
			lines.push(look(e).sent.length + state()); answers = [Response.json({ account: true })];
			dispatchEvent(new PageTransitionEvent("pageshow", { persisted: true })); await until(() => state() !== ` +
			`"none");
			lines.push(look(e).sent.map(({ cache }) => cache).join() + state()); e.remove(); return lines;`,
			[]string{"0inline-grid", "1none", "reloadinline-grid"}},
		{"another user's token",
			`const { setTokenSource } = await import("` + portal + `/billing/button.js"), lines = [];
			const ask = async (account, set) => { answers = [Response.json({ account })]; set();
				await until(() => answers.length === 0); await rest(30);
				lines.push(look(e).sent.map(({ headers }) => headers.authorization).join() + ` +
				`getComputedStyle(e).display); };
			const e = make({ hide: "no-account" });
			await ask(false, () => setTokenSource(() => "a")); await ask(true, () => setTokenSource(() => "b"));
			await ask(false, () => { e.getToken = "c"; }); await ask(true, () => { e.getToken = "d"; });
			await ask(false, () => e.setAttribute("endpoint", "https://a.example/billing/portal")); ` +
				`e.remove(); setTokenSource();
			const late = document.createElement("manage-billing-button"); late.getToken = () => "e"; ` +
				`late.setAttribute("hide", "no-account");
			answers = [Response.json({ account: false })]; document.querySelector("main").append(late);
			lines.push(getComputedStyle(late).visibility); await rest(60); ` +
				`lines.push(getComputedStyle(late).display); look(late); return lines;`,
			[]string{"Bearer anone", "Bearer binline-grid", "Bearer cnone", "Bearer dinline-grid",
				"Bearer dnone", "hidden", "none"}},
		{"texts that the page sets late", `const e = make({ flow: "subscription_cancel" }), lines = [label(e)];
			e.messages = { manage: "Abo verwalten" }; lines.push(label(e)); e.messages = undefined; return ` +
			`[...lines, label(e)];`,
			[]string{"Cancel subscription", "Abo verwalten", "Cancel subscription"}},
	}
}

// hideScript returns the script of a row: for each response to the status request, the visibility
// of an element before and after it.
func hideScript(hide, all string) string {
	return `const lines = []; for (const [document, status = 200] of ` + all + `) {
			answers = document === undefined ? [] : [Response.json(document, { status })];
			const e = make({ ` +
		`hide: ` + hide + `, token: "t", flow: "subscription_cancel" }), style = getComputedStyle(e);
			const state = () => style.display === "none" ? "gone" : style.visibility === "visible" ? "shown" : "hidden";
			const first = state(); await until(() => state() !== "hidden"); lines.push(first + " " + state()); ` +
		`look(e); e.remove();
		} return lines;`
}

func testTheElement(t *testing.T, a *buttonApp) {
	a.onStage()
	for _, row := range elementRows(a.portal) {
		behaviour(t, row.name, func(t *testing.T) {
			got := evaluate[[]string](a.browser, `(async () => {`+onElement+row.script+`})()`)
			want := slices.Clone(row.want)
			for i, line := range want {
				want[i] = strings.Replace(line, "HOME", a.home, 1)
			}
			if row.want == nil { // the colors are those of the browser
				requireReadable(t, got)
			} else if !slices.Equal(got, want) {
				t.Errorf("\n%q, want\n%q", got, want)
			}
		})
	}
}

// requireReadable checks the place of a message, and the contrast of dark red on white.
func requireReadable(t *testing.T, got []string) {
	t.Helper()
	if want := []string{"true", "rgb(164, 22, 26)", "rgb(255, 255, 255)", "none"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestTurboPageCache leaves a page while its element is busy. Turbo caches a copy of the page and
// shows it when the user comes back.
func TestTurboPageCache(t *testing.T) { forEachButtonApp(t, testTurboPageCache) }

func testTurboPageCache(t *testing.T, a *buttonApp) {
	a.example.Store(new(`<!doctype html><html lang="en"><title>An app</title><script type="module" src="` + a.portal +
		`/billing/button.js"></script><script type="module">` +
		bundle(t, "", `import { visit } from "@hotwired/turbo"; window.visit = visit;`) +
		`</script><body><manage-billing-button id="b"><button>Billing</button></manage-billing-button>`))
	a.Goto(a.home + "/")
	a.WaitFor(`window.visit && b.shadowRoot`)
	a.Run(`b.getToken = () => new Promise(() => {}); window.first = b; b.firstElementChild.click()`)
	a.WaitFor(`b.firstElementChild.disabled`)
	a.Run(`visit("/other")`)
	a.WaitFor(`location.pathname === "/other" && !first.isConnected`)
	a.Run(`history.back()`)
	a.WaitFor(`location.pathname === "/" && document.getElementById("b").shadowRoot`)
	if got := evaluate[[]string](a.browser,
		`[String(b === first), String(b.ariaBusy === "true"), b.innerHTML]`); !slices.Equal(got,
		[]string{"false", "false", "<button>Billing</button>"}) {
		t.Errorf("the restored page has %q", got)
	}
	a.Run(`b.getToken = () => "` + a.token("alice", nil) + `"`)
	a.click("#b button", "#customer-id")
}
