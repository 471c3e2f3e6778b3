// One issuer for each algorithm, at a path with the algorithm's name. In a request
// for a token, the parameter `change` is a JSON object of claims to set in that
// token. The value null removes a claim.

// start returns the request listener of issuers with new keys.
export async function start({ OAuth2Server }, base) {
  const services = new Map();
  for (const alg of ['RS256', 'PS256', 'ES256', 'ES384', 'EdDSA']) {
    const { issuer, service } = new OAuth2Server();
    issuer.url = `${base}/${alg}`;
    await issuer.keys.generate(alg);
    service.on('beforeTokenSigning', ({ payload }, request) => {
      for (const [name, value] of Object.entries(JSON.parse(request.body.change) ?? {})) {
        payload[name] = value ?? undefined; // JSON omits members that are undefined
      }
    });
    services.set(alg, service);
  }
  return (request, response) => {
    const [, alg, rest] = request.url.match(/^\/(\w+)(\/.*)$/);
    request.url = rest;
    services.get(alg).requestHandler(request, response);
  };
}
