// The certified provider as a process: `node provider.mjs PORT`. Its keys are new with every start.
import { generateKeyPairSync, randomUUID } from 'node:crypto';
import Provider from 'oidc-provider';

const port = Number(process.argv[2]);
const issuer = `http://127.0.0.1:${port}`;
const redirect_uris = ['https://onerouter.test/api/auth/oidc/acme/callback', 'https://program.example/done'];
const api = 'https://api.example';

function key(algorithm, options) {
  const { privateKey } = generateKeyPairSync(algorithm, options);
  return { ...privateKey.export({ format: 'jwk' }), kid: randomUUID(), use: 'sig' };
}

const provider = new Provider(issuer, {
  jwks: { keys: [key('rsa', { modulusLength: 2048 }), key('ec', { namedCurve: 'P-256' })] },
  clients: [
    { client_id: 'by-header', client_secret: 'the:client&secret', redirect_uris, token_endpoint_auth_method: 'client_secret_basic' },
    { client_id: 'by-form', client_secret: 'the:client&secret', redirect_uris, token_endpoint_auth_method: 'client_secret_post' },
    { client_id: 'public', redirect_uris, token_endpoint_auth_method: 'none', id_token_signed_response_alg: 'ES256' },
  ],
  cookies: { keys: [randomUUID()] },
  claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name'] },
  pkce: { required: () => true },
  async findAccount(_, sub) {
    return {
      accountId: sub,
      claims: () => ({ sub, name: 'Ada Lovelace', email: `${sub}@example.com`, email_verified: true }),
    };
  },
  features: {
    devInteractions: { enabled: true },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => undefined,
      useGrantedResource: () => true,
      getResourceServerInfo: () => ({
        scope: 'openid', audience: api, accessTokenFormat: 'jwt', jwt: { sign: { alg: 'ES256' } },
      }),
    },
  },
});

provider.listen(port, '127.0.0.1');
