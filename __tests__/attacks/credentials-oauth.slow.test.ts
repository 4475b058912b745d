/**
 * Attacks through introspection: false answers, and one answer used on another route, by another method, or for too
 * long.
 */
import { gzipSync } from 'node:zlib';
import { askedServer, json, raw, type Answer, type AskedServer } from '../tokens/introspection-server.js';
import { closeOpened, serving, type Serving } from '../support/page-gate.js';
import { bearer, rawToken, seconds } from '../support/token-issuer.js';

const servers: AskedServer[] = [];
afterEach(async () => {
  await closeOpened();
  for (const each of servers.splice(0)) await each.close();
});

async function introspection(answer: Answer): Promise<AskedServer> {
  const server = await askedServer(answer);
  servers.push(server);
  return server;
}

interface Options {
  readonly more?: string;
  readonly methods?: string;
  readonly rest?: string;
}

function guarded({ origin }: AskedServer, { more = '', methods = '', rest = '' }: Options = {}): Promise<Serving> {
  const oauth = `introspection_url: "${origin}/introspect?key=in-the-url", client_id: gate, client_secret: of-the-client`;
  return serving(`middleware: { auth: { oauth: { ${oauth}${more} }${methods} } }\n${rest}`);
}

const active = (more: object = {}): Answer => json({ active: true, sub: 'ada', exp: seconds() + 600, ...more });
const ada = '"active":true,"sub":"ada"';

const ANSWERS: readonly (readonly [what: string, answer: Answer, status: number])[] = [
  ['yes', active(), 200],
  ['active as a string', json({ active: 'true', sub: 'ada' }), 401],
  ['active as a number', json({ active: 1, sub: 'ada' }), 401],
  ['active in a list', json({ active: [true], sub: 'ada' }), 401],
  ['active as an inherited member', raw(200, `{"__proto__":{${ada}}}`), 401],
  ['an error with 200', json({ error: 'invalid_client' }), 401],
  ['a list of answers', json([{ active: true, sub: 'ada' }]), 503],
  ['null', json(null), 503],
  ['no and yes', raw(200, `{"active":false,${ada}}`), 503],
  ['no and an escaped yes', raw(200, `{"active":false,"\\u0061ctive":true,"sub":"ada"}`), 503],
  ['a page', raw(200, '<html>active: true</html>', { 'content-type': 'text/html' }), 503],
  ['nothing', raw(204, ''), 503],
  ['created', json({ active: true, sub: 'ada' }, 201), 503],
  ['that the gateway is unknown', json({ active: true, sub: 'ada' }, 401), 503],
  ['a redirect', raw(307, `{${ada}}`, { location: '/elsewhere' }), 503],
  ['active, cut off', raw(200, `{${ada}`, { 'content-type': 'application/json' }), 503],
  [
    'a decompression bomb',
    raw(200, gzipSync(`{${ada},"x":"${'x'.repeat(10e6)}"}`), { 'content-encoding': 'gzip' }),
    503,
  ],
  ['active, with wrong gzip', raw(200, `{${ada}}`, { 'content-encoding': 'gzip' }), 503],
  ['deep nesting', raw(200, `{${ada},"x":${'['.repeat(5_000)}${']'.repeat(5_000)}}`), 503],
  ['active, expired', active({ exp: seconds() - 1 }), 401],
  ['active, with an expiry in the past as a string', active({ exp: String(seconds() + 600) }), 401],
  ['active, with a null expiry', active({ exp: null }), 401],
  ['active, not yet valid', active({ nbf: seconds() + 600 }), 401],
  ['active, a refresh token', active({ token_type: 'refresh_token' }), 401],
  ['active, bound to a key', active({ cnf: { jkt: 'x' } }), 401],
  ['active, without a subject', active({ sub: '' }), 401],
  ['active, with a long subject', active({ sub: 'x'.repeat(257) }), 401],
  ['active, with a number as subject', active({ sub: 1, client_id: 'app' }), 401],
];

test('only a plain true is active; an undecided answer is 503, and no response reveals a secret', async () => {
  for (const [what, answer, expected] of ANSWERS) {
    const server = await introspection(answer);
    const gate = await guarded(server);
    const { status, headers, body } = await gate.ask('/', bearer('opaque'));
    expect([what, status, server.asked.length]).toEqual([what, expected, 1]);
    expect([what, 'retry-after' in headers]).toEqual([what, expected === 503]);
    const told = expected === 200 ? '' : JSON.stringify([headers, body, gate.log]);
    expect(told).not.toMatch(/opaque|of-the-client|in-the-url/);
  }
});

test('a cached answer is checked again by each route', async () => {
  const server = await introspection(active({ aud: 'a', scope: 'read', iss: 'i' }));
  const route = (path: string, narrow: string) =>
    `{ path: ${path}, upstream: backend, auth: { oauth: { ${narrow} } } }`;
  const gate = await guarded(server, {
    rest: `routes: [${route('/read', 'required_scopes: [read]')}, ${route('/write', 'required_scopes: [read, write]')},
      ${route('/a', 'audience: a')}, ${route('/b', 'audience: [b, c]')}]`,
  });
  const statuses: number[] = [];
  for (const path of ['/read', '/write', '/a', '/b', '/read', '/write'])
    statuses.push((await gate.ask(path, bearer('opaque'))).status);
  expect(statuses).toEqual([200, 403, 200, 403, 200, 403]);
  expect(server.asked).toHaveLength(1);
});

test('requests that share one introspection share only the answer', async () => {
  const server = await introspection(
    (asked, to) => void setTimeout(() => void active({ scope: 'read' })(asked, to), 100),
  );
  const gate = await guarded(server, {
    rest: `routes: [{ path: /read, upstream: backend, auth: { oauth: { required_scopes: [read] } } },
      { path: /write, upstream: backend, auth: { oauth: { required_scopes: [write] } } }]`,
  });
  const paths = ['/read', '/write', '/read', '/write'];
  const answers = await Promise.all(paths.map((path) => gate.ask(path, bearer('opaque'))));
  expect(answers.map(({ status }) => status)).toEqual([200, 403, 200, 403]);
  expect(server.asked).toHaveLength(1);
});

test('a token is one form field, whatever it contains, and no other spelling of it is cached', async () => {
  const server = await introspection((asked, to) =>
    new URLSearchParams(asked.body).get('token') === 'good' ? active()(asked, to) : json({ active: false })(asked, to),
  );
  const gate = await guarded(server);
  const statuses: number[] = [];
  for (const token of ['good', 'good=', 'good/', 'x&token=good', 'good%00', 'GOOD', 'good'])
    statuses.push((await gate.ask('/', bearer(token))).status);
  expect(statuses).toEqual([200, 401, 401, 401, 401, 401, 200]);
  for (const { body } of server.asked) expect(new URLSearchParams(body).getAll('token')).toHaveLength(1);
});

test('a rejected signed token is not introspected, one of another issuer is if the file says so', async () => {
  const server = await introspection(active());
  const jwt = (more: string) => ({
    methods: `, chain: [jwt, oauth], require_any: true, jwt: { issuer: here, secret: ${'x'.repeat(40)}${more} }`,
  });
  const forged = (iss: string) => rawToken({ alg: 'HS256' }, { iss, sub: 'ada', exp: seconds() + 60 }, 'A'.repeat(43));
  const strict = await guarded(server, jwt(''));
  expect((await strict.ask('/', bearer(forged('here')))).status).toBe(401);
  expect((await strict.ask('/', bearer(forged('there')))).status).toBe(401);
  expect(server.asked).toHaveLength(0);
  const lenient = await guarded(server, jwt(', unknown_issuer: absent'));
  expect((await lenient.ask('/', bearer(forged('here')))).status).toBe(401);
  expect((await lenient.ask('/', bearer(forged('there')))).status).toBe(200);
  expect(server.asked).toHaveLength(1);
});

test('forged tokens leave no more in memory than the cache may hold', async () => {
  const server = await introspection(json({ active: false }));
  const gate = await guarded(server, { more: ', cache_size: 100, throttle: false' });
  for (let round = 0; round < 20; round++)
    await Promise.all(Array.from({ length: 50 }, (_one, at) => gate.ask('/', bearer(`made-up-${round}-${at}`))));
  expect(server.asked).toHaveLength(1_000);
  // The first are evicted and introspected again. The last are cached.
  await gate.ask('/', bearer('made-up-0-0'));
  await gate.ask('/', bearer('made-up-19-49'));
  expect(server.asked).toHaveLength(1_001);
  server.answer = active();
  expect((await gate.ask('/', bearer('honest'))).status).toBe(200);
});
