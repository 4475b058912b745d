/** Attacks through signed tokens with a valid signature: times, duplicate members, other spellings, other routes. */
import { createHmac } from 'node:crypto';
import { closeOpened, guarding, serving } from '../support/page-gate.js';
import { seen } from '../support/ask.js';
import { bearer, livelyClaims, seconds } from '../support/token-issuer.js';

afterEach(closeOpened);

const SECRET = 'a-secret-of-thirty-two-bytes-or-so-and-more';
const JWT = `issuer: here, audience: api, secret: ${SECRET}`;

const good = (more: object = {}): object => ({ iss: 'here', aud: 'api', ...livelyClaims(), ...more });
const part = (text: string): string => Buffer.from(text).toString('base64url');

/** Signed by the issuer itself, whatever its content. */
function token(claims: object | string, header: object | string = { alg: 'HS256' }): string {
  const texts = [header, claims].map((each) => (typeof each === 'string' ? each : JSON.stringify(each)));
  const input = texts.map(part).join('.');
  return `${input}.${createHmac('sha256', SECRET).update(input).digest('base64url')}`;
}

/** Claims as JSON text. The given member replaces the member with its name. */
function written(member: string): string {
  const name = member.slice(1, member.indexOf('"', 1));
  const rest = Object.entries(good()).filter(([each]) => each !== name);
  return `{${[...rest.map(([each, value]) => `"${each}":${JSON.stringify(value)}`), member].join(',')}}`;
}

const now = seconds();
const MEMBERS: readonly (readonly [string, number])[] = [
  [`"exp":${now + 600}`, 200],
  [`"exp":${now + 600}.5`, 200],
  [`"exp":${now - 5}`, 200],
  ['"exp":1e11', 200],
  [`"exp":${now - 31}`, 401],
  [`"exp":"${now + 600}"`, 401],
  ['"exp":-1', 401],
  ['"exp":-1e308', 401],
  ['"exp":1e309', 401],
  ['"exp":-1e309', 401],
  ['"exp":null', 401],
  ['"exp":[9999999999]', 401],
  ['"exp":true', 401],
  ['"exp":9999999999,"exp":9999999998', 401],
  ['"exp":9999999999,"\\u0065xp":1', 401],
  ['"nbf":-1e308', 200],
  ['"nbf":1e308', 401],
  ['"nbf":null', 401],
  [`"iat":${now + 3_600}`, 401],
  ['"iat":"0"', 401],
  ['"aud":["x","api"]', 200],
  ['"aud":[["api"]]', 401],
  ['"aud":{"0":"api"}', 401],
  ['"aud":"api.evil"', 401],
  ['"aud":[]', 401],
  ['"sub":"josé 日本 🔑"', 200],
  [`"sub":"${'x'.repeat(256)}"`, 200],
  [`"sub":"${'x'.repeat(257)}"`, 401],
  ['"sub":null,"client_id":"app"', 401],
  ['"sub":["ada"]', 401],
  ['"sub":"ada","sub":"root"', 401],
  ['"x":{"y":1,"y":2}', 401],
  ['"x":[{"y":[{"z":1,"\\u007a":2}]}]', 401],
  ['"x":"{\\"y\\":1,\\"y\\":2}"', 200],
  ['"__proto__":{"sub":"root"}', 200],
  ['"iss":"here "', 401],
  ['"iss":["here"]', 401],
  ['"cnf":{}', 401],
  ['"token_use":"id"', 401],
];

test('a valid signature does not make claims valid', async () => {
  const gate = await serving(`middleware: { auth: { jwt: { ${JWT}, claims_to_headers: { sub: X-User } } } }`);
  // Twice: a cached token gets the same checks as a verified one.
  for (let times = 0; times < 2; times++) {
    const found: [string, number][] = [];
    for (const [member] of MEMBERS) {
      const answer = await gate.ask('/', bearer(token(written(member))));
      if (answer.status === 200) expect(answer.body).not.toContain('root');
      found.push([member, answer.status]);
    }
    expect(found).toEqual(MEMBERS);
  }
});

const plain = token(good());
const [first = '', second = '', third = ''] = plain.split('.');
/** The same bytes with unused bits set. */
const spelled = (text: string): string => {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  return text.slice(0, -1) + alphabet[alphabet.indexOf(text.at(-1) as string) ^ 1];
};

const SPELLINGS: readonly (readonly [string, string])[] = [
  ['padded', `${plain}=`],
  ['with unused bits', `${first}.${second}.${spelled(third)}`],
  ['in base64', `${first}.${second}.${third.replaceAll('-', '+').replaceAll('_', '/')}=`],
  ['with an extra part', `${plain}.`],
  ['with a space', `${plain} x`],
  ['quoted', `"${plain}"`],
  ['without its signature', `${first}.${second}.`],
  ['with another header', `${part('{"alg":"none"}')}.${second}.${third}`],
  ['in another order of the header', `${part('{"alg":"HS256" }')}.${second}.${third}`],
  ['with crit', token(good(), { alg: 'HS256', crit: ['exp'], exp: 1 })],
  ['unencoded', token(good(), { alg: 'HS256', b64: false })],
  ['with two algorithms', token(good(), '{"alg":"none","alg":"HS256"}')],
  ['of another type', token(good(), { alg: 'HS256', typ: 'logout+jwt' })],
  ['around another', token(good(), { alg: 'HS256', cty: 'JWT' })],
  ['of a list', token([good()])],
  ['too long', token(good({ x: 'x'.repeat(9_200) }))],
];

test('another spelling of a token is refused, before and after the good one', async () => {
  for (const [what, other] of SPELLINGS) {
    const gate = await serving(`middleware: { auth: { jwt: { ${JWT} } } }`);
    const statuses: number[] = [];
    for (const each of [other, plain, other]) statuses.push((await gate.ask('/', bearer(each))).status);
    expect([what, ...statuses]).toEqual([what, 401, 200, 401]);
  }
});

test('a token that was cached for one route is checked again on each route', async () => {
  const route = (path: string, narrow: string) => `{ path: ${path}, upstream: backend, auth: { jwt: { ${narrow} } } }`;
  const gate = await serving(`middleware: { auth: { jwt: { issuer: here, secret: ${SECRET} } } }
routes: [${route('/api', 'audience: api')}, ${route('/b', 'audience: b')}, ${route('/read', 'required_scopes: read')},
  ${route('/write', 'required_scopes: [read, write]')}, ${route('/admin', 'required_claims: { role.name: admin }')},
  { path: /other, upstream: backend, auth: { jwt: { issuers: [here] } } }]`);
  const one = bearer(token(good({ scope: 'read\twrite read', role: { name: ['user'] }, 'role.names': 'admin' })));
  const two = bearer(token(good({ scp: ['read', 'write'], role: { name: ['user', 'admin'] } })));
  const paths = ['/api', '/b', '/read', '/write', '/admin', '/other'];
  for (let times = 0; times < 2; times++) {
    const [a, b] = await Promise.all([one, two].map((each) => Promise.all(paths.map((path) => gate.ask(path, each)))));
    expect(a?.map(({ status }) => status)).toEqual([200, 403, 200, 403, 403, 200]);
    expect(b?.map(({ status }) => status)).toEqual([200, 403, 200, 200, 200, 200]);
  }
});

test('a cached token expires, and a clock set back does not make it valid again', async () => {
  let ahead = 0;
  const gate = await guarding(`middleware: { auth: { chain: [jwt], jwt: { ${JWT} } } }`, {
    now: () => Date.now() + ahead,
  });
  const asked = bearer(token(good({ nbf: seconds() })));
  const ask = async (): Promise<number> => (await gate.ask('/', asked)).status;
  expect(await ask()).toBe(200);
  ahead = 640_000;
  expect(await ask()).toBe(401);
  ahead = -60_000;
  expect(await ask()).toBe(401);
  ahead = 0;
  const answer = await gate.ask('/', asked);
  expect(seen<{ auth: { subject: string } }>(answer).auth.subject).toBe('ada');
});
