/** API keys beside tokens in one place: whom a key reaches, and who passes with which value. */
import type { IncomingMessage } from 'node:http';
import { hash } from 'node:crypto';
import { errorsOf } from '../../config/files.js';
import { closeFronted, fronted, frontFile, type Fronted } from '../../support/fronted.js';
import { seconds } from '../../support/token-issuer.js';
import { askedServer, json, type AskedServer } from '../../tokens/introspection-server.js';
import { LONG_SECRET, signedBySecret } from '../../tokens/signing.js';

const KEY = 'sk-key-of-alice-that-is-long';
const NEAR = 'sk-key-of-the-network';
const OLD = 'sk-key-that-has-expired';
const keys = (more = ''): string =>
  `api_key: { scheme: Bearer, ${more} keys: [{ key_hash: "sha256:${hash('sha256', KEY)}", name: alice }, { key: ${NEAR}, name: near, allowed_ips: [192.0.2.0/24] }, { key: ${OLD}, name: old, expires: "2020-01-01" }] }`;
const JWT = `jwt: { algorithm: HS256, secret: "${LONG_SECRET}", audience: api, cookie: session }`;

let issuer: AskedServer;
let token: string;
beforeAll(async () => {
  issuer = await askedServer((asked, response) => {
    const active = asked.body.includes('opaque-of-bob');
    void json(active ? { active, sub: 'bob' } : { active })(asked, response);
  });
  token = await signedBySecret({ sub: 'ada', aud: 'api', exp: seconds() + 600 });
});
beforeEach(() => void (issuer.asked.length = 0));
afterAll(async () => {
  await closeFronted();
  await issuer.close();
});

const oauth = (more = ''): string =>
  `oauth: { introspection_url: "${issuer.origin}/i", client_id: a, client_secret: b, ${more} }`;
const bearer = (value: string) => ({ headers: { Authorization: `Bearer ${value}` } });
const all = (): string => `${keys()}, ${JWT}, ${oauth()}`;

describe('G-19 a key in the place of tokens', () => {
  const expectUnasked = (at: Fronted): void => {
    expect(issuer.asked).toEqual([]);
    expect(at.arrived()).toBeUndefined();
  };

  test.each([
    ['{ methods: [api_key, jwt, oauth] }'],
    ['{ methods: [jwt, api_key, oauth] }'],
    ['{ methods: [api_key, oauth], on_invalid: stop }'],
    ['{ require: false, methods: [api_key, oauth] }'],
    ['{ oauth: true }'],
    ['{ require: false, methods: [oauth] }'],
    ['{ methods: [jwt, oauth] }'],
  ])('that has expired, or may not be used here, reaches no issuer: %s', async (auth) => {
    const at = await fronted(frontFile(all(), auth));
    expect(await at.ask(bearer(OLD))).toBe('401');
    expect(await at.ask(bearer(NEAR))).toBe(auth.includes('api_key') ? '403' : '401');
    expectUnasked(at);
  });

  test('that is valid reaches no issuer on a route of tokens, and reaches no other method', async () => {
    const at = await fronted(frontFile(all(), '{ oauth: true }'));
    expect(await at.ask(bearer(KEY))).toBe('401');
    for (const key of [KEY, OLD]) {
      expect(await at.ask({ headers: { 'Sec-WebSocket-Protocol': `bearer, ${key}` } })).toBe('401');
    }
    expectUnasked(at);
  });

  test('reaches no strategy of the host and no later one, unless the host says what it reads', async () => {
    const seen: string[] = [];
    const strategy = {
      authenticate(this: { pass(): void }, request: IncomingMessage): void {
        seen.push(String(request.headers.authorization));
        this.pass();
      },
    };
    for (const auth of ['{ methods: [api_key, host] }', '{ methods: [host, api_key] }', '{ host: true }']) {
      const at = await fronted(frontFile(keys(), auth), { strategies: { host: { strategy } } });
      expect(await at.ask(bearer(OLD))).toBe('401');
      expectUnasked(at);
    }
    expect(seen).toEqual([]);
    const offered = (request: IncomingMessage): boolean => request.headers.cookie !== undefined;
    const at = await fronted(frontFile(keys(), '{ methods: [api_key, host] }'), {
      strategies: { host: { strategy, offered } },
    });
    expect(await at.ask({ headers: { ...bearer(OLD).headers, Cookie: 'sid=1' } })).toBe('401');
    expect(seen).toHaveLength(1);
    expect(await at.ask(bearer(KEY))).toBe('200 api_key:alice');
  });

  test('random keys spend the budget of their address at the issuer', async () => {
    const at = await fronted(
      frontFile(`${keys()}, ${oauth('throttle: { failures: 3, per: 1h }')}`, '{ methods: [api_key, oauth] }'),
    );
    const answers: string[] = [];
    for (let guess = 0; guess < 6; guess++) answers.push(await at.ask(bearer(`sk-guess-${guess}`)));
    expect(answers).toEqual(['401', '401', '401', '429', '429', '429']);
    expect(issuer.asked).toHaveLength(3);
    expect(await at.ask(bearer(KEY))).toBe('200 api_key:alice');
  });

  test.each([['{ methods: [api_key, jwt] }'], ['{ require: false, methods: [api_key, jwt] }'], ['{ api_key: true }']])(
    'a value that no method claims is 401: %s',
    async (auth) => {
      const at = await fronted(frontFile(`${keys()}, ${JWT}`, auth));
      for (const value of ['opaque', 'a.b.c', `${KEY}x`, KEY.toUpperCase()])
        expect(await at.ask(bearer(value))).toBe('401');
      expect(await at.ask({ headers: { 'X-API-Key': 'wrong' } })).toBe('401');
      expect(at.arrived()).toBeUndefined();
    },
  );

  test('twin: each kind of credential passes by its own method, and none goes on', async () => {
    const at = await fronted(
      frontFile(
        `${keys()}, ${JWT.replace(' }', ', forward_credentials: false }')}, ${oauth('forward_credentials: false')}`,
        '{ methods: [api_key, jwt, oauth] }',
      ),
    );
    for (const [value, who] of [
      [KEY, 'api_key:alice'],
      [token, 'jwt:ada'],
      ['opaque-of-bob', 'oauth:bob'],
    ] as const) {
      expect(await at.ask(bearer(value))).toBe(`200 ${who}`);
      expect(at.arrived()?.headers['authorization']).toBeUndefined();
    }
    expect(issuer.asked).toHaveLength(1);
    expect(await at.ask({ headers: { 'X-API-Key': KEY } })).toBe('200 api_key:alice');
    expect(await at.ask({ headers: { Authorization: `bEaReR ${KEY}` } })).toBe('200 api_key:alice');
    expect(await at.ask({ headers: { Authorization: KEY } })).toBe('401');
  });

  test('an unverified value beside the key does not go on, although tokens and keys may', async () => {
    const forwarding = `${keys('forward_credentials: true,')}, ${JWT}, ${oauth()}`;
    const at = await fronted(frontFile(forwarding, '{ methods: [api_key, jwt, oauth] }'));
    for (const beside of ['opaque', token, 'a.b.c']) {
      expect(await at.ask({ headers: { 'X-API-Key': KEY, ...bearer(beside).headers } })).toBe('200 api_key:alice');
      const { headers } = at.arrived() ?? {};
      expect([headers?.['x-api-key'], headers?.['authorization']]).toEqual([KEY, undefined]);
    }
    expect(await at.ask(bearer(KEY))).toBe('200 api_key:alice');
    expect(at.arrived()?.headers['authorization']).toBe(`Bearer ${KEY}`);
  });

  test('two keys in two places are 400, one key in two places is one', async () => {
    const at = await fronted(frontFile(`${keys()}, ${JWT}`, '{ methods: [api_key, jwt] }'));
    expect(await at.ask({ headers: { 'X-API-Key': 'other', ...bearer(KEY).headers } })).toBe('400');
    expect(await at.ask({ headers: { 'X-API-Key': KEY, ...bearer(OLD).headers } })).toBe('400');
    expect(await at.ask({ headers: { 'X-API-Key': KEY, ...bearer(KEY).headers } })).toBe('200 api_key:alice');
  });

  test('an unverified value selects no tier and no bucket', async () => {
    const limit = `rate_limit: { enabled: true, rate: 0.001, burst: 1, key: "header:Authorization",
  tiers: [{ name: gold, match: { header: Authorization, value: "Bearer gold" }, rate: 1000, burst: 1000 }] }`;
    const at = await fronted(frontFile(`${keys()}, ${JWT}`, '{ methods: [api_key, jwt] }', limit));
    const ask = (value: string): Promise<string> => at.ask({ headers: { 'X-API-Key': KEY, ...bearer(value).headers } });
    expect(await ask('x1')).toBe('200 api_key:alice');
    expect(await ask('x2')).toBe('429');
    expect(await ask('gold')).toBe('429');
  });
});

describe('G-19 files that would give keys away', () => {
  const JWS = 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ4In0.c2ln';
  const plain = 'oauth: { introspection_url: "https://id.example/i", client_id: a, client_secret: b }';
  const file = (blocks: string, auth: string): string =>
    `middleware: { auth: { ${blocks} } }\nroutes: [{ id: all, path: /*, auth: ${auth} }]\n`;

  test.each([
    ['{ methods: [oauth, api_key] }', `${keys()}, ${plain}`],
    ['{ oauth: true, api_key: true, require_any: true }', `${keys()}, ${plain}`],
    ['{ require: false, methods: [jwt, oauth, api_key] }', `${keys()}, ${plain}, ${JWT}`],
    ['{ require: true }', `${keys()}, ${plain}, chain: [oauth, api_key], require_any: true`],
    ['{ methods: [api_key, jwt], require_any: false }', `${keys()}, ${JWT}`],
    ['{ methods: [jwt, oauth], require_any: false }', `${plain}, ${JWT}`],
    ['{ methods: [api_key, oauth], require_any: false }', `${keys('header: X-Key,')}, ${plain}`],
    ['{ api_key: true }', `${keys().replace(NEAR, JWS)}, ${JWT}`],
    [
      '{ api_key: true }',
      `api_key: { header: X-Token, keys: [{ key: ${JWS} }] }, jwt: { header: x-token, scheme: "", algorithm: HS256, secret: "${LONG_SECRET}" }`,
    ],
  ])('%s is an error', (auth, blocks) => {
    expect(errorsOf(file(blocks, auth)).map(({ code }) => code)).toEqual(['shared_place']);
  });

  test.each([
    ['{ methods: [api_key, oauth] }', `${keys()}, ${plain}`],
    ['{ methods: [jwt, api_key, oauth] }', `${keys()}, ${plain}, ${JWT}`],
    ['{ methods: [oauth, api_key] }', `${keys().replace('scheme: Bearer, ', '')}, ${plain}`],
    ['{ methods: [api_key, jwt], require_any: false }', `${keys().replace('scheme: Bearer, ', '')}, ${JWT}`],
    [
      '{ methods: [jwt, oauth], require_any: false }',
      `${plain}, ${JWT.replace('audience', 'header: X-Token, scheme: "", audience')}`.replace(
        'cookie: session',
        'require_exp: true',
      ),
    ],
    ['{ methods: [api_key, host], require_any: false }', keys()],
    ['{ api_key: true }', `api_key: { header: apikey, keys: [{ key: ${JWS}, name: anon }] }, ${JWT}`],
  ])('twin: %s loads', (auth, blocks) => {
    expect(errorsOf(file(blocks, auth), { strategies: ['host'] })).toEqual([]);
  });

  test.each([
    ['header: []', /empty list/],
    ['header: [X-Key, x-key]', /twice/],
    ['header: [X-Key, Content-Length]', /another meaning/],
    ['scheme: "Bearer "', /scheme/],
  ])('api_key with %s is an error', (option, message) => {
    const errors = errorsOf(file(`api_key: { ${option}, keys: [{ key: k }] }`, '{ api_key: true }'));
    expect(errors.map((each) => each.message).join()).toMatch(message);
  });
});

describe('G-19 a key in one of several headers', () => {
  test('is read from each, once, and none of the headers goes on', async () => {
    const list = keys('header: [X-API-Key, api-key, Authorization],');
    const at = await fronted(frontFile(list, '{ api_key: true }'));
    for (const headers of [{ 'X-API-Key': KEY }, { 'Api-Key': KEY }, bearer(KEY).headers]) {
      expect(await at.ask({ headers })).toBe('200 api_key:alice');
      expect(JSON.stringify(at.arrived())).not.toContain(KEY);
    }
    expect(await at.ask({ headers: { 'X-API-Key': KEY, 'api-key': KEY } })).toBe('200 api_key:alice');
    expect(JSON.stringify(at.arrived())).not.toContain(KEY);
    expect(await at.ask({ headers: { 'X-API-Key': KEY, 'api-key': OLD } })).toBe('400');
    expect(await at.ask({ headers: { 'api-key': `Bearer ${KEY}` } })).toBe('401');
    const open = await fronted(
      `${frontFile(`${list}, ${JWT}`, 'none')}`.replace(
        'routes: [',
        'routes: [{ id: own, path: /own/*, auth: { api_key: true } }, ',
      ),
    );
    await open.ask({ headers: { 'X-API-Key': 'a', 'api-key': KEY, ...bearer('b').headers } });
    const { headers } = open.arrived() ?? {};
    expect([headers?.['x-api-key'], headers?.['api-key'], headers?.['authorization']]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
  });
});
