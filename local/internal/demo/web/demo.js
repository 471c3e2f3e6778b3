// Shows what a button sends and what came back, and what changed meanwhile. The buttons need nothing of it but the token.
'use strict';

const byId = (id) => document.getElementById(id);
const { user, credential } = document.body.dataset;
const elements = [...document.querySelectorAll('manage-billing-button')];
const endpoint = elements[0].querySelector('form').action;
const memory = `demo ${user}`; // in the window's session

// ---- the call, in each language

const quoted = (text) => `'${text.replaceAll("'", `'\\''`)}'`;
const isForScript = credential === undefined;

const written = {
  html(element) {
    const attributes = [...element.attributes].filter(({ name }) => name !== 'id').map(({ name, value }) => ` ${name}="${value.replaceAll('"', '&quot;')}"`);
    return `<script type="module" src="${new URL('button.js', endpoint)}"></script>\n` +
      `<manage-billing-button${attributes.join('')}>${labelOf(element)}</manage-billing-button>`;
  },
  fetch(element) {
    const body = fieldsOf(element).map(([name, value]) => `    ${JSON.stringify(name)}: ${JSON.stringify(value)},\n`);
    return `const answer = await fetch(${JSON.stringify(endpoint)}, {\n  method: "POST",\n  headers: { Authorization: \`Bearer \${token}\`, Accept: "application/json" },\n` +
      `  body: new URLSearchParams({\n${body.join('')}  }),\n});\nif (answer.ok) location.assign((await answer.json()).url);`;
  },
  curl(element) {
    const body = fieldsOf(element).map(([name, value]) => ` \\\n  --data-urlencode ${quoted(`${name}=${value}`)}`);
    return `curl -X POST ${endpoint} \\\n  -H "Authorization: Bearer $(go run ./local token --user ${user})" \\\n  -H "Accept: application/json"${body.join('')}`;
  },
};

const labelOf = (element) => element.querySelector('button').textContent;

// What the element adds is among them: it hears that the form's data is asked for.
const fieldsOf = (element) => [...new FormData(element.querySelector('form'))].filter(([name]) => name !== 'access_token');

let shown = elements[0];

function showCall(element = shown) {
  shown = element;
  byId('exchange-name').textContent = labelOf(element);
  byId('call').textContent = written[document.querySelector('[name=language]:checked').value](element);
}

// ---- the answer

function showAnswer({ name, status, body }) {
  byId('answer-status').textContent = `${name}: ${status}`;
  byId('answer').textContent = body ?? '';
  byId('answer').parentElement.hidden = !body;
}

// The session's address is a secret, which is used at once and kept nowhere.
const masked = (body) => JSON.stringify(body, (key, value) => (key === 'url' ? value.replace(/[^/]*$/, '…') : value), 2);

let answered; // what the element got last

const send = window.fetch;
window.fetch = async (...call) => {
  const answer = await send(...call);
  const body = await answer.clone().json().catch(() => undefined);
  answered = { name: labelOf(shown), status: `${answer.status} ${answer.statusText}`, body: body && masked(body) };
  return answer;
};

// ---- what changed while the window was at the portal

const facts = () => Object.fromEntries([...document.querySelectorAll('[data-fact]')].map((fact) => [fact.dataset.fact, fact.textContent]));

const remember = (answer) => sessionStorage.setItem(memory, JSON.stringify({ answer, before: facts() }));

function recall() {
  const { answer, before } = JSON.parse(sessionStorage.getItem(memory) ?? '{}');
  sessionStorage.removeItem(memory);
  if (!byId('back') || !before) return;
  if (answer) showAnswer(answer);
  showCall(elements.find((element) => labelOf(element) === answer?.name));
  for (const fact of document.querySelectorAll('[data-fact]')) {
    fact.classList.toggle('changed', before[fact.dataset.fact] !== fact.textContent);
  }
}

// ----

for (const element of elements) {
  if (isForScript) element.getToken = () => element.querySelector('[name=access_token]').value;
  for (const event of ['pointerenter', 'focusin']) element.addEventListener(event, () => showCall(element));
  element.addEventListener('submit', () => {
    showCall(element);
    byId('go-on').hidden = true;
    if (!isForScript) remember({ name: labelOf(element), status: '303 See Other, which the browser followed by itself' });
  });
  element.addEventListener('billing-portal-open', (event) => {
    remember(answered);
    if (!byId('stop').checked) return;
    event.preventDefault();
    showAnswer(answered);
    byId('go-on').hidden = false;
    byId('go-on').firstElementChild.href = event.detail.url;
  });
  element.addEventListener('billing-portal-error', () => showAnswer(answered));
}
byId('checkout')?.addEventListener('submit', () => remember());
for (const tab of document.querySelectorAll('[name=language]')) tab.addEventListener('change', () => showCall());
byId('copy').addEventListener('click', async () => {
  await navigator.clipboard.writeText(byId('call').textContent);
  byId('said').textContent = 'Copied.';
});
byId('exchange').hidden = false;
showCall();
recall();
