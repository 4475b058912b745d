/** Attacks on the identity: one object for many requests, names that two callers share, exposed secrets. */
import { createServer } from 'node:http';
import { inspect } from 'node:util';
import type { Identity } from '../../src/auth/identity.js';
import { loom } from '../../src/loom.js';
import { ask, seen } from '../support/ask.js';
import { HOSTS, type Handler } from '../support/hosts.js';
import { quietLog } from '../support/quiet-log.js';
import { closed, listening } from '../support/recording-upstream.js';
import { bearer, secretToken } from '../support/token-issuer.js';

const SECRET = 'a-secret-of-thirty-two-bytes-or-so-and-more';
const HASH = '$2b$04$owYJEtabfXyJDWnbPkaNZesmHI8oZ0gJ9XKVbQ3B4TgIpxfBdDie6';
const FILE = `
middleware:
  auth:
    chain: [api_key, jwt]
    require_any: true
    api_key: { keys: [{ key: key-of-alice, name: alice, rate_limit: 1000 }, { key: key-of-bob, name: bob }] }
    jwt: { issuer: "https://id.example", secret: ${SECRET} }
    basic: { users: [{ username: alice, password_hash: "${HASH}" }] }
`;

const opened: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of opened.splice(0).reverse()) await close();
});

async function application(handler: Handler): Promise<number> {
  const gate = loom({ text: FILE, file: 'loom.yaml' }, { log: quietLog() });
  opened.push(() => gate.close());
  const host = await HOSTS.find(({ name }) => name === 'node:http')?.start({ gate, handler });
  if (!host) throw new Error('no host');
  opened.push(() => host.close());
  return host.port;
}

/** Careless application code that changes an identity. A frozen identity throws, and the code continues. */
function careless(change: () => void): void {
  try {
    change();
  } catch {
    // In strict mode a frozen object throws.
  }
}

interface Open {
  method: string;
  subject: string;
  scopes: string[];
  claims: Record<string, unknown>;
  rateLimit?: { rate: number };
  admin?: boolean;
}

describe.each<[string, () => Promise<Record<string, string>>]>([
  ['an API key', () => Promise.resolve({ 'x-api-key': 'key-of-alice' })],
  ['a token', async () => bearer(await secretToken(SECRET, { iss: 'https://id.example', sub: 'alice' })).headers],
])('a change by a handler to the identity of %s', (_what, credentials) => {
  test.each<[string, (auth: Open) => void]>([
    ['an own property', (auth) => (auth.admin = true)],
    ['a scope', (auth) => auth.scopes.push('admin')],
    ['a claim', (auth) => (auth.claims['role'] = 'admin')],
    ['another subject', (auth) => (auth.subject = 'root')],
    ['another limit', (auth) => auth.rateLimit && (auth.rateLimit.rate = 1e9)],
  ])('is gone with the request: %s', async (_change, change) => {
    const port = await application((req, res) => {
      const { auth } = req;
      const before = JSON.stringify(auth);
      if (req.url === '/change') careless(() => change(auth as unknown as Open));
      res.end(before);
    });
    const headers = await credentials();
    const first = seen<Identity>(await ask({ port, path: '/', headers }));
    expect(first.subject).toBe('alice');
    await ask({ port, path: '/change', headers });
    expect(seen<Identity>(await ask({ port, path: '/', headers }))).toEqual(first);
  });
});

test('is not kept if a host takes the method from the gate’s own Passport either', async () => {
  const gate = loom({ text: FILE, file: 'loom.yaml' }, { log: quietLog() });
  const authenticate = gate.passport.authenticate('api_key', { session: false });
  const server = createServer((req, res) =>
    authenticate(req, res, () => {
      const { user } = req as unknown as { user: Open };
      const before = JSON.stringify(user);
      if (req.url === '/change') careless(() => user.scopes.push('admin'));
      res.end(before);
    }),
  );
  const port = await listening(server);
  opened.push(
    () => gate.close(),
    () => closed(server),
  );
  const headers = { 'x-api-key': 'key-of-alice' };
  for (const path of ['/', '/change', '/'])
    expect(seen<Identity>(await ask({ port, path, headers }))).toMatchObject({ subject: 'alice', scopes: [] });
});

test.each<[string, () => object]>([
  ['plain', () => ({ id: 'ada', org: { name: 'x' } })],
  [
    'one with a cycle',
    () => {
      const user = { id: 'ada', org: { members: [] as object[] } };
      user.org.members.push(user);
      return user;
    },
  ],
  [
    'one with shared parts',
    () => ({ id: 'ada', tree: Array.from({ length: 22 }).reduce((below) => [below, below], 1) }),
  ],
])('a user of the host’s strategy passes whatever the object contains: %s', async (_what, user) => {
  const strategy = {
    authenticate(this: { success?: (user: object) => void }) {
      this.success?.(user());
    },
  };
  const text = 'middleware: { auth: { chain: [saml] } }';
  const gate = loom({ text, file: 'loom.yaml' }, { log: quietLog(), strategies: { saml: { strategy } } });
  const server = createServer((req, res) => gate(req, res, () => res.end(req.auth?.subject)));
  const port = await listening(server);
  opened.push(
    () => gate.close(),
    () => closed(server),
  );
  expect(await ask({ port })).toMatchObject({ status: 200, body: 'ada' });
});

test('no printable part of the gate contains a secret', () => {
  const gate = loom({ text: FILE, file: 'loom.yaml' }, { log: quietLog() });
  opened.push(() => gate.close());
  const printed = inspect(gate, { depth: 20, maxArrayLength: null, maxStringLength: null, getters: true });
  expect(printed).toContain('api_key');
  expect([SECRET, HASH, 'key-of-alice'].filter((secret) => printed.includes(secret))).toEqual([]);
});

test('a refusal and an identity reveal no credential, however deep they are printed', async () => {
  const port = await application((req, res) => res.end(inspect(req.auth, { depth: 20, showHidden: true })));
  const token = await secretToken(SECRET, { iss: 'https://id.example', sub: 'alice' });
  for (const [headers, status] of [
    [{ 'x-api-key': 'key-of-alice' }, 200],
    [bearer(token).headers, 200],
    [{ 'x-api-key': 'key-of-mallory' }, 401],
  ] as const) {
    const answer = await ask({ port, headers });
    expect(answer.status).toBe(status);
    expect(JSON.stringify(answer)).not.toMatch(/key-of-|a-secret|eyJ/);
  }
});
