// <manage-billing-button> and openBillingPortal: from a page of the app's own to Stripe's customer portal.
//
// `go generate ./...` minifies this file once for each language, with the texts of that language in the place
// of `texts`. Nothing here makes HTML of text or style attributes, so that Trusted Types and a strict Content-Security-Policy hold.

// texts: { manage, opening, signIn, forbidden, noAccount, failed, choose, flows: { … }, statuses: { … } }
const portal = new URL("portal", import.meta.url).href;
const patience = 30_000; // milliseconds, what the gateway waits at most

/** A refusal, with the API's problem document (RFC 9457). */
const refusal = (problem) => Object.assign(new Error(problem.code), { problem });

// What an answer may send the window to: nothing that runs here, and nothing in clear but a stand-in of this machine.
const followed = /^https:\/\/|^http:\/\/(localhost|127\.[\d.]+|\[::1])[:/]/;

/** Asks for a session and returns its address. It is a secret: whoever has it is the customer. */
async function createSession({ endpoint = portal, getToken, token, cookie }, body) {
  const isFunction = typeof getToken === "function";
  const post = async () => {
    const bearer = (await (isFunction ? getToken() : getToken)) ?? token;
    return fetch(endpoint, {
      method: "POST",
      headers: { Accept: "application/json", ...(bearer && { Authorization: `Bearer ${bearer}` }) },
      body: new URLSearchParams(body),
      credentials: cookie ? "include" : "omit",
      redirect: "error",
      signal: AbortSignal.timeout(patience),
    });
  };
  let answer;
  try {
    answer = await post();
    // The token may have run out since the page was opened.
    if (isFunction && answer.status === 401) answer = await post();
  } catch {
    throw refusal({ code: "network", status: 0 });
  }
  const { ok, status } = answer;
  const document = await answer.json().catch(() => {});
  if (!ok) throw refusal({ code: "internal", status, ...document });
  if (!followed.test(document?.url)) throw refusal({ code: "billing-bad-response", status: 502 });
  return document.url;
}

/** Every text of a tree, under Stripe's bracket names. */
function* fields(tree, prefix = "") {
  for (const [name, value] of Object.entries(tree ?? {})) {
    const full = prefix ? `${prefix}[${name}]` : name;
    if (typeof value === "object") yield* fields(value, full);
    else if (value !== undefined) yield [full, value];
  }
}

let opening;

/** Opens the portal in this window. Who asks again meanwhile waits for the same answer. */
export const openBillingPortal = (options = {}) =>
  (opening ??= createSession(options, [...fields(options.parameters)])
    .then((url) => location.assign(url))
    .finally(() => (opening = null)));

// Attributes that are parameters: $ stands for the flow, and & for what comes after it. The others have the parameter's own name.
const places = {
  flow: "flow_data[type]",
  subscription: "$[subscription]",
  price: "$[items][0][price]",
  quantity: "$[items][0][quantity]",
  coupon: "$[discounts][0][coupon]",
  "promotion-code": "$[discounts][0][promotion_code]",
  "retention-coupon": "$[retention][coupon_offer][coupon]",
  "confirmation-message": "&[hosted_confirmation][custom_message]",
  "return-url": "return_url",
  locale: "locale",
  configuration: "configuration",
  "on-behalf-of": "on_behalf_of",
};

const element = (name, properties) => Object.assign(document.createElement(name), properties);

const css = `:host{display:inline-block}\
:host(:not([aria-busy=true])) [role=status]{color:var(--manage-billing-error,light-dark(#a4161a,#ff9b9b))}\
div{display:grid;gap:.5em}\
div:not(:empty){margin-top:.5em}\
button{font:inherit;color:inherit;padding:.5em 1em;background:var(--manage-billing-choice,#0000);border:1px solid}\
button:disabled{opacity:.6}`; // nothing moves

// A server that renders the page has neither, and imports this all the same.
const { HTMLElement = Object, customElements } = globalThis;

class ManageBillingButton extends HTMLElement {
  // Frameworks look for these before they set a property, and may have set it before the element was defined.
  getToken = this.getToken;
  parameters = this.parameters;
  messages = this.messages;

  #busy = false;
  #focused;
  #timer;
  #label = new Text(); // of a button that the page gives none
  #button = element("button");
  #form = element("form", { method: "post" });
  #status = element("div", { role: "status", part: "status" }); // a live region
  #choices = element("div", { role: "group", part: "choices" });
  #onPageShow = (event) => event.persisted && this.#end(); // back from the portal

  constructor() {
    super();
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(css);
    const root = this.attachShadow({ mode: "open" });
    root.adoptedStyleSheets = [sheet];
    root.append(element("slot"), this.#status, this.#choices);
    this.#form.append(this.#button);
    this.addEventListener("submit", this.#submit);
    this.addEventListener("formdata", this.#fill);
    new MutationObserver(() => this.#wrap()).observe(this, { childList: true });
  }

  connectedCallback() {
    addEventListener("pageshow", this.#onPageShow);
    this.#wrap();
  }

  disconnectedCallback() {
    removeEventListener("pageshow", this.#onPageShow);
  }

  get endpoint() {
    return this.getAttribute("endpoint") || portal;
  }

  /** Without a form of the page's own, puts one around what the element holds, now or after a framework has written it anew. */
  #wrap() {
    const { childNodes } = this;
    const form = this.#form;
    if (this.querySelectorAll("form").length > this.contains(form)) return form.remove();
    if (form.parentNode && childNodes.length === 1) return;
    if (!form.parentNode) this.#button.replaceChildren(this.#label);
    form.remove();
    this.#button.append(...childNodes);
    this.#label.data = "";
    if (!this.#button.textContent.trim() && !this.#button.children.length) {
      this.#label.data = texts.flows[this.getAttribute("flow")] || this.#text("manage");
    }
    form.action = this.endpoint;
    this.append(form);
  }

  #text(name) {
    return this.messages?.[name] ?? texts[name];
  }

  #buttons() {
    return [...this.querySelectorAll("button"), ...this.#choices.children];
  }

  /** Adds the parameters to a form's own fields, the attributes over the property, whoever sends them. */
  #fill({ formData }) {
    for (const [name, value] of fields(this.parameters)) formData.set(name, value);
    const flow = this.getAttribute("flow") || formData.get("flow_data[type]");
    const set = (name, value) => formData.set(name.replace("$", `flow_data[${flow}]`).replace("&", "flow_data[after_completion]"), value);
    for (const name in places) {
      const value = this.getAttribute(name);
      if (value) set(places[name], value);
    }
    const after = this.getAttribute("after");
    if (this.getAttribute("retention-coupon")) set("$[retention][type]", "coupon_offer");
    if (this.getAttribute("confirmation-message")) set("&[type]", "hosted_confirmation");
    if (after) set("&[type]", after === "portal" ? "portal_homepage" : "redirect");
    if (after && after !== "portal") set("&[redirect][return_url]", after);
  }

  #submit(event) {
    if (this.#busy) event.preventDefault();
    if (event.defaultPrevented) return;
    if (this.getToken || this.matches("[token],[cookie]")) {
      event.preventDefault();
      const data = new FormData(event.target, event.submitter);
      data.delete("access_token"); // for a page without the script
      this.#open(data);
      return;
    }
    // A real form: the browser sends it and follows the redirect, unless a listener after this one has stopped it.
    this.#begin();
    this.#leave();
    setTimeout(() => event.defaultPrevented && this.#end());
  }

  #begin() {
    this.#busy = true;
    this.#focused = this.#buttons().find((button) => button.matches(":focus"));
    this.#status.textContent = this.#text("opening");
    // Only now would a disabled button no longer be the one that submits.
    setTimeout(() => this.#show());
  }

  /** The user may stop the navigation, and nothing says so. */
  #leave() {
    this.#timer = setTimeout(() => this.#end(), patience);
  }

  #show() {
    this.ariaBusy = this.#busy;
    for (const button of this.#buttons()) button.disabled = this.#busy;
  }

  #end() {
    clearTimeout(this.#timer);
    this.#busy = false;
    this.#show();
    this.#status.textContent = "";
    // A disabled button loses focus; it is given back where nothing else took it.
    if (document.activeElement === document.body) this.#focused?.focus();
  }

  async #open(data) {
    this.#begin();
    this.#choices.replaceChildren();
    try {
      const url = await createSession({ endpoint: this.endpoint, getToken: this.getToken, token: this.getAttribute("token"), cookie: this.hasAttribute("cookie") }, data);
      if (!this.#tell("open", { url })) return this.#end();
      location.assign(url);
      this.#leave();
    } catch (error) {
      this.#end();
      if (!error.problem) throw error;
      this.#fail(error.problem, data);
    }
  }

  #tell(name, detail) {
    return this.dispatchEvent(new CustomEvent(`billing-portal-${name}`, { detail, bubbles: true, cancelable: true, composed: true }));
  }

  #fail(problem, data) {
    if (!this.#tell("error", problem)) return;
    const { code, status, subscriptions } = problem;
    const name = { 401: "signIn", 403: "forbidden" }[status] || { "no-billing-account": "noAccount", "subscription-ambiguous": "choose" }[code] || "failed";
    this.#status.textContent = this.#text(name);
    if (name !== "choose") return;
    this.#choices.replaceChildren(
      ...subscriptions.map(({ id, status, items }) => {
        const label = items.map(({ product, price, quantity }) => (product || price) + (quantity > 1 ? ` × ${quantity}` : "")).join(", ");
        return element("button", {
          type: "button",
          part: "choice",
          textContent: label + (texts.statuses[status] ? ` (${texts.statuses[status]})` : ""),
          onclick: () => {
            if (this.#busy) return;
            data.set(`flow_data[${data.get("flow_data[type]")}][subscription]`, id);
            this.#open(data);
          },
        });
      }),
    );
    this.#choices.ariaLabel = this.#text("choose");
  }
}

customElements?.get("manage-billing-button") || customElements?.define("manage-billing-button", ManageBillingButton);
