/**
 * The policy as a whole: methods that are enabled but never required, and decisions that must not depend on the order
 * of a file.
 */
import { loomAuth, write } from '../../cli/command.js';
import { API_KEY, errorsOf, JWT } from '../../config/files.js';
import { statusOf } from '../../support/ask.js';
import { closeGrounds, get, openGround } from '../../support/attack-ground.js';
import { BOTH } from '../../support/both-hosts.js';
import { bearer, secretToken } from '../../support/token-issuer.js';

afterAll(closeGrounds);

const METHODS = `jwt: ${JWT}, api_key: ${API_KEY}`;
const file = (auth: string, routes: readonly string[]): string => `
listeners: [{ name: main, address: "127.0.0.1:18099", protocol: http }]
middleware: { auth: { ${auth} } }
routes:
${routes.map((route) => `  - ${route}`).join('\n')}
upstreams: [{ name: backend, endpoints: ["127.0.0.1:9001"] }]
`;
const SILENT = '{ id: silent, path: /silent/*, upstream: backend }';
const GUARDED = '{ id: guarded, path: /guarded/*, upstream: backend, auth: { jwt: true } }';
const SAID = '{ id: said, path: /said/*, upstream: backend, auth: none }';

describe('CHN-08 enabled is not required', () => {
  test('methods that no route requires are an error', () => {
    for (const routes of [[SILENT], [SAID], [SILENT, SAID]]) {
      expect(errorsOf(file(METHODS, routes), { mode: 'serve' })).toMatchObject([{ code: 'nothing_required' }]);
    }
  });

  test('a route without auth is shown as PUBLIC, and fails --strict', async () => {
    const name = 'silent.yaml';
    write(name, file(`jwt: ${JWT}`, [SILENT, GUARDED, SAID]));
    const loose = await loomAuth(['check', name]);
    expect(loose.code).toBe(0);
    expect(loose.stdout).toMatch(/^warning silent\.yaml:\d+:\d+ routes\[0\]: PUBLIC: /m);
    expect(loose.stdout).toMatch(/^silent +\/silent\/\* +any +PUBLIC \(not declared\) +backend$/m);
    expect(loose.stdout).toMatch(/^guarded +\/guarded\/\* +any +jwt +backend$/m);
    expect(loose.stdout).toMatch(/^said +\/said\/\* +any +PUBLIC +backend$/m);
    expect((await loomAuth(['check', '--strict', name])).code).toBe(1);
  });

  test('serve reports it at its start', async () => {
    const ground = await openGround({ routes: `\n  - ${SILENT}` });
    expect(ground.output()).toMatch(/silent.*PUBLIC|PUBLIC.*silent/);

    expect(statusOf(await ground.send(get('/silent/x')))).toBe(200);
  });

  test('a chain protects a route without auth', async () => {
    const ground = await openGround({
      auth: '\n    chain: [jwt, api_key]\n    require_any: true',
      routes: `\n  - ${SILENT}`,
    });
    expect(statusOf(await ground.send(get('/silent/x')))).toBe(401);
    expect(ground.arrived()).toEqual([]);
    expect(statusOf(await ground.send(get('/public/x')))).toBe(200);
  });

  test('twin: a file with auth on each route passes --strict', async () => {
    write('said.yaml', file(`jwt: ${JWT}`, [GUARDED, SAID]));
    expect(await loomAuth(['check', '--strict', 'said.yaml'])).toMatchObject({ code: 0, stderr: '' });
  });
});

const SECRET = 'a-secret-of-thirty-two-bytes-or-so-and-more';
const KEYS = ['{ key: key-of-alice, name: alice }', '{ key: key-of-bob, name: bob }'];
const BLOCKS = [
  `jwt: { issuer: "https://id.example", secret: ${SECRET}, claims_to_headers: { sub: X-User-ID } }`,
  'api_key: { keys: [KEYS], claims_to_headers: { name: X-Key-Name } }',
  `basic: { users: [{ username: root, password_hash: "$2b$04$owYJEtabfXyJDWnbPkaNZesmHI8oZ0gJ9XKVbQ3B4TgIpxfBdDie6" }] }`,
];
const ROUTES = [
  '{ id: any, path: /any/*, auth: { methods: [METHODS] } }',
  '{ id: all, path: /all/*, auth: { methods: [METHODS], require_any: false } }',
  '{ id: jwt, path: /jwt/*, auth: { jwt: true } }',
  '{ id: bob, path: /bob/*, auth: { api_key: { names: [bob] } } }',
  '{ id: optional, path: /optional/*, auth: { require: false, methods: [METHODS] } }',
  '{ id: open, path: /open/*, auth: none }',
];

/** The same policy with every list and map rotated by `by`, or reversed. */
function written(by: number, reversed: boolean): string {
  const turned = <T>(list: readonly T[]): T[] => {
    const at = by % list.length;
    const made = [...list.slice(at), ...list.slice(0, at)];
    return reversed ? made.reverse() : made;
  };
  const blocks = turned([
    `middleware: { auth: { ${turned(BLOCKS).join(', ')} } }`,
    `routes: [${turned(ROUTES).join(', ')}]`,
  ]);
  return blocks
    .join('\n')
    .replace('KEYS', turned(KEYS).join(', '))
    .replaceAll('METHODS', turned(['jwt', 'api_key']).join(', '));
}

const [IN_PROCESS] = BOTH as readonly [(typeof BOTH)[number]];

/** Every route requested with every set of credentials. */
async function verdicts(text: string): Promise<Record<string, number>> {
  const gateway = await IN_PROCESS.start(text);
  const token = await secretToken(SECRET, { iss: 'https://id.example', sub: 'ada' });
  const credentials: Record<string, Record<string, string>> = {
    nothing: {},
    token: bearer(token).headers,
    forged: bearer(`${token.slice(0, -3)}AAA`).headers,
    alice: { 'x-api-key': 'key-of-alice' },
    bob: { 'x-api-key': 'key-of-bob' },
    wrong: { 'x-api-key': 'wrong' },
    'token and bob': { ...bearer(token).headers, 'x-api-key': 'key-of-bob' },
    'token and wrong': { ...bearer(token).headers, 'x-api-key': 'wrong' },
    'forged and bob': { ...bearer('x.y.z').headers, 'x-api-key': 'key-of-bob' },
    'forged and wrong': { ...bearer('x.y.z').headers, 'x-api-key': 'wrong' },
  };
  const found: Record<string, number> = {};
  try {
    for (const route of ['any', 'all', 'jwt', 'bob', 'optional', 'open'])
      for (const [what, headers] of Object.entries(credentials))
        found[`${route}: ${what}`] = (await gateway.ask(`/${route}/x`, { headers })).status;
  } finally {
    await gateway.close();
  }
  return found;
}

describe('CHN-10 no order decides', () => {
  let first: Record<string, number>;
  beforeAll(async () => (first = await verdicts(written(0, false))));

  test.each([
    [1, false],
    [2, false],
    [3, true],
    [0, true],
    [5, true],
  ])('turned by %i, reversed: %s', async (by, reversed) => {
    expect(written(by, reversed)).not.toBe(written(0, false));
    expect(await verdicts(written(by, reversed))).toEqual(first);
  });

  test('twin: and the decisions are those of the policy', () => {
    const passing = Object.keys(first).filter((which) => first[which] === 418);
    expect(passing).toEqual([
      ...['token', 'alice', 'bob', 'token and bob', 'token and wrong', 'forged and bob'].map((what) => `any: ${what}`),
      'all: token and bob',
      ...['token', 'token and bob', 'token and wrong'].map((what) => `jwt: ${what}`),
      ...['bob', 'token and bob', 'forged and bob'].map((what) => `bob: ${what}`),
      ...['nothing', 'token', 'alice', 'bob', 'token and bob', 'token and wrong', 'forged and bob'].map(
        (what) => `optional: ${what}`,
      ),
      ...[
        'nothing',
        'token',
        'forged',
        'alice',
        'bob',
        'wrong',
        'token and bob',
        'token and wrong',
        'forged and bob',
        'forged and wrong',
      ].map((what) => `open: ${what}`),
    ]);
    expect(first['bob: alice']).toBe(403);
  });
});
