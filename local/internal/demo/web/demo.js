// The one button that asks with fetch. A browser's script cannot follow a redirect to another origin, so it asks for
// JSON and goes to the session's URL itself.
'use strict';

const button = document.getElementById('fetch-button');
const problem = document.getElementById('problem');

function show({ title, detail, code }) {
  document.getElementById('problem-title').textContent = title || 'The portal could not be opened';
  document.getElementById('problem-detail').textContent = detail || '';
  document.getElementById('problem-code').textContent = code || '';
  problem.hidden = false;
  problem.scrollIntoView({ block: 'nearest' });
}

async function open() {
  const { endpoint, token, body } = button.dataset;
  const response = await fetch(endpoint, {
    method: 'POST',
    headers: {
      'Accept': 'application/json',
      ...(token && { 'Authorization': `Bearer ${token}` }),
      'Content-Type': 'application/json',
    },
    body,
  });
  const answer = await response.json();
  if (!response.ok) {
    show(answer); // application/problem+json, RFC 9457
    return;
  }
  location.assign(answer.url);
}

button.addEventListener('click', async () => {
  problem.hidden = true;
  button.disabled = true;
  try {
    await open();
  } catch (error) {
    show({ detail: 'No usable answer came from the server. Is it still running?' });
  } finally {
    button.disabled = false;
  }
});
