/** Attacks through issuers: key sets that lie or hang, discovery for other issuers, issuers that share keys. */
import { createHmac } from 'node:crypto';
import { askedServer, json, raw, type Answer, type AskedServer } from '../tokens/introspection-server.js';
import { base64url, signed, signingKey, type SigningKey } from '../tokens/signing.js';
import { closeOpened, serving } from '../support/page-gate.js';
import { bearer, livelyClaims } from '../support/token-issuer.js';

const a = signingKey('RS256');
const b = signingKey('RS256');
const curve = signingKey('ES256');

const servers: AskedServer[] = [];
afterEach(async () => {
  await closeOpened();
  for (const each of servers.splice(0)) await each.close();
});

async function issuer(answer: Answer): Promise<AskedServer> {
  const server = await askedServer(answer);
  servers.push(server);
  return server;
}

const publicJwk = (key: SigningKey, more: object = {}) => ({ ...key.jwk, kid: 'k', use: 'sig', ...more });
const keySet = (...keys: object[]): Answer => json({ keys });
const hang: Answer = () => undefined;

/** The gateway's status for a token of the issuer. */
async function statuses(block: string, tokens: readonly string[], routes = ''): Promise<number[]> {
  const gate = await serving(`middleware: { auth: { jwt: ${block} } }\n${routes}`);
  const found: number[] = [];
  for (const token of tokens) found.push((await gate.ask('/', bearer(token))).status);
  return found;
}

const token = (iss: string, key: SigningKey, header: object = { kid: 'k' }, claims: object = {}) =>
  signed({ iss, ...livelyClaims(), ...claims }, { alg: key.alg, key: key.privateKey, header: { ...header } });

const withJwks = ({ origin }: AskedServer) => `{ issuer: "${origin}", jwks_url: "${origin}/jwks" }`;

const SETS: readonly (readonly [what: string, answer: Answer, status: number])[] = [
  ['its key', keySet(publicJwk(a)), 200],
  ['its key among others', keySet(publicJwk(curve, { kid: 'c' }), publicJwk(a)), 200],
  ['its key twice', keySet(publicJwk(a), publicJwk(a)), 200],
  ['its key and a curve of the same name', keySet(publicJwk(a), publicJwk(curve)), 200],
  ['its key behind another of the same name', keySet(publicJwk(b), publicJwk(a)), 200],
  ['only another key of the same name', keySet(publicJwk(b)), 401],
  ['its key with the private half', keySet({ ...a.privateKey.export({ format: 'jwk' }), kid: 'k' }), 503],
  ['its key for encryption', keySet(publicJwk(a, { use: 'enc' })), 503],
  ['its key for other operations', keySet(publicJwk(a, { use: undefined, key_ops: ['encrypt'] })), 503],
  ['its key with another algorithm', keySet(publicJwk(a, { alg: 'PS256' })), 401],
  ['its key with an algorithm of secrets', keySet(publicJwk(a, { alg: 'HS256' })), 503],
  ['a key and a member twice', raw(200, `{"keys":[],"keys":[${JSON.stringify(publicJwk(a))}]}`), 503],
  ['a key behind a redirect', (_asked, to) => void to.writeHead(302, { location: '/elsewhere' }).end(), 503],
  ['too many keys', keySet(...Array.from({ length: 300 }, (_key, at) => publicJwk(a, { kid: `k${at}` }))), 503],
  ['more than fits', raw(200, `{"keys":[${JSON.stringify(publicJwk(a))}],"x":"${'x'.repeat(600_000)}"}`), 503],
];

test('a key set verifies only with the keys that are meant for it', async () => {
  for (const [what, answer, expected] of SETS) {
    const server = await issuer(answer);
    expect([what, ...(await statuses(withJwks(server), [await token(server.origin, a)]))]).toEqual([what, expected]);
  }
});

const DOCUMENTS: readonly (readonly [what: string, document: (origin: string) => object, status: number])[] = [
  ['the truth', (origin) => ({ issuer: origin, jwks_uri: `${origin}/jwks` }), 200],
  ['another issuer', (origin) => ({ issuer: `${origin}/`, jwks_uri: `${origin}/jwks` }), 503],
  ['no issuer', (origin) => ({ jwks_uri: `${origin}/jwks` }), 503],
  ['a list of issuers', (origin) => ({ issuer: [origin], jwks_uri: `${origin}/jwks` }), 503],
  ['keys in a file', (origin) => ({ issuer: origin, jwks_uri: 'file:///etc/passwd' }), 503],
  [
    'keys over plain http from another machine',
    (origin) => ({ issuer: origin, jwks_uri: 'http://192.0.2.1/jwks' }),
    503,
  ],
];

test('a discovery document is valid only for its own issuer', async () => {
  for (const [what, document, expected] of DOCUMENTS) {
    const server = await issuer((asked, to) =>
      asked.url === '/jwks' ? keySet(publicJwk(a))(asked, to) : json(document(server.origin))(asked, to),
    );
    const block = `{ issuer: "${server.origin}" }`;
    expect([what, ...(await statuses(block, [await token(server.origin, a)]))]).toEqual([what, expected]);
  }
});

test('a key set that does not load is 503, not 401, because the token may be valid', async () => {
  const server = await issuer((asked, to) =>
    asked.url === '/jwks'
      ? keySet(publicJwk(a))(asked, to)
      : json({ issuer: server.origin, jwks_uri: `${server.origin}/jwks` })(asked, to),
  );
  const gate = await serving(`middleware: { auth: { jwt: { issuer: "${server.origin}" } } }`);
  expect((await gate.ask('/', bearer(await token(server.origin, a)))).status).toBe(200);
  const told = server.answer;
  // Each of the two documents comes within its own deadline. Together they exceed the wait of a request.
  server.answer = (asked, to) =>
    asked.url === '/jwks' ? hang(asked, to) : void setTimeout(() => void told(asked, to), 2_000);
  const rotated = await token(server.origin, b, { kid: 'new' });
  expect((await gate.ask('/', bearer(rotated))).status).toBe(503);
  expect((await gate.ask('/', bearer(await token(server.origin, a)))).status).toBe(200);
}, 30_000);

test('issuers that share a kid, a subject and even a key are distinguished only by iss', async () => {
  const [one, two] = [await issuer(keySet(publicJwk(a))), await issuer(keySet(publicJwk(b)))];
  const block = `{ issuers: [{ name: one, issuer: "${one.origin}", jwks_url: "${one.origin}/jwks", required_scopes: read },
    { name: two, issuer: "${two.origin}", jwks_url: "${two.origin}/jwks" }] }`;
  const routes = 'routes: [{ path: "/*", upstream: backend, auth: { jwt: { issuers: [one] } } }]';
  const read = { scope: 'read' };
  expect(
    await statuses(
      block,
      [
        await token(one.origin, a, { kid: 'k' }, read),
        await token(one.origin, a),
        await token(one.origin, b, { kid: 'k' }, read),
        await token(two.origin, a, { kid: 'k' }, read),
        await token(two.origin, b, { kid: 'k' }, read),
        await token(`${one.origin}/`, a, { kid: 'k' }, read),
      ],
      routes,
    ),
  ).toEqual([200, 403, 401, 401, 403, 401]);
});

test('a shared secret beside public keys: no key of one verifies for the other', async () => {
  const server = await issuer(keySet(publicJwk(a)));
  const secret = 'a-secret-of-thirty-two-bytes-or-so-and-more';
  const hmac = (iss: string, key: string, claims: object = {}) => {
    const input = `${base64url({ alg: 'HS256', kid: 'k' })}.${base64url({ iss, ...livelyClaims(), ...claims })}`;
    return `${input}.${createHmac('sha256', key).update(input).digest('base64url')}`;
  };
  const block = `{ issuers: [{ issuer: "${server.origin}", jwks_url: "${server.origin}/jwks" },
    { issuer: shared, secret: ${secret} }] }`;
  expect(
    await statuses(block, [
      await token(server.origin, a),
      hmac('shared', secret),
      hmac(server.origin, secret),
      hmac(server.origin, a.pem),
      hmac(server.origin, JSON.stringify(a.jwk)),
      await token('shared', a),
    ]),
  ).toEqual([200, 200, 401, 401, 401, 401]);
});

test('an issuer is listed once, in any place and in any form', async () => {
  const entry = (issuer: string, secret: string) => `{ issuer: "${issuer}", secret: ${secret.repeat(4)} }`;
  const block = (...entries: string[]) =>
    serving(`middleware: { auth: { jwt: { issuers: [${entries.join(', ')}] } } }`);
  const [x, slash, again] = [
    entry('https://x', '12345678a'),
    entry('https://x/', '12345678b'),
    entry('https://x', '12345678c'),
  ];
  await expect(block(x, again)).rejects.toThrow(/listed twice/);
  await expect(block(x, slash)).resolves.toBeDefined();
  await expect(block(x, slash, again)).rejects.toThrow(/listed twice/);
});

test('a name of one issuer is not the iss of another: a route with that name would be ambiguous', async () => {
  const secret = '12345678a'.repeat(4);
  const block = (name: string) =>
    serving(
      `middleware: { auth: { jwt: { secret: ${secret}, issuers: [{ name: ${name}, issuer: "https://x" }, { issuer: partner }] } } }`,
    );
  await expect(block('friend')).resolves.toBeDefined();
  await expect(block('partner')).rejects.toThrow();
});
