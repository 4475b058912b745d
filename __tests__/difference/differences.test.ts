/** The differences of two files: their class and words, edits that change nothing, and secrets that are never shown. */
/* eslint-disable @typescript-eslint/no-unsafe-member-access, @typescript-eslint/no-unsafe-call, @typescript-eslint/no-unsafe-return, @typescript-eslint/no-unsafe-argument, @typescript-eslint/no-unsafe-assignment -- edits of a file at any depth */
import { hash } from 'node:crypto';
import { copyFileSync, writeFileSync } from 'node:fs';
import { z } from 'zod';
import { methods, optionClassesOf, pluginMethod } from '../../src/auth/methods.js';
import { planDifference, type PlanDifference } from '../../src/difference/differences.js';
import { summaryOf, textOf } from '../../src/difference/difference-text.js';
import { fromWat, pluginWat } from '../support/wat.js';
import { Folder, SECRETS, type FileObject } from './full-file.js';

let folder: Folder;
beforeAll(async () => {
  folder = await Folder.open();
});
afterAll(() => folder.remove());

function compare(edit: (file: FileObject) => void, first: (file: FileObject) => void = () => undefined) {
  const [before, after] = [folder.full(), folder.full()];
  first(before);
  edit(after);
  return difference(folder.plan(before), folder.plan(after));
}

const difference = (before: ReturnType<Folder['plan']>, after: ReturnType<Folder['plan']>): PlanDifference =>
  planDifference({ plan: before, standalone: true }, { plan: after, standalone: true });

const linesOf = ({ differences }: PlanDifference): string[] =>
  differences.map((each) => `${each.class} ${textOf(each)}`);

test.each<readonly [string, (file: FileObject) => void, readonly string[]]>([
  [
    'a key',
    (f) => (f.middleware.auth.api_key.keys[0].key += 'x'),
    ['access middleware.auth.api_key.keys[ci].key: replaced'],
  ],
  [
    'a new key',
    (f) => f.middleware.auth.api_key.keys.push({ name: 'new', key: 'third-key-0123456789-0123456789' }),
    ['access middleware.auth.api_key.keys[new]: added'],
  ],
  [
    'a key that is gone',
    (f) => f.middleware.auth.api_key.keys.pop(),
    ['access middleware.auth.api_key.keys[cd]: removed (expires 2090-01-31T00:00:00Z)'],
  ],
  [
    'another name of a key',
    (f) => (f.middleware.auth.api_key.keys[1].name = 'deploy'),
    ['access middleware.auth.api_key.keys[cd]: renamed to deploy'],
  ],
  [
    'the end of a key',
    (f) => (f.middleware.auth.api_key.keys[1].expires = '2091-01-31'),
    ['access middleware.auth.api_key.keys[cd].expires: 2090-01-31T00:00:00Z → 2091-01-31T00:00:00Z'],
  ],
  [
    'the addresses of a key',
    (f) => (f.middleware.auth.api_key.keys[0].allowed_ips = ['10.0.0.0/8']),
    ['access middleware.auth.api_key.keys[ci].allowed_ips: 127.0.0.0/8 → 10.0.0.0/8'],
  ],
  [
    'the limit of a key',
    (f) => (f.middleware.auth.api_key.keys[0].rate_limit = '90/m'),
    ['limits middleware.auth.api_key.keys[ci].rate_limit: 100 per 1m, burst 100 → 90 per 1m, burst 90'],
  ],
  [
    'a password',
    (f) => (f.middleware.auth.basic.users[0].password_hash = SECRETS.hash.replace('4Cu', '5Cu')),
    ['access middleware.auth.basic.users[ada].password_hash: replaced'],
  ],
  ['a realm', (f) => (f.middleware.auth.basic.realm = 'all'), ['headers middleware.auth.basic.realm: people → all']],
  [
    'a throttle',
    (f) => (f.middleware.auth.basic.throttle = false),
    ['limits middleware.auth.basic.throttle: 7 failures per 1m → off'],
  ],
  [
    'a shared secret',
    (f) => (f.middleware.auth.jwt.issuers[0].secret += 'x'),
    ['access middleware.auth.jwt.issuers[own].secret: replaced'],
  ],
  [
    'an audience',
    (f) => (f.middleware.auth.jwt.issuers[0].audience = ['api', 'web']),
    ['access middleware.auth.jwt.issuers[own].audience: api → api, web'],
  ],
  [
    'an algorithm',
    (f) => (f.middleware.auth.jwt.issuers[0].algorithm = 'HS512'),
    ['access middleware.auth.jwt.issuers[own].algorithm: HS256 → HS512'],
  ],
  ['a leeway', (f) => (f.middleware.auth.jwt.leeway = '1m'), ['access middleware.auth.jwt.leeway: 20s → 1m']],
  [
    'an identity header',
    (f) => (f.middleware.auth.jwt.claims_to_headers.sub = 'X-Subject-Id'),
    [
      'headers middleware.auth.jwt.claims_to_headers: X-User from sub, X-Email from email → X-Subject-Id from sub, X-Email from email',
      'headers headers that only Loom may set: X-Authenticated-User, X-Client, X-Email, X-Subject, X-User → X-Authenticated-User, X-Client, X-Email, X-Subject, X-Subject-Id',
    ],
  ],
  [
    'the secret of a client',
    (f) => (f.middleware.auth.oauth.client_secret += 'x'),
    ['access middleware.auth.oauth.client_secret: replaced'],
  ],
  ['the configuration of a plugin', (f) => (f.plugins[0].config += 'x'), ['access plugins[filter].config: replaced']],
  [
    'the scopes of a route',
    (f) => (f.routes[1].auth.jwt.required_scopes = ['write']),
    ['access GET,HEAD,POST api.example.com/orders/*: jwt (required_scopes ["read"]) → jwt (required_scopes ["write"])'],
  ],
  ['a demand', (f) => (f.routes[4].auth = { api_key: true }), ['access /both: api_key or oauth → api_key']],
  ['a rate', (f) => (f.rate_limit.rate = 50), ['limits rate_limit.rate: 100 per 1s, burst 200 → 50 per 1s, burst 200']],
  [
    'the limit of a route',
    (f) => delete f.routes[1].rate_limit,
    ['limits GET,HEAD,POST api.example.com/orders/*, rate_limit: 5 per 1s, burst 10 → not set'],
  ],
  [
    'a quota',
    (f) => (f.rate_limit.quotas[0].limit = 9),
    ['limits rate_limit.quotas[daily].limit: 1000 per 1d, burst 1000 → 9 per 1d, burst 9'],
  ],
  [
    'the password of Redis',
    (f) => (f.rate_limit.distributed.password += 'x'),
    ['limits rate_limit.distributed.redis.password: replaced'],
  ],
  [
    'an origin',
    (f) => f.cors.allowed_origins.push('https://second.example'),
    ['cors cors.allowed_origins: https://page.example → https://page.example, https://second.example'],
  ],
  ['a target', (f) => (f.routes[4].upstream = 'backend'), ['routing /both, upstream: second → backend']],
  ['a rewriting', (f) => (f.routes[6].rewrite.path = '/newer'), ['routing /old/*, rewrite.path: /new → /newer']],
  [
    'a condition',
    (f) => (f.routes[2].headers['X-Beta'] = 'other'),
    [
      'routing /mixed/*, upstream: second where header X-Beta, else backend → second where header X-Beta, else backend (the conditions have other values)',
    ],
  ],
  ['the Host field', (f) => (f.routes[6].preserve_host = true), ['headers /old/*, preserve_host: false → true']],
  [
    'an endpoint',
    (f) => (f.upstreams[1].endpoints[0] = '127.0.0.1:9004'),
    ['upstreams upstreams[second].endpoints[http://127.0.0.1:9003]: renamed to http://127.0.0.1:9004'],
  ],
  [
    'a weight',
    (f) => (f.upstreams[0].weights = [1, 4]),
    ['upstreams upstreams[backend].endpoints[https://127.0.0.1:9002].weight: 3 → 4'],
  ],
  ['a retry', (f) => (f.upstreams[0].retry.max_retries = 5), ['upstreams upstreams[backend].retry.max_retries: 2 → 5']],
  [
    'a health check',
    (f) => (f.upstreams[0].health_check.interval = '8s'),
    ['upstreams upstreams[backend].health_check.interval: 7s → 8s'],
  ],
  [
    'a time to connect',
    (f) => (f.upstreams[0].timeout.connect = '3s'),
    ['timeouts upstreams[backend].timeout.connect: 2s → 3s'],
  ],
  [
    'the timeout of a route',
    (f) => (f.routes[1].timeout = '6s'),
    ['timeouts GET,HEAD,POST api.example.com/orders/*, timeout: 5s → 6s'],
  ],
  ['a size', (f) => (f.max_path_segments = 50), ['timeouts max_path_segments: 40 → 50']],
  [
    'a listener',
    (f) => f.listeners.push({ address: '127.0.0.1:8081' }),
    ['operations listeners[127.0.0.1:8081]: added (protocol http)'],
  ],
  [
    'a demand of a listener',
    (f) => (f.listeners[1].tls.client_auth = 'verify'),
    ['access listeners[127.0.0.1:8443].tls.client_auth: request → verify'],
  ],
  [
    'the balancers of a listener',
    (f) => (f.listeners[2].proxy_protocol.from = ['10.0.2.0/24']),
    ['access', 'limits', 'headers'].map(
      (each) => `${each} listeners[127.0.0.1:8444].proxy_protocol.from: 10.0.1.0/24 → 10.0.2.0/24`,
    ),
  ],
  [
    'a listener without its balancers',
    (f) => delete f.listeners[2].proxy_protocol,
    ['access', 'limits', 'headers'].map(
      (each) => `${each} listeners[127.0.0.1:8444].proxy_protocol: removed (from 10.0.1.0/24)`,
    ),
  ],
  [
    'the permissions of a Unix socket',
    (f) => (f.listeners[3].mode = '0666'),
    ['operations listeners[unix:/run/loom.sock].mode: 660 → 666'],
  ],
  [
    'the usual permissions, in words',
    (f) => (f.listeners[3].mode = '0600'),
    ['operations listeners[unix:/run/loom.sock].mode: 660 → 600'],
  ],
  [
    'a token of the admin address',
    (f) => (f.admin.auth.bearer.token += 'x'),
    ['operations admin.auth.token: replaced'],
  ],
  ['a level of the log', (f) => (f.logging.level = 'debug'), ['operations logging.level: warn → debug']],
  [
    'proxies',
    (f) => (f.trusted_proxies = ['10.0.0.0/9']),
    ['access', 'limits', 'headers'].map((each) => `${each} trusted_proxies: 10.0.0.0/8 → 10.0.0.0/9`),
  ],
  ['a health path', (f) => (f.health.path = '/up'), ['routing health.path: /healthz → /up']],
])('%s', (_name, edit, expected) => {
  expect(linesOf(compare(edit))).toEqual(expected);
});

test.each<readonly [string, (file: FileObject) => void]>([
  ['routes in another order', (f) => f.routes.reverse().splice(4, 2, ...f.routes.slice(4, 6).reverse())],
  ['ids of routes', (f) => f.routes.forEach((route: FileObject, at: number) => (route.id = `r${at}`))],
  ['no ids', (f) => f.routes.forEach((route: FileObject) => delete route.id)],
  ['keys and users in another order', (f) => f.middleware.auth.api_key.keys.reverse()],
  [
    'the hash of a key in place of the key',
    (f) => {
      const [key] = f.middleware.auth.api_key.keys;
      key.key_hash = `sha256:${hash('sha256', key.key as string)}`;
      delete key.key;
    },
  ],
  ['upstreams in another order', (f) => f.upstreams.reverse()],
  ['listeners in another order', (f) => f.listeners.reverse()],
  ['a default in writing', (f) => (f.routes[4].timeout = '30s')],
  ['the name of a header in another case', (f) => (f.trusted_headers = ['x-forwarded-user'])],
  ['a file of another name with the same content', (f) => (f.upstreams[0].tls.ca_file = 'copy.pem')],
  ['lists in another order', (f) => f.middleware.auth.api_key.keys[0].allowed_ips.push('127.0.0.0/8')],
])('%s: no difference', (name, edit) => {
  copyFileSync(folder.path('ca.pem'), folder.path('copy.pem'));
  const twice = (f: FileObject): void => f.middleware.auth.api_key.keys[0].allowed_ips.push('127.0.0.0/8');
  const found = compare(edit, name.startsWith('lists') ? twice : undefined);
  expect([linesOf(found), summaryOf(found.differences)]).toEqual([[], 'No caller sees a difference.']);
});

test('an upstream with another name is renamed, and its routes send to it as before', () => {
  const found = compare((f) => {
    f.upstreams[1].name = 'third';
    for (const route of f.routes) if (route.upstream === 'second') route.upstream = 'third';
  });
  expect(linesOf(found)).toEqual(['upstreams upstreams[second]: renamed to third']);
  expect(summaryOf(found.differences)).toBe('1 difference: 1 upstreams. No caller sees a difference.');
});

test('what only an operator sees is listed, and the summary says that no caller sees it', () => {
  const found = compare((f) => (f.logging.level = 'info'));
  expect(summaryOf(found.differences)).toBe('1 difference: 1 operations. No caller sees a difference.');
});

test('a route that takes a part of the requests of another one: each option that is other there', () => {
  const found = compare((f) => f.routes.push({ path: '/both', methods: ['POST'], upstream: 'backend', auth: 'none' }));
  expect(found.differences).toEqual([]);
  const added = compare((f) => {
    f.routes.push({
      path: '/docs/private/:id',
      priority: 1,
      upstream: 'backend',
      timeout: '1s',
      auth: { basic: true },
    });
  });
  expect(linesOf(added)).toEqual([
    'access /docs/private/*: PUBLIC → basic',
    'routing /docs/private/*, upstream: second → backend',
    'timeouts /docs/private/*, timeout: 30s → 1s',
  ]);
});

test('two keys of one name: the new key is added, the old key stays', () => {
  const found = compare((f) =>
    f.middleware.auth.api_key.keys.push({ name: 'cd', key: 'next-key-0123456789-0123456789' }),
  );
  expect(linesOf(found)).toEqual(['access middleware.auth.api_key.keys[cd]: added']);
});

test('the content of files that the plan names is compared, and never shown', async () => {
  const before = folder.plan(folder.full());
  copyFileSync(folder.certificates.otherCa, folder.path('ca.pem'));
  writeFileSync(folder.path('filter.wasm'), await fromWat(pluginWat({ memory: '(memory (export "memory") 3)' })));
  const found = difference(before, folder.plan(folder.full()));
  copyFileSync(folder.certificates.ca, folder.path('ca.pem'));
  writeFileSync(folder.path('filter.wasm'), await fromWat(pluginWat()));
  expect(linesOf(found)).toEqual([
    'access listeners[127.0.0.1:8443].tls.ca_file: other content',
    'access plugins[filter].path: other content',
    'upstreams upstreams[backend].tls.ca_file: other content',
  ]);
});

test('no secret and no digest of a secret is in the output, whatever changes', () => {
  const [full, empty] = [folder.plan(folder.full()), folder.plan({ ...bare, upstreams: folder.full().upstreams })];
  const changed = compare((f) => {
    const text = Object.values(SECRETS).reduce((all, each) => all.replaceAll(each, respelt(each)), JSON.stringify(f));
    Object.assign(f, JSON.parse(text) as object);
  });
  const both = [difference(full, empty), difference(empty, full), changed];
  const output = both.map((each) => `${JSON.stringify(each)}${linesOf(each).join()}`).join();
  for (const each of Object.values(SECRETS).flatMap((value) => [value, respelt(value)])) {
    expect(output).not.toContain(each);
    for (const encoding of ['hex', 'base64url'] as const) {
      expect(output).not.toContain(hash('sha256', each, encoding).slice(0, 12));
    }
  }
  expect(changed.differences.filter(({ hidden }) => hidden === 'secret').length).toBe(Object.keys(SECRETS).length - 1);
});

const bare = { listeners: [{ address: '127.0.0.1:8080' }], routes: [{ path: '/*', upstream: 'second', auth: 'none' }] };
/** A bcrypt hash stays one. */
const respelt = (value: string): string =>
  value.replace(/[0-9]/g, (digit) => (value.startsWith('$') ? digit : '7')).replace('4Cu', '5Cu');

test('a key without a name is called so: its subject contains a part of its digest', () => {
  const key = 'key-without-a-name-0123456789-0123456789';
  const found = compare((f) => f.middleware.auth.api_key.keys.push({ key }));
  expect(linesOf(found)).toEqual(['access middleware.auth.api_key.keys[(no name)]: added']);
});

test('each option of each auth method has a class', () => {
  for (const { name, load } of [...methods, { name: 'plugin', load: pluginMethod }]) {
    const { options } = load();
    const classes = Object.keys(optionClassesOf(name)?.members ?? {});
    const known = options instanceof z.ZodObject ? Object.keys(options.shape) : [];
    expect([name, known.length > 0, known.filter((each) => !classes.includes(each))]).toEqual([name, true, []]);
  }
});
