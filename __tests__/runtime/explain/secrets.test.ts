/** No explanation has a credential of the request, and none has a secret of the file. */
import { loom } from '../../../src/loom.js';
import { quietLog } from '../../support/quiet-log.js';
import { PASSWORD, PASSWORD_HASH } from './credentials.js';

const SECRETS = {
  key: 's3cr3t-key-0123456789abcdef',
  jwt: 's3cr3t-jwt-shared-secret-0123456789abcdef0123',
  client: 's3cr3t-of-the-oauth-client',
  route: 's3cr3t-of-a-route',
};
const SENT = 's3cr3t-sent-value';
const base64 = Buffer.from(`${SENT}:${SENT}`).toString('base64');
const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
const forged = `${part({ alg: 'HS256', kid: 'k' })}.${part({ iss: 'i', private_claim: SENT })}.c2ln`;

const FILE = `
middleware:
  auth:
    api_key: { keys: [{ key: ${SECRETS.key}, name: a }], query_param: key, claims_to_headers: { name: X-C } }
    basic: { users: [{ username: bob, password_hash: "${PASSWORD_HASH}" }] }
    jwt: { secret: ${SECRETS.jwt}, issuer: i, audience: a, algorithms: [HS256], cookie: session, query_param: token }
    oauth: { introspection_url: "https://x.example/i", client_id: c, client_secret: ${SECRETS.client} }
    chain: [api_key, basic, jwt, oauth]
    require_any: true
routes: [{ path: /a/*, headers: { X-Route: ${SECRETS.route} } }, { path: /* }]
`;

const HEADERS: readonly Record<string, string | readonly string[]>[] = [
  ...[
    `Bearer ${SENT}`,
    SENT,
    `${SENT} x`,
    `Basic ${base64}`,
    `Basic ${SENT}`,
    `Bearer ${forged}`,
    `Bearer ${SENT}.a.b`,
  ].map((Authorization) => ({ Authorization })),
  ...[
    { 'X-API-Key': SENT },
    { 'X-API-Key': [SENT, SENT] },
    { 'X-API-Key': ` ${SENT}` },
    { 'X-Token': SENT },
    { [SENT]: 'x' },
  ],
  ...[
    { Cookie: `session=${SENT}; ${SENT}=1` },
    { 'Sec-WebSocket-Protocol': `bearer, ${SENT}` },
    { Host: `u:${SENT}@h` },
  ],
  ...[{ 'X-Forwarded-For': SENT }, { Connection: SENT }, { 'Transfer-Encoding': SENT }, { 'Content-Length': SENT }],
  ...[{ Expect: SENT }, { Upgrade: SENT }, { 'X-Route': SENT }],
  { Authorization: `Basic ${Buffer.from(`bob:${PASSWORD}`).toString('base64')}`, 'X-Other': SENT },
];
const URLS = [
  ...[
    `/a;${SENT}`,
    `/a?${SENT}`,
    `/a?key=${SENT}&token=${SENT}`,
    `/x%3f${SENT}`,
    `http://u:${SENT}@h/x`,
    `/a&token=${SENT}`,
  ],
  ...[`//u:${SENT}@h/`, `/a#${SENT}`],
];

test('requests with a secret in every place', async () => {
  const log = quietLog();
  const gate = loom({ text: FILE, file: 'loom.yaml' }, { log });
  const hidden = [SENT, base64, forged, PASSWORD, PASSWORD_HASH, ...Object.values(SECRETS)];
  try {
    for (const headers of HEADERS) {
      for (const url of URLS) {
        const text = JSON.stringify(await gate.explain({ url, headers }));
        expect([headers, url, hidden.filter((each) => text.includes(each))]).toEqual([headers, url, []]);
      }
    }
  } finally {
    await gate.close();
  }
  expect(JSON.stringify(log.entries)).not.toContain('s3cr3t');
});
