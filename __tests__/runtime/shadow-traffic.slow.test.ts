/** A shadow file under generated traffic: each changed verdict is reported, and no answer changes. */
import * as fc from 'fast-check';
import { SignJWT } from 'jose';
import type { ShadowDifference, ShadowReport, ShadowSide } from '../../src/runtime/shadow/report.js';
import { judgingGateway, rawClient, timeless, type Judged, type Sent } from '../support/judging-gateway.js';
import { shadowed } from '../support/shadowed.js';

const NOW = Date.UTC(2026, 5, 1);
const now = (): number => NOW;
const SECRET = 'a-shared-secret-of-thirty-two-bytes-or-more';
const keyOf = (name: string): string => `sk_test_${name.padEnd(24, '0')}`;

const CORS = 'cors: { allowed_origins: ["https://app.example"], allowed_methods: [GET, POST] }';

const LIVE = `
middleware:
  auth:
    api_key:
      keys: [{ key: ${keyOf('orders')}, name: orders }, { key: ${keyOf('ci')}, name: ci }, { key: ${keyOf('staff')}, name: staff }, { key: ${keyOf('gone')}, name: gone }]
      claims_to_headers: { name: X-Caller }
    jwt: { secret: ${SECRET}, algorithm: HS256, issuer: "https://issuer.example", audience: orders }
routes:
  - { id: open, path: /open/*, auth: none }
  - { id: orders, path: /orders/*, auth: { methods: [jwt, api_key], require_any: true } }
  - { id: write, path: /write/*, auth: { jwt: { required_scopes: [read, write] } } }
  - { id: old, path: /old/*, auth: { api_key: true } }
  - { id: few, path: /few/*, auth: { api_key: { names: [ci] } } }
  - { id: posts, path: /posts/*, methods: [GET, POST], auth: { api_key: true } }
  - { id: limited, path: /limited/*, auth: none, rate_limit: { rate: 1/h, burst: 40 } }
${CORS}
rate_limit: { rate: 1/h, burst: 100000, key: ip }
`;

/** Kinds of changes: the text of the file in use, and its replacement. */
const CHANGES: readonly (readonly [kind: string, before: string, after: string])[] = [
  ['a route gets auth', '/open/*, auth: none', '/open/*, auth: { api_key: true }'],
  ['a route loses auth', '/old/*, auth: { api_key: true }', '/old/*, auth: none'],
  ['a route loses a scope', '[read, write]', '[read]'],
  ['a route loses an auth method', '[jwt, api_key], require_any: true }', '[jwt] }'],
  ['a key is removed', `, { key: ${keyOf('gone')}, name: gone }`, ''],
  ['a key has another name', 'name: staff }', 'name: shop }'],
  ['an identity header has another name', 'name: X-Caller', 'name: X-Other'],
  ['a route has another path', '/old/*', '/renamed/*'],
  ['a route has fewer methods', 'methods: [GET, POST], auth', 'methods: [GET], auth'],
  ['another key name is required', 'names: [ci]', 'names: [orders]'],
  ['tokens need another audience', 'audience: orders', 'audience: billing'],
  ['a limit is lower', 'burst: 40', 'burst: 3'],
  ['the CORS block is removed', `\n${CORS}`, ''],
];

const changed = (changes: typeof CHANGES): string =>
  changes.reduce((text, [kind, before, after]) => {
    const next = text.replace(before, after);
    if (next === text) throw new Error(`${kind} changes nothing`);
    return next;
  }, LIVE);

async function tokens(): Promise<readonly string[]> {
  const token = (claims: object, seconds = 3600): Promise<string> =>
    new SignJWT({ iss: 'https://issuer.example', aud: 'orders', sub: 'ada', ...claims })
      .setProtectedHeader({ alg: 'HS256' })
      .setExpirationTime(NOW / 1000 + seconds)
      .sign(Buffer.from(SECRET));
  return Promise.all([
    token({ scope: 'read' }),
    token({ scope: 'read write', sub: 'bob' }),
    token({ scope: 'read write', aud: ['orders', 'billing'], sub: 'carol' }),
    token({ aud: 'billing' }),
    token({ scope: 'read write' }, -600),
  ]);
}

async function requests(count: number): Promise<readonly Sent[]> {
  const bearers = (await tokens()).map((token) => ({ Authorization: `Bearer ${token}` }));
  const keys = [...['orders', 'ci', 'staff', 'gone'].map(keyOf), 'wrong'].map((key) => ({ 'X-API-Key': key }));
  const credential = fc.constantFrom(
    {},
    ...bearers,
    ...keys,
    { ...keys[0], ...bearers[0] },
    { 'X-API-Key': [keyOf('ci'), keyOf('ci')] },
    { Authorization: 'Bearer no-token' },
  );
  const origin = fc.constantFrom({}, {}, { Origin: 'https://app.example' }, { Origin: 'https://other.example' });
  const asked = fc.constantFrom(
    {},
    { 'Access-Control-Request-Method': 'GET' },
    { 'Access-Control-Request-Method': 'DELETE' },
  );
  const names = ['open', 'orders', 'write', 'old', 'renamed', 'few', 'posts', 'limited', 'nowhere'];
  const path = fc.oneof(
    { weight: 9, arbitrary: fc.tuple(fc.constantFrom(...names), fc.nat(99)).map(([name, id]) => `/${name}/${id}?q=1`) },
    { weight: 1, arbitrary: fc.constantFrom('/open/%2e%2e/old/1', '//old/1', '/old', '/open;x=1/1', '/few/%00') },
  );
  const sent = fc
    .record({ method: fc.constantFrom('GET', 'GET', 'POST', 'DELETE', 'OPTIONS'), path, credential, origin, asked })
    .map(({ method, path: target, ...parts }) => ({
      method,
      path: target,
      headers: { ...parts.credential, ...parts.origin, ...(method === 'OPTIONS' && parts.asked) },
    }));
  return fc.sample(sent, { numRuns: count, seed: 20260601 });
}

type Kind = ShadowDifference['kind'];

/** The difference of two judgements, as the report names it. */
function differenceOf(live: Judged, next: Judged): Kind | undefined {
  if (live.decision !== next.decision) return 'decision';
  if (live.caller !== next.caller) return 'identity';
  return live.header === next.header ? undefined : 'headers';
}

const sideText = ({ outcome, status, code, reason }: ShadowSide): string =>
  status === undefined ? outcome : [status, code, reason].join(' ');

/** The named differences: kind and both decisions, with their count and callers. Routes of one kind are added up. */
type Named = Map<string, { count: number; readonly callers: Set<string> }>;

function add(named: Named, key: string, { count, callers }: { count: number; callers: readonly string[] }): void {
  const known = named.get(key) ?? { count: 0, callers: new Set() };
  known.count += count;
  for (const each of callers) known.callers.add(each);
  named.set(key, known);
}

const callersText = (live: string | undefined, candidate: string | undefined): string => `${live} → ${candidate}`;

function namedIn({ differences }: ShadowReport): Named {
  const named: Named = new Map();
  for (const { kind, from, to, count, callers } of differences) {
    const texts = callers.map(({ live, candidate }) => callersText(live, candidate));
    add(named, `${kind}: ${sideText(from)} → ${sideText(to)}`, { count, callers: texts });
  }
  return named;
}

const running: { close(): unknown }[] = [];
afterEach(async () => {
  for (const each of running.splice(0).reverse()) await each.close();
});

function started<T extends { close(): unknown }>(each: T): T {
  running.push(each);
  return each;
}

interface Run {
  readonly expected: Named;
  readonly report: ShadowReport;
}

const totalOf = ({ requests: { same, different, not_evaluated, dropped } }: ShadowReport): number =>
  same + different + not_evaluated + dropped;

/** Sends each request to a gateway with and without the shadow file, and to a gateway of each file. */
async function run(next: string, count: number): Promise<Run> {
  const without = started(await shadowed({ text: LIVE }, undefined, { now }));
  const beside = started(await shadowed({ text: LIVE }, { text: next }, { now }));
  const header = next.includes('X-Other') ? 'X-Other' : 'X-Caller';
  const live = started(await judgingGateway({ text: LIVE }, now, 'X-Caller'));
  const candidate = started(await judgingGateway({ text: next }, now, header));
  const [one, two] = [started(rawClient(without.port)), started(rawClient(beside.port))];
  const expected: Named = new Map();
  let different = 0;
  let total = 0;
  for (const sent of await requests(count)) {
    const [plain, watched, before, then] = await Promise.all([
      one.send(sent),
      two.send(sent),
      live.judge(sent),
      candidate.judge(sent),
    ]);
    expect([sent, timeless(watched)]).toEqual([sent, timeless(plain)]);
    const kind = differenceOf(before, then);
    if (kind !== undefined) {
      different += 1;
      const callers = (before.caller ?? then.caller) ? [callersText(before.caller, then.caller)] : [];
      add(expected, `${kind}: ${before.decision} → ${then.decision}`, { count: 1, callers });
    }
    total += 1;
    while (totalOf(beside.gate.shadow()) < total) await new Promise(setImmediate);
    // Each request by itself: no missed difference hides behind a false one.
    expect([sent, before, then, beside.gate.shadow().requests.different]).toEqual([sent, before, then, different]);
  }
  return { expected, report: beside.gate.shadow() };
}

test.each(CHANGES.map((change) => [change[0], change] as const))(
  '%s: each changed verdict is reported, and each answer is the same',
  async (_kind, change) => {
    const { expected, report } = await run(changed([change]), 700);
    expect(expected.size).toBeGreaterThan(0);
    expect(namedIn(report)).toEqual(expected);
    expect(report.requests).toMatchObject({ not_evaluated: 0, dropped: 0 });
  },
  300_000,
);

test('ten thousand requests beside a file with every change', async () => {
  const { expected, report } = await run(changed(CHANGES), 10_000);
  expect(expected.size).toBeGreaterThan(10);
  expect(namedIn(report)).toEqual(expected);
  expect(report).toMatchObject({ omitted: 0, requests: { not_evaluated: 0, dropped: 0 } });
  for (const { why } of report.differences) expect(why).not.toBe('');
}, 600_000);

test('twin: the same file reports no difference', async () => {
  const { expected, report } = await run(LIVE, 700);
  expect([expected.size, report.differences, report.requests.same]).toEqual([0, [], 700]);
}, 300_000);
