/** Tokens of a certified OpenID provider (oidc-provider), verified after discovery, and introspected. */
import { createServer, type Server } from 'node:http';
import Provider from 'oidc-provider';
import { loom, type Loom } from '../src/loom.js';
import { quietLog } from './support/quiet-log.js';
import { closed, listening } from './support/recording-upstream.js';

const CLIENT = { client_id: 'app', client_secret: 'a secret of the app' };
const GATEWAY = { client_id: 'gateway', client_secret: 'a secret of the gateway' };
const JWT_API = 'https://api.example';
const OPAQUE_API = 'https://opaque.example';

let provider: Server;
let issuer: string;
let gate: Loom;
let host: Server;
let url: string;

beforeAll(async () => {
  // The provider prints advice for production use.
  for (const level of ['warn', 'info'] as const) jest.spyOn(console, level).mockImplementation(() => undefined);
  provider = createServer();
  issuer = `http://127.0.0.1:${await listening(provider)}`;
  const client = { grant_types: ['client_credentials'], redirect_uris: [], response_types: [] };
  const oidc = new Provider(issuer, {
    clients: [
      { ...client, ...CLIENT, scope: 'read write' },
      { ...client, ...GATEWAY },
    ],
    scopes: ['read', 'write'],
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      introspection: { enabled: true, allowedPolicy: (_context, by) => by.clientId === GATEWAY.client_id },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: (_context, resource) => ({
          scope: 'read write',
          audience: resource,
          accessTokenFormat: resource === JWT_API ? ('jwt' as const) : ('opaque' as const),
        }),
      },
    },
  });
  provider.on('request', oidc.callback());
  const text = `
middleware:
  auth:
    jwt: { issuer: "${issuer}", audience: "${JWT_API}", token_type: access_token }
    oauth: { issuer: "${issuer}", audience: "${OPAQUE_API}", client_id: ${GATEWAY.client_id}, client_secret: ${GATEWAY.client_secret} }
routes:
  - { id: signed, path: /signed/*, auth: { jwt: true } }
  - { id: write, path: /write/*, auth: { jwt: { required_scopes: [write] } } }
  - { id: opaque, path: /opaque/*, auth: { oauth: true } }
  - { id: either, path: /either/*, auth: { methods: [jwt, oauth] } }
`;
  gate = loom({ text, file: 'loom.yaml' }, { log: quietLog() });
  await gate.ready;
  host = createServer((req, res) => gate(req, res, () => res.end(`${req.auth?.method} ${req.auth?.subject}`)));
  url = `http://127.0.0.1:${await listening(host)}`;
});

afterAll(async () => {
  await closed(host);
  await gate.close();
  await closed(provider);
});

async function token(resource: string, scope: string): Promise<string> {
  const response = await fetch(`${issuer}/token`, {
    method: 'POST',
    headers: {
      Authorization: `Basic ${Buffer.from(Object.values(CLIENT).map(encodeURIComponent).join(':')).toString('base64')}`,
    },
    body: new URLSearchParams({ grant_type: 'client_credentials', resource, scope }),
  });
  const { access_token } = (await response.json()) as { access_token: string };
  return access_token;
}

async function ask(path: string, bearer: string): Promise<readonly [number, string]> {
  const response = await fetch(url + path, { headers: { Authorization: `Bearer ${bearer}` } });
  return [response.status, response.status === 200 ? await response.text() : ''];
}

test('a signed access token passes where its audience and scope do', async () => {
  const read = await token(JWT_API, 'read');
  expect(read.split('.')).toHaveLength(3);
  expect(await ask('/signed/x', read)).toEqual([200, 'jwt app']);
  expect((await ask('/write/x', read))[0]).toBe(403);
  expect(await ask('/write/x', await token(JWT_API, 'read write'))).toEqual([200, 'jwt app']);
  expect((await ask('/signed/x', `${read.slice(0, -4)}AAAA`))[0]).toBe(401);
  // This provider refuses to introspect signed tokens (400): no decision, so neither accepted nor refused.
  expect((await ask('/opaque/x', read))[0]).toBe(503);
});

test('an opaque one is introspected, and is refused if only signed ones are accepted', async () => {
  const opaque = await token(OPAQUE_API, 'read');
  expect(opaque).not.toContain('.');
  expect(await ask('/opaque/x', opaque)).toEqual([200, 'oauth app']);
  expect((await ask('/opaque/x', `${opaque}x`))[0]).toBe(401);
  expect((await ask('/signed/x', opaque))[0]).toBe(401);
});

test('either kind passes if both methods are allowed', async () => {
  expect(await ask('/either/x', await token(JWT_API, 'read'))).toEqual([200, 'jwt app']);
  expect(await ask('/either/x', await token(OPAQUE_API, 'read'))).toEqual([200, 'oauth app']);
});
