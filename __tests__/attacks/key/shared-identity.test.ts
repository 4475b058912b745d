/** What all requests of a key share: no handler of a host changes what the next request of the key receives. */
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { memoryStore } from '../../auth/methods/api-key/store/memory-store.js';
import { authOf, identitiesOf, loom, type Identity, type Loom } from '../../../src/index.js';
import { ask } from '../../support/ask.js';
import { quietLog } from '../../support/quiet-log.js';
import { closed, listening } from '../../support/recording-upstream.js';

const KEY = 'sk-a-key-of-the-file-itself';
const TEXT = `middleware:
  auth:
    api_key:
      store: { type: host }
      keys: [{ key: ${KEY}, name: ops, rate_limit: 1000 }]
      claims_to_headers: { name: X-Name, metadata.plan: X-Plan, scope: X-Scope }
routes:
  - { id: all, path: /*, auth: { api_key: true } }
`;

let gate: Loom;
let server: ReturnType<typeof createServer>;
let spoil: (request: IncomingMessage) => void = () => undefined;
let key: string;
beforeAll(async () => {
  gate = loom({ text: TEXT, file: 'loom.yaml' }, { keyStore: memoryStore(), log: quietLog() });
  const metadata = { plan: 'free', deep: { list: ['a'], on: false } };
  ({ key } = await gate.keys.create({ name: 'ada', scopes: ['read'], metadata, rate_limit: 1_000 }));
  server = createServer((request, response) =>
    gate(request, response, () => {
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

async function seenWith(value: string): Promise<unknown> {
  const { port } = server.address() as AddressInfo;
  const { status, body } = await ask({ port, headers: { 'X-API-Key': value } });
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

test.each([
  ['the file', () => KEY],
  ['the store', () => key],
])('a handler that changes everything changes nothing for the next request: a key of %s', async (_where, value) => {
  spoil = () => undefined;
  const first = await seenWith(value());
  let changed: Identity | undefined;
  spoil = (request) => {
    const { auth, user } = request as { auth?: unknown; user?: unknown };
    changed = authOf(request);
    for (const each of [auth, user, changed, identitiesOf(request), request.headers]) writeAll(each);
  };
  expect(await seenWith(value())).toEqual(first);
  // The handler of this request did reach its own copy.
  expect(changed?.subject).toBe('admin');
  expect(await seenWith(value())).toEqual(first);
});

test('twin: a handler may write to the identity of its own request', async () => {
  let own: unknown;
  spoil = (request) => {
    const identity = authOf(request) as unknown as { scopes: string[]; claims: Record<string, unknown> };
    identity.scopes.push('more');
    identity.claims['note'] = 'mine';
    own = [authOf(request).scopes, authOf(request).claims['note']];
  };
  await seenWith(key);
  expect(own).toEqual([['read', 'more'], 'mine']);
});
