// The client `machine` gets access tokens for itself and for users. The users
// consent at once on their own device (OpenID Connect CIBA), so that no browser is
// needed.
import { generateKeyPairSync } from 'node:crypto';

// start returns the request listener of a provider with new keys. Its RSA key has
// no alg, so that it signs both RS256 and PS512.
export function start({ default: Provider }, issuer) {
  const keys = [
    generateKeyPairSync('rsa', { modulusLength: 2048 }),
    ...['P-256', 'P-384', 'P-521'].map((namedCurve) => generateKeyPairSync('ec', { namedCurve })),
    generateKeyPairSync('ed25519'),
  ];
  const provider = new Provider(issuer, {
    jwks: { keys: keys.map(({ privateKey }) => privateKey.export({ format: 'jwk' })) },
    clients: [{
      client_id: 'machine',
      client_secret: 'secret',
      grant_types: ['client_credentials', ciba],
      response_types: [],
      redirect_uris: [],
      id_token_signed_response_alg: 'ES256',
      backchannel_token_delivery_mode: 'poll',
    }],
    scopes: ['openid', 'billing'],
    formats: { customizers: { jwt: customize } },
    extraTokenClaims: () => ({ 'https://example.com/roles': ['admin'] }),
    findAccount: (context, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      resourceIndicators: { enabled: true, getResourceServerInfo: (context, resource) => resourceServer(resource) },
      ciba: {
        enabled: true,
        processLoginHint: (context, hint) => hint,
        verifyUserCode() {},
        validateRequestContext() {},
        triggerAuthenticationDevice: (context, request) => sayYes(provider, request),
      },
    },
  });
  return provider.callback();
}

const ciba = 'urn:openid:params:grant-type:ciba';

// The path of a resource is the algorithm that signs its tokens.
function resourceServer(resource) {
  return {
    scope: 'billing',
    audience: resource,
    accessTokenFormat: 'jwt',
    accessTokenTTL: 3600,
    jwt: { sign: { alg: new URL(resource).pathname.slice(1) } },
  };
}

// The query of a resource may set another typ than at+jwt, or an empty one to
// remove it.
function customize(context, token, jwt) {
  const { searchParams } = new URL(jwt.payload.aud);
  if (searchParams.has('typ')) {
    jwt.header = { typ: searchParams.get('typ') || undefined };
  }
}

async function sayYes(provider, request) {
  const grant = new provider.Grant({ clientId: request.clientId, accountId: request.accountId });
  grant.addOIDCScope('openid');
  grant.addResourceScope(request.resource, 'billing');
  await grant.save();
  await provider.backchannelResult(request, grant);
}
