// Shows the request of each button, its response, and the changes that were made in the portal. For the buttons themselves it only
// provides the token.
'use strict';

const byId = (id) => document.getElementById(id);
const { user, credential, cookie, tokenFlags } = document.body.dataset;
const elements = [...document.querySelectorAll('manage-billing-button')];
const endpoint = elements[0].querySelector('form').action;
const moduleURL = new URL('button.js', endpoint).href;
const memory = `demo ${user}`; // in sessionStorage

const formOf = (element) => element.querySelector('form');
const buttonOf = (element) => element.querySelector('button');
const labelOf = (element) => buttonOf(element).textContent;

// ---- the request, in each language

// The snippets are for other pages, so they leave out the way back to this one.
const fieldsOf = (element) => [...new FormData(formOf(element))].filter(([name]) => name !== 'access_token' && name !== 'return_url');
const tokenOf = (element) => element.querySelector('[name=access_token]')?.value;

// While a button is busy, its element has more attributes.
const attributesOf = ({ attributes }) => [...attributes].filter(({ name }) => !/^(id|aria-.*)$/.test(name)).map(({ name, value }) => ` ${name}="${escaped(value)}"`);
const escaped = (text) => text.replaceAll('&', '&amp;').replaceAll('"', '&quot;').replaceAll('<', '&lt;');
const quoted = (text) => `'${text.replaceAll("'", `'\\''`)}'`;

const tokenCommand = `go run ./local token --user ${user}${tokenFlags}`;
const getToken = (element) => `// In your app, return the access token of the signed-in user.
// This token of ${user} expires in an hour. A new one:
// ${tokenCommand}
async function getToken() {
  return "${tokenOf(element)}";
}`;
const indented = (text) => text.replaceAll(/^(?=.)/gm, '  ');

const snippets = {
  html: {
    use: {
      form: 'Paste it into a page of your app. The form works without a script.',
      cookie: 'Paste it into a page of the same site, which has the session cookie.',
      header: 'Paste it into a page of an origin in ALLOWED_ORIGINS.',
    },
    text(element) {
      if (credential === 'form') {
        const fields = [['access_token', tokenOf(element)], ...fieldsOf(element)];
        return `<form method="post" action="${endpoint}">\n` +
          fields.map(([name, value]) => `  <input type="hidden" name="${escaped(name)}" value="${escaped(value)}">\n`).join('') +
          `  <button>${labelOf(element)}</button>\n</form>`;
      }
      const button = (more) => `<manage-billing-button${more}${attributesOf(element).join('')}>${labelOf(element)}</manage-billing-button>`;
      if (credential === 'cookie') return `<script type="module" src="${moduleURL}"></script>\n${button(' cookie')}`;
      return `${button('')}\n<script type="module">\n  import { setTokenSource } from "${moduleURL}";\n\n  setTokenSource(getToken);\n\n` +
        `${indented(getToken(element))}\n</script>`;
    },
  },
  fetch: {
    use: {
      cookie: 'Paste it into a module script of the same site, or into the browser’s console there.',
      header: 'Paste it into a module script of an origin in ALLOWED_ORIGINS, or into the browser’s console there.',
    },
    text(element) {
      const body = fieldsOf(element).map(([name, value]) => `    ${JSON.stringify(name)}: ${JSON.stringify(value)},\n`);
      const headers = credential === 'cookie' ? '{ Accept: "application/json" },\n  credentials: "include"' :
        '{ Accept: "application/json", Authorization: `Bearer ${await getToken()}` }';
      return `const response = await fetch("${endpoint}", {\n  method: "POST",\n  headers: ${headers},\n` +
        `  body: new URLSearchParams({\n${body.join('')}  }),\n});\nconst result = await response.json();\n` +
        'if (!response.ok) throw new Error(result.detail);\nlocation.assign(result.url);' +
        (credential === 'cookie' ? '' : `\n\n${getToken(element)}`);
    },
  },
  curl: {
    use: { header: 'Run it in the folder of this repository, while the server runs.' },
    text(element) {
      const body = fieldsOf(element).map(([name, value]) => ` \\\n  --data-urlencode ${quoted(`${name}=${value}`)}`);
      const sent = credential === 'cookie' ? `-H "Origin: ${location.origin}" \\\n  -H "Cookie: ${cookie}=$(${tokenCommand})"` :
        `-H "Authorization: Bearer $(${tokenCommand})"`;
      return `curl -X POST ${endpoint} \\\n  ${sent} \\\n  -H "Accept: application/json"${body.join('')}`;
    },
  },
};

let shown = elements[0];

function showRequest(element = shown) {
  shown = element;
  const { use, text } = snippets[document.querySelector('[name=language]:checked').value];
  byId('request-name').textContent = labelOf(element);
  byId('request-use').textContent = use[credential] ?? use.header;
  const [before, after] = text(element).split(tokenOf(element));
  byId('snippet').replaceChildren(before);
  if (after === undefined) return;
  const token = document.createElement('span'); // whole when it is copied, and short to look at
  token.className = 'token';
  token.textContent = tokenOf(element);
  byId('snippet').append(token, after);
}

// ---- the response, below its button

function showResponse(element, { status, body }) {
  const response = byId('response');
  element.after(response);
  response.hidden = false;
  byId('response-status').textContent = status;
  byId('response-body').textContent = body ?? '';
  byId('response-body').parentElement.hidden = !body;
  byId('continue').hidden = true;
  byId('continue').firstElementChild.href = '/';
}

function reveal(element) {
  for (let details = element.closest('details'); details; details = details.parentElement.closest('details')) details.open = true;
  element.parentElement.scrollIntoView({ block: 'nearest' });
}

// The session's address is a secret. It is used once, and is not kept.
const masked = (body) => JSON.stringify(body, (key, value) => (key === 'url' ? value.replace(/[^/]*$/, '…') : value), 2);

const isReturn = performance.getEntriesByType('navigation')[0]?.type !== 'navigate'; // by Back, Forward or Reload

// The browser would scroll to where the user left the page, after this script has scrolled to the response.
history.scrollRestoration = isReturn && sessionStorage.getItem(memory) ? 'manual' : 'auto';

let received; // the last response

const send = window.fetch;
window.fetch = async (...request) => {
  received = { status: 'No response' };
  const response = await send(...request);
  const body = await response.clone().json().catch(() => undefined);
  received = { status: `${response.status} ${response.statusText}`, body: body && masked(body) };
  return response;
};

// ---- the changes that were made in the portal

const facts = () => Object.fromEntries([...document.querySelectorAll('[data-fact]')].map((fact) => [fact.dataset.fact, fact.textContent]));

const remember = (element, response) => sessionStorage.setItem(memory, JSON.stringify({ id: element?.id, response, before: facts() }));

function markChanges(before) {
  for (const fact of document.querySelectorAll('[data-fact]')) {
    fact.classList.toggle('changed', before[fact.dataset.fact] !== fact.textContent);
  }
}

/** Shows the last response and the changes since then, if the user returned to the page or reloaded it. */
function recall(isBack) {
  const { id, response, before } = JSON.parse(sessionStorage.getItem(memory) ?? '{}');
  if (!before) return;
  if (!isBack && !byId('back')) {
    sessionStorage.removeItem(memory);
    return;
  }
  markChanges(before);
  const element = id && byId(id);
  if (!element) return;
  showRequest(element);
  showResponse(element, response);
  if (byId('back')) return; // the message above says more
  reveal(element);
  buttonOf(element).focus({ preventScroll: true });
}

/** Shows the state of a page that the browser has kept since before the portal. */
async function refresh() {
  const answer = await send(location.href);
  const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
  for (const id of ['users', 'state']) {
    const current = page.getElementById(id);
    if (current && current.textContent !== byId(id).textContent) byId(id).replaceWith(current);
  }
  const tokens = page.querySelectorAll('[name=access_token]');
  document.querySelectorAll('[name=access_token]').forEach((input, i) => (input.value = tokens[i].value));
}

// ---- events

for (const element of elements) {
  if (!credential) element.getToken = () => tokenOf(element);
  for (const event of ['pointerenter', 'focusin']) element.addEventListener(event, () => showRequest(element));
  element.addEventListener('submit', (event) => {
    showRequest(element);
    received = undefined;
    byId('response').hidden = true;
    if (!event.defaultPrevented) {
      remember(element, { status: 'The browser sent this form and followed the response, so this page did not receive it.' });
    }
  });
  element.addEventListener('billing-portal-open', (event) => {
    if (!received) return;
    remember(element, received);
    showResponse(element, received);
    reveal(element); // now, because a browser that keeps the page scrolls back to where it was left
    if (!byId('pause').checked) return;
    event.preventDefault();
    const link = byId('continue').firstElementChild;
    link.href = event.detail.url;
    byId('continue').hidden = false;
    reveal(element);
    setTimeout(() => link.focus({ preventScroll: true })); // the element gives the focus back to its button first
  });
  element.addEventListener('billing-portal-error', () => {
    if (!received) return;
    showResponse(element, received);
    byId('said').textContent = `Response: ${received.status}`;
    reveal(element);
  });
}
document.addEventListener('submit', ({ target }) => target.id === 'checkout' && remember());
for (const tab of document.querySelectorAll('[name=language]')) tab.addEventListener('change', () => showRequest());
byId('copy').addEventListener('click', async () => {
  await navigator.clipboard.writeText(byId('snippet').textContent);
  byId('said').textContent = 'Copied.';
});
addEventListener('pageshow', async ({ persisted }) => {
  if (persisted) await refresh();
  recall(persisted || isReturn);
  byId('back')?.focus({ preventScroll: true });
});

byId('pausing').hidden = !!credential; // the browser follows the response to a form
byId('request').hidden = false;
const columns = matchMedia('(min-width: 52.01rem)');
const adapt = () => (byId('request').open = columns.matches);
columns.addEventListener('change', adapt);
adapt();
showRequest();
