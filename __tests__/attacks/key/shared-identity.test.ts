/** What all requests of a credential share: no handler of a host changes what its next request receives. */
import { hashSync } from 'bcryptjs';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { memoryStore } from '../../auth/methods/api-key/store/memory-store.js';
import { authOf, identitiesOf, loom, type ConnectMiddleware, type Identity, type Loom } from '../../../src/index.js';
import { ask } from '../../support/ask.js';
import { quietLog } from '../../support/quiet-log.js';
import { closed, listening } from '../../support/recording-upstream.js';
import { livelyClaims, secretToken } from '../../support/token-issuer.js';

const KEY = 'sk-a-key-of-the-file-itself';
const SECRET = 'a secret of the tokens of this file, of more than thirty-two bytes';
const PASSWORD = 'password of bob';
const TEXT = `middleware:
  auth:
    jwt: { secret: "${SECRET}", claims_to_headers: { sub: X-Name, deep.plan: X-Plan } }
    basic: { users: [{ username: bob, password_hash: "${hashSync(PASSWORD, 4)}" }] }
    api_key:
      store: { type: host }
      keys: [{ key: ${KEY}, name: ops, rate_limit: 1000 }]
      claims_to_headers: { name: X-Name, metadata.plan: X-Plan, scope: X-Scope }
routes:
  - { id: all, path: /*, auth: { methods: [api_key, jwt, basic] } }
`;

let gate: Loom;
let server: ReturnType<typeof createServer>;
let spoil: (request: IncomingMessage) => void = () => undefined;
let key: string;
let token: string;
beforeAll(async () => {
  gate = loom({ text: TEXT, file: 'loom.yaml' }, { keyStore: memoryStore(), log: quietLog() });
  const metadata = { plan: 'free', deep: { list: ['a'], on: false } };
  ({ key } = await gate.keys.create({ name: 'ada', scopes: ['read'], metadata, rate_limit: 1_000 }));
  token = await secretToken(SECRET, { ...livelyClaims(), scope: 'read', deep: { plan: 'free', list: [{ a: 1 }] } });
  const passport = gate.passport.authenticate<ConnectMiddleware>(['api_key', 'jwt', 'basic'], { session: false });
  server = createServer((request, response) =>
    (request.url === '/passport' ? passport : gate)(request, response, () => {
      const seen = [request.auth, (request as { user?: unknown }).user, authOf(request), identitiesOf(request)];
      const { 'x-name': name, 'x-plan': plan, 'x-scope': scope } = request.headers;
      response.end(JSON.stringify({ seen, headers: { name, plan, scope } }));
      spoil(request);
    }),
  );
  await listening(server);
});
afterAll(async () => {
  await gate.close();
  await closed(server);
});

type Headers = Readonly<Record<string, string>>;

async function seenWith(headers: Headers, path = '/'): Promise<unknown> {
  const { port } = server.address() as AddressInfo;
  const { status, body } = await ask({ port, path, headers });
  return [status, JSON.parse(body)];
}

/** Writes to each object and list that a handler can reach. Frozen ones throw. */
function writeAll(value: unknown, seen = new Set<unknown>()): void {
  if (typeof value !== 'object' || value === null || seen.has(value)) return;
  seen.add(value);
  for (const each of Object.values(value)) writeAll(each, seen);
  const target = value as Record<string, unknown>;
  const changes = Array.isArray(value)
    ? [() => value.push('admin'), () => (value[0] = 'admin')]
    : [...Object.keys(target), 'plan', 'scope', 'subject'].map((name) => () => (target[name] = 'admin'));
  for (const change of changes) {
    try {
      change();
    } catch {
      // It is frozen.
    }
  }
}

const credentials: readonly (readonly [string, () => Headers])[] = [
  ['a key of the file', () => ({ 'X-API-Key': KEY })],
  ['a key of the store', () => ({ 'X-API-Key': key })],
  ['a token', () => ({ Authorization: `Bearer ${token}` })],
  ['a password', () => ({ Authorization: `Basic ${Buffer.from(`bob:${PASSWORD}`).toString('base64')}` })],
];

describe.each(['/', '/passport'])('at %s', (path) => {
  test.each(credentials)(
    'a handler that changes everything changes nothing for the next request: %s',
    async (_what, of) => {
      spoil = () => undefined;
      const first = await seenWith(of(), path);
      let changed: Identity | undefined;
      spoil = (request) => {
        const { auth, user } = request as { auth?: unknown; user?: unknown };
        changed = authOf(request);
        for (const each of [auth, user, changed, identitiesOf(request), request.headers]) writeAll(each);
      };
      expect(await seenWith(of(), path)).toEqual(first);
      // The handler of this request did reach its own copy.
      expect(changed?.subject).toBe('admin');
      expect(await seenWith(of(), path)).toEqual(first);
      expect(first).toEqual([200, expect.anything()]);
    },
  );
});

test('twin: a handler may write to the identity of its own request', async () => {
  let own: unknown;
  spoil = (request) => {
    const identity = authOf(request) as unknown as { scopes: string[]; claims: Record<string, unknown> };
    identity.scopes.push('more');
    identity.claims['note'] = 'mine';
    own = [authOf(request).scopes, authOf(request).claims['note']];
  };
  await seenWith({ 'X-API-Key': key });
  expect(own).toEqual([['read', 'more'], 'mine']);
});
