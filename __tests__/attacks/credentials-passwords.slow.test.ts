/**
 * Attacks on passwords and keys: other spellings of the same bytes, two at once, forged addresses, and information
 * leaks.
 */
import { hashSync } from 'bcryptjs';
import type { OutgoingHttpHeaders } from 'node:http';
import type { Answer } from '../support/ask.js';
import { closeOpened, serving } from '../support/page-gate.js';
import { seen } from '../support/ask.js';
import type { Echoed } from '../support/recording-upstream.js';

afterEach(closeOpened);

const LONG = 'x'.repeat(72);
const users = { alice: 'pass:wörd 🔑', bob: LONG, 'jos\u00e9': 'secret' };
const USERS = Object.entries(users).map(
  ([username, password], at) => `{ username: "${username}", password_hash: "${hashSync(password, 4 + at)}" }`,
);
const BASIC = `middleware: { auth: { basic: { users: [${USERS.join(', ')}], claims_to_headers: { username: X-User } } } }`;
const basic = (pair: string | Buffer): OutgoingHttpHeaders => ({
  authorization: `Basic ${Buffer.from(pair).toString('base64')}`,
});

const PAIRS: readonly (readonly [string, OutgoingHttpHeaders, number])[] = [
  ['the whole pair with its colon', basic('alice:pass:wörd 🔑'), 200],
  ['72 bytes', basic(`bob:${LONG}`), 200],
  ['an accent', basic('jos\u00e9:secret'), 200],
  ['the scheme in another case', { authorization: `bASIC ${Buffer.from(`bob:${LONG}`).toString('base64')}` }, 200],
  ['a byte more than bcrypt reads', basic(`bob:${LONG}x`), 401],
  ['a NUL after the password', basic('jos\u00e9:secret\0'), 401],
  ['a NUL after the user', basic('jos\u00e9\0:secret'), 401],
  ['the accent in two characters', basic('jose\u0301:secret'), 401],
  ['the accent in Latin-1', basic(Buffer.from('jos\u00e9:secret', 'latin1')), 401],
  ['another case', basic('Alice:pass:wörd 🔑'), 401],
  ['a byte order mark', basic(`\ufeffbob:${LONG}`), 401],
  ['the password cut at its colon', basic('alice:pass'), 401],
  ['no colon', basic('alice'), 401],
  ['no user', basic(':secret'), 401],
  ['an inherited user', basic('__proto__:secret'), 401],
  ['base64 that goes on', { authorization: `Basic ${Buffer.from(`bob:${LONG}`).toString('base64')}AA` }, 401],
  ['base64url', { authorization: `Basic ${Buffer.from(`bob:${LONG}`).toString('base64url')}` }, 401],
  ['another field', { 'proxy-authorization': String(basic(`bob:${LONG}`)['authorization']) }, 401],
];

test('a pair has one spelling, also in the cache', async () => {
  const gate = await serving(BASIC);
  for (let times = 0; times < 2; times++) {
    const found: [string, number][] = [];
    for (const [what, headers] of PAIRS) found.push([what, (await gate.ask('/', { headers })).status]);
    expect(found).toEqual(PAIRS.map(([what, , status]) => [what, status]));
  }
});

/** The whole response, except its id and date. */
const told = ({ status, headers, body }: Answer): unknown => {
  const rest = Object.entries(headers).filter(([name]) => name !== 'date' && name !== 'x-request-id');
  return { status, rest, body: body.replace(/"instance":"[^"]*"/, '') };
};

test('an unknown user, a wrong password and a wrong spelling get the same response', async () => {
  const gate = await serving(BASIC);
  const [first, ...others] = await Promise.all(
    ['nobody:secret', 'alice:secret', 'jos\u00e9:Secret', `bob:${LONG}x`].map((pair) =>
      gate.ask('/', { headers: basic(pair) }),
    ),
  );
  for (const other of others) expect(told(other)).toEqual(told(first as Answer));
  expect((await gate.ask('/', { headers: basic(`bob:${LONG}`) })).status).toBe(200);
});

test('users of any cost and unknown users are refused in the same time', async () => {
  const table = [4, 8].map((cost) => `{ username: cost${cost}, password_hash: "${hashSync('x', cost)}" }`);
  const gate = await serving(`middleware: { auth: { basic: { throttle: false, users: [${table.join(', ')}] } } }`);
  const times: Record<string, number[]> = { cost4: [], cost8: [], nobody: [] };
  for (let round = 0; round < 30; round++) {
    for (const [user, taken] of Object.entries(times)) {
      const start = performance.now();
      expect((await gate.ask('/', { headers: basic(`${user}:wrong-${round}`) })).status).toBe(401);
      taken.push(performance.now() - start);
    }
  }
  const medians = Object.values(times).map((taken) => taken.sort((a, b) => a - b)[15] as number);
  // A skipped hash would take a tenth of it.
  expect(Math.max(...medians) / Math.min(...medians)).toBeLessThan(3);
});

const KEYS = `
middleware: { auth: { api_key: { query_param: api_key, claims_to_headers: { name: X-User }, keys: [
  { key: key-of-alice, name: alice }, { key: old, name: old, expires: "2020-01-01" },
  { key: young, name: young, expires: "2999-01-01T00:00:00Z" },
  { key: near, name: near, allowed_ips: ["127.0.0.1"] }, { key: far, name: far, allowed_ips: ["192.0.2.0/24"] },
  { key: mapped, name: mapped, allowed_ips: ["2000::/3", "::1"] }, { key: "__proto__x", name: odd }] } } }
`;
const key = (value: string | string[]): OutgoingHttpHeaders => ({ 'x-api-key': value });

const KEYED: readonly (readonly [string, string, OutgoingHttpHeaders, number])[] = [
  ['in the header', '/', key('key-of-alice'), 200],
  ['in the query', '/?api_key=key-of-alice', {}, 200],
  ['in the query, encoded', '/?api%5Fkey=key%2Dof-alice', {}, 200],
  ['not yet over', '/', key('young'), 200],
  ['from an address that is allowed', '/', key('near'), 200],
  ['over', '/', key('old'), 401],
  ['in both places', '/?api_key=key-of-alice', key('key-of-alice'), 200],
  ['two keys in both places', '/?api_key=key-of-alice', key('key-of-bob'), 400],
  ['twice in the query, once encoded', '/?api_key=key-of-alice&api%5Fkey=key-of-alice', {}, 400],
  ['twice in headers', '/', key(['key-of-alice', 'key-of-alice']), 400],
  ['as a member of a list', '/', key('wrong, key-of-alice'), 401],
  ['as an element', '/?api_key[]=key-of-alice', {}, 401],
  ['encoded twice', '/?api_key=key%252Dof-alice', {}, 401],
  ['in another case', '/', key('KEY-OF-ALICE'), 401],
  ['with a prefix', '/', key('Bearer key-of-alice'), 401],
  ['as a bearer', '/', { authorization: 'Bearer key-of-alice' }, 401],
  ['in the query under another name', '/?API_KEY=key-of-alice', {}, 401],
  ['empty', '/', key(''), 401],
  ['inherited', '/', key('__proto__'), 401],
  ['from elsewhere', '/', key('far'), 403],
  ['from an address that is denied', '/', { ...key('far'), 'x-forwarded-for': '192.0.2.1' }, 403],
  [
    'from a denied address, in another spelling',
    '/',
    { ...key('far'), forwarded: 'for=192.0.2.1', 'x-real-ip': '192.0.2.1' },
    403,
  ],
  ['from IPv4 if a part of IPv6 is allowed', '/', key('mapped'), 403],
];

test('a key is one value in one place, from an allowed address, and is not forwarded', async () => {
  const gate = await serving(KEYS);
  for (const [what, path, headers, status] of KEYED) {
    const answer = await gate.ask(path, { headers });
    expect([what, answer.status]).toEqual([what, status]);
    if (status !== 200) continue;
    expect(answer.body).not.toMatch(/key(-|%2D)of-alice/);
    expect(seen<Echoed>(answer).headers['x-user']).toMatch(/^(alice|young|near)$/);
  }
  expect(JSON.stringify(gate.log)).not.toMatch(/key(-|%2D)of-alice/i);
});

test('an expired key and an unknown one get the same response', async () => {
  const gate = await serving(KEYS);
  const [over, never] = [await gate.ask('/', { headers: key('old') }), await gate.ask('/', { headers: key('new') })];
  expect(told(over)).toEqual(told(never));
  expect((await gate.ask('/', { headers: key('young') })).status).toBe(200);
});
