// <manage-billing-button> and openBillingPortal: from a page of an app to Stripe's customer portal.
//
// `go generate ./...` builds this file once for each language: it minifies the code and replaces `texts` with that
// language's. Nothing here sets HTML or style attributes, so Trusted Types and a strict Content-Security-Policy hold.

// texts: { manage, opening, signIn, …, flows: { … }, statuses: { … } }
const patience = 30_000; // milliseconds: the gateway's own limit
const tokenPatience = 10_000; // milliseconds

// One for all copies of this module in a page: the app's bundle may have one, and the API serves another.
// It holds the function refresh of each connected element. Its members: source, and since when it is set (setTokenSource);
// opening, a promise while a session is being created.
const shared = (globalThis[Symbol.for("manage-billing-button")] ??= new Set());

/** The value of an object's own member. Names that every object inherits, such as "constructor", are unknown. */
const own = (object, name) => (Object.hasOwn(object, name) ? object[name] : undefined);

/** An error with the API's problem document (RFC 9457). */
const refusal = (code, status = 0, further) => Object.assign(new Error(code, further), { problem: { code, status, ...further } });

/** The address as a URL, if it is https, or http from this machine to itself. */
function safe(address, base) {
  try {
    const url = new URL(address, base);
    const isLocal = [url, location].every(({ hostname }) => /^(localhost|127\.[\d.]+|\[::1])$/.test(hostname));
    if (url.protocol === "https:" || (url.protocol === "http:" && isLocal)) return url;
  } catch {} // not an address
}

// String() hides the address from bundlers, which would take `new URL("…", import.meta.url)` for a file to copy.
const endpointOf = (endpoint) => {
  const url = safe(endpoint || "portal", endpoint ? document.baseURI : String(import.meta.url));
  if (!url) throw refusal("invalid-endpoint");
  return url;
};

/** Sends a request with the credential. Without one, a GET is not sent. */
async function send(url, options, request, isRetry) {
  const { getToken, token, cookie } = options;
  let bearer;
  let isFunction;
  const findToken = async () => {
    for (const source of [getToken, token, shared.source]) {
      isFunction = typeof source === "function";
      bearer = await (isFunction ? source() : source);
      if (bearer) return;
    }
  };
  await new Promise((resolve, reject) => {
    AbortSignal.timeout(tokenPatience).onabort = ({ target }) => reject(target.reason);
    findToken().then(resolve, reject);
  }).catch((cause) => {
    throw refusal("token-unavailable", 0, { cause });
  });
  // A page's own form may hold a token too, for visitors without the script. Two credentials are refused.
  if (bearer || cookie) request.body?.delete("access_token");
  else if (!request.method) return;
  const answer = await fetch(url, {
    headers: { Accept: "application/json", ...(bearer && { Authorization: `Bearer ${bearer}` }) },
    credentials: cookie && !bearer ? "include" : "omit",
    redirect: "error",
    signal: AbortSignal.timeout(patience),
    ...request,
  }).catch(() => {
    throw refusal("network");
  });
  // The token may have expired since the page was opened.
  return answer.status === 401 && isFunction && !isRetry ? send(url, options, request, true) : answer;
}

/** Asks for a session and returns its address. The address is a secret: it opens the customer's billing. */
async function createSession(options, body) {
  const answer = await send(endpointOf(options.endpoint).href, options, { method: "POST", body });
  const { ok, status } = answer;
  const document = await answer.json().catch(() => {});
  if (!ok) throw refusal("internal", status, document);
  const url = document?.url;
  if (!/^https?:\/\//.test(url) || !safe(url)) throw refusal("billing-bad-response", 502);
  return url;
}

/** Every value of a tree or a FormData, under Stripe's bracket names. */
function* fields(tree, prefix = "", parents = []) {
  if (parents.includes(tree)) throw refusal("invalid-parameter"); // a cycle
  for (const [name, value] of tree instanceof FormData ? tree : Object.entries(tree ?? {})) {
    const full = prefix ? `${prefix}[${name}]` : name;
    if (typeof value === "object") yield* fields(value, full, [...parents, tree]);
    else if (value !== undefined) yield [full, value];
  }
}

/** Sets the function that gives every element on the page its token, unless the element has one of its own. */
export function setTokenSource(getToken) {
  shared.source = getToken;
  shared.since = Date.now(); // another user may have signed in
  shared.forEach((refresh) => refresh());
}

/** Opens the portal in this window. A second call during the first one waits for the same answer. */
export function openBillingPortal(options) {
  const { parameters, ...rest } = options instanceof FormData ? { parameters: options } : options ?? {};
  const open = async () => location.assign(await createSession(rest, new URLSearchParams([...fields(parameters)])));
  return (shared.opening ??= open().finally(() => (shared.opening = null))).then(() => {});
}

// Attributes that are parameters: $ stands for the flow, and & for what follows it. The others have the parameter's own name.
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

// Codes whose text has a name of its own. Any other code is the name of its text.
const wording = {
  "token-unavailable": "signIn",
  "insufficient-scope": "forbidden",
  "insufficient-role": "forbidden",
  "no-billing-account": "noAccount",
  "subscription-ambiguous": "choose",
};

const controls = "button,a";

const element = (name, properties) => Object.assign(document.createElement(name), properties);

const sheetOf = (css) => {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(css);
  return sheet;
};

// A message has a background of its own, so that it is readable on any page. It is as wide as the button, so that the
// button stays on its line. A press meets the button itself, not its label. Nothing moves.
const css = `:host{display:inline-grid}\
:host([hidden]),[hidden]{display:none}\
slot{display:block}\
button slot{pointer-events:none}\
button{font:inherit}\
div{width:0;min-width:100%;display:grid;gap:.5em;margin-top:.5em;color:CanvasText;background:Canvas}\
div:empty{margin:0;background:none}\
.error{color:var(--manage-billing-error,light-dark(#a4161a,#ff9b9b))}\
[part=choice]{background:var(--manage-billing-choice,ButtonFace);border:1px solid}`;

/** Builds the element's shadow tree. Returns a function to call with true when the element is connected, and with false after. */
function control(host) {
  let isBusy = false;
  let focused; // when the request began
  let timer;
  let lastCheck; // of the status
  let isAnswered;
  const visibility = sheetOf("");
  const slot = element("slot");
  const label = new Text(); // if the page gives none
  const button = element("button", { part: "button" });
  const form = element("form", { method: "post" });
  const status = element("div", { role: "status", part: "status" }); // a live region
  const choices = element("div", { role: "group", part: "choices" });
  const root = host.attachShadow({ mode: "open" });
  root.adoptedStyleSheets = [sheetOf(css), visibility];
  button.append(slot, label);
  form.append(button);
  root.append(form, status, choices);

  const attribute = (name) => host.getAttribute(name);
  const text = (name, otherwise) => host.messages?.[name] ?? otherwise ?? own(texts, name);
  const buttons = () => [...host.querySelectorAll(controls), ...root.querySelectorAll("button")];
  const options = () => ({ endpoint: attribute("endpoint"), getToken: host.getToken, token: attribute("token"), cookie: host.hasAttribute("cookie") });
  const dispatch = (name, detail) =>
    host.dispatchEvent(new CustomEvent(`billing-portal-${name}`, { detail, bubbles: true, cancelable: true, composed: true }));

  /** The page's own form or button is used as it is. Any other content is the label of the element's button. */
  function arrange() {
    const isOwn = !!host.querySelector(`form,${controls}`);
    const place = isOwn ? root : button; // in the form, a browser would stop the submit event of the page's own form
    form.hidden = isOwn;
    if (slot.parentNode !== place) place.prepend(slot);
    const isLabelled = isOwn || host.textContent.trim() || host.children.length;
    label.data = isLabelled ? "" : text("manage", own(texts.flows, attribute("flow")));
  }

  // ---- the status

  /** Hides the element, with the attribute hide, until the status says that it has a use. If that is unknown, shows it. */
  async function checkStatus(isBack) {
    const hide = attribute("hide");
    // JSON leaves functions out: a framework may set a new one whenever it renders.
    const key = JSON.stringify([hide, attribute("flow"), options(), !host.getToken, shared.since]);
    if (!host.isConnected || (lastCheck?.key === key && !isBack)) return;
    const check = (lastCheck = { key });
    const style = (css) => visibility.replaceSync(css && `:host{${css}!important}`);
    let css = "";
    if (/^(no-account|unavailable)$/.test(hide)) {
      if (!isAnswered) style("visibility:hidden");
      await new Promise((done) => setTimeout(done)); // more may be set at once
      if (check !== lastCheck) return;
      try {
        const url = new URL("status", endpointOf(attribute("endpoint")));
        if (hide === "unavailable") url.search = "include=subscriptions";
        // Past the browser's cache: the user may come from the portal, or have bought something.
        const answer = await send(url, options(), { cache: "reload" });
        isAnswered = true;
        const { account, flows } = answer.ok && (await answer.json());
        const flow = new FormData(host.querySelector("form") ?? form).get("flow_data[type]");
        if (answer.status === 403 || account === false || (flow && flows?.includes(flow) === false)) css = "display:none";
      } catch {} // no credential, or no answer
    }
    if (check === lastCheck) style(css);
  }

  // ---- the request

  /** Adds the parameters to a form's own fields, the attributes over the property, whatever sends the form. */
  function fill({ formData }) {
    for (const [name, value] of fields(host.parameters)) formData.set(name, value);
    const flow = attribute("flow") || formData.get("flow_data[type]");
    const set = (name, value) => formData.set(name.replace("$", () => `flow_data[${flow}]`).replace("&", "flow_data[after_completion]"), value);
    for (const name in places) {
      const value = attribute(name);
      if (value) set(places[name], value);
    }
    const after = attribute("after");
    if (attribute("retention-coupon")) set("$[retention][type]", "coupon_offer");
    if (attribute("confirmation-message")) set("&[type]", "hosted_confirmation");
    if (after) set("&[type]", after === "portal" ? "portal_homepage" : "redirect");
    if (after && after !== "portal") set("&[redirect][return_url]", after);
  }

  /** A button or link of the page's, outside of a form in the element, submits the element's form. */
  function press(event) {
    const pressed = event.target.closest(controls);
    if (event.defaultPrevented || !host.contains(pressed) || host.contains(pressed.closest("form"))) return;
    event.preventDefault();
    form.requestSubmit();
  }

  function submit(event) {
    if (isBusy || shared.opening) event.preventDefault();
    if (event.defaultPrevented) return;
    const { target, submitter } = event;
    choices.replaceChildren();
    try {
      [...fields(host.parameters)]; // throws what a listener of formdata could only report
      if (host.getToken || shared.source || host.matches("[token],[cookie]")) {
        event.preventDefault();
        open(new FormData(target, submitter));
        return;
      }
      // A real form: the browser sends it and follows the redirect, unless a listener after this one stops it.
      if (target === form) form.action = endpointOf(attribute("endpoint"));
      begin(Promise.resolve());
      leave();
      setTimeout(() => event.defaultPrevented && end());
    } catch (error) {
      event.preventDefault();
      fail(error);
    }
  }

  function begin(opening) {
    shared.opening = opening;
    isBusy = true;
    focused = buttons().find((button) => button.matches(":focus"));
    say("opening");
    // Only now would a disabled button no longer be the one that submits.
    setTimeout(show);
  }

  function say(name, className = "") {
    status.textContent = name && (text(name) ?? text("failed"));
    status.className = className;
  }

  /** The user may stop the navigation, and nothing says so. */
  function leave() {
    timer = setTimeout(end, patience);
  }

  /** Shows whether the element is busy. A button that the page has disabled stays so: aria-busy marks the others. */
  function show() {
    host.ariaBusy = isBusy;
    for (const button of buttons()) {
      if (isBusy ? button.disabled : !button.ariaBusy) continue;
      button.disabled = isBusy;
      button.ariaBusy = isBusy || null;
    }
  }

  function end() {
    clearTimeout(timer);
    if (isBusy) shared.opening = null;
    isBusy = false;
    show();
    say("");
    // A disabled button loses focus; it is given back if nothing else took it.
    if (document.activeElement === document.body) focused?.focus();
  }

  async function open(data) {
    const session = createSession(options(), new URLSearchParams(data));
    begin(session);
    try {
      const url = await session;
      if (!dispatch("open", { url })) return end();
      location.assign(url);
      leave();
    } catch (error) {
      end();
      fail(error, data);
    }
  }

  function fail(error, data) {
    const { problem } = error;
    if (!problem) throw error;
    if (!dispatch("error", problem)) return;
    const name = problem.status === 401 ? "signIn" : own(wording, problem.code) ?? problem.code;
    const isQuestion = name === "choose";
    say(name, isQuestion ? "" : "error");
    if (!isQuestion) return;
    choices.replaceChildren(
      ...problem.subscriptions.map(({ id, status, items }) => {
        const name = items.map(({ product, price, quantity }) => (product || price) + (quantity > 1 ? ` × ${quantity}` : "")).join(", ");
        return element("button", {
          type: "button",
          part: "choice",
          textContent: name + (own(texts.statuses, status) ?? ""), // which has its brackets
          onclick: () => {
            if (isBusy || shared.opening) return;
            data.set(`flow_data[${data.get("flow_data[type]")}][subscription]`, id);
            open(data);
          },
        });
      }),
    );
    choices.ariaLabel = text("choose");
  }

  // ---- events

  // Events of the element's form end here, and those of the page's own form, which is in the slot, pass through.
  root.addEventListener("submit", submit);
  root.addEventListener("formdata", fill);
  host.addEventListener("click", press);
  new MutationObserver(() => refresh()).observe(host, {
    childList: true,
    characterData: true,
    subtree: true,
    attributeFilter: ["flow", "hide", "token", "cookie", "endpoint"],
  });

  /** Follows a change of the page, or, with true, the window's return from the portal. */
  function refresh(isBack) {
    if (isBack) {
      choices.replaceChildren();
      end();
    }
    arrange();
    checkStatus(isBack);
  }

  // Frameworks look for these before they set one, and may have set it before the element was defined.
  for (const name of ["getToken", "parameters", "messages"]) {
    let value = host[name];
    Object.defineProperty(host, name, {
      get: () => value,
      set(other) {
        value = other;
        refresh();
      },
    });
  }

  return (isConnected) => {
    if (isConnected) {
      // Page caches copy a busy element. The copy is not busy.
      if (host.ariaBusy && !isBusy) show();
      refresh();
      shared.add(refresh);
    } else {
      shared.delete(refresh);
      if (isBusy) shared.opening = null; // it will not hear that the window came back
    }
  };
}

// A server that renders the page imports this module too, and has no elements.
const { customElements } = globalThis;
if (customElements && !customElements.get("manage-billing-button")) {
  class ManageBillingButton extends HTMLElement {
    #connect = control(this);

    connectedCallback() {
      this.#connect(true);
    }

    disconnectedCallback() {
      this.#connect(false);
    }
  }
  customElements.define("manage-billing-button", ManageBillingButton);
  addEventListener("pageshow", ({ persisted }) => persisted && shared.forEach((refresh) => refresh(true)));
}
