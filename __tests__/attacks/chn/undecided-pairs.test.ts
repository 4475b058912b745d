/**
 * A credential that a method could not check is offered to no later method, for each pair of methods with a common
 * place.
 */
import { hash } from 'node:crypto';
import { createServer } from 'node:http';
import { hashSync } from 'bcryptjs';
import { loom } from '../../../src/loom.js';
import type { Strategies } from '../../../src/auth/host-strategy.js';
import { ask, type Question } from '../../support/ask.js';
import { quietLog } from '../../support/quiet-log.js';
import { closed, listening } from '../../support/recording-upstream.js';
import { seconds } from '../../support/token-issuer.js';
import { askedServer, json, type AskedServer } from '../../tokens/introspection-server.js';
import { base64url, signedBySecret, LONG_SECRET } from '../../tokens/signing.js';

let introspection: AskedServer;
const open: (() => Promise<void>)[] = [];
beforeAll(async () => {
  introspection = await askedServer(json({ active: true, sub: 'of-oauth', exp: seconds() + 600 }));
  open.push(() => introspection.close());
});
afterAll(async () => {
  for (const close of open.reverse()) await close();
});

/** A key set URL and an introspection endpoint that no server serves. */
const NOWHERE = 'http://127.0.0.1:1';
const token = (): Promise<string> =>
  signedBySecret({ sub: 'of-jwt', aud: 'api', iss: 'https://id.example', exp: seconds() + 600 });
const KNOWN_KEY = 'key-of-alice-that-is-long';
const OTHER_KEY = 'another-key-of-alice';

interface Methods {
  /** In order. */
  readonly list: readonly string[];
  readonly blocks: readonly string[];
  readonly strategies?: Strategies;
}

async function asking({ list, blocks, strategies = {} }: Methods) {
  const text = `
middleware: { auth: { ${blocks.join(', ')} } }
routes: [{ id: all, path: /*, auth: { methods: [${list.join(', ')}] } }]
`;
  const gate = loom({ text, file: 'loom.yaml' }, { strategies, log: quietLog() });
  const server = createServer((req, res) => gate(req, res, () => res.end(req.auth?.subject)));
  const port = await listening(server);
  open.push(
    () => gate.close(),
    () => closed(server),
  );
  return async (question: Omit<Question, 'port'>): Promise<string> => {
    const { status, body } = await ask({ ...question, port });
    return status === 200 ? body : String(status);
  };
}

const PLACE = 'query_param: access_token, cookie: session';
const JWT_UP = `jwt: { algorithm: HS256, secret: "${LONG_SECRET}", audience: api, ${PLACE} }`;
/** The same tokens, with a key set that does not load. */
const JWT_DOWN = `jwt: { issuer: "https://id.example", audience: api, jwks_url: "${NOWHERE}/jwks", algorithms: [RS256], ${PLACE} }`;
const OAUTH = (origin: string): string =>
  `oauth: { introspection_url: "${origin}/introspect", client_id: loom, client_secret: s, timeout: 1s, throttle: false }`;
const SECOND_KEY = `{ key: ${OTHER_KEY}, name: alice }`;
const keys = (at: string, key: string): string =>
  `api_key: { ${at}, keys: [{ key_hash: "sha256:${hash('sha256', key)}", name: of-key }, ${SECOND_KEY}] }`;

/** A token as RS256, so that the key set is needed. No key made its signature. */
const rs256 = (): string =>
  `${base64url({ alg: 'RS256', kid: 'gone' })}.${base64url({ sub: 'x', aud: 'api', iss: 'https://id.example', exp: seconds() + 600 })}.${'A'.repeat(342)}`;

describe('CHN-17 jwt whose keys cannot be loaded', () => {
  const offers: readonly (readonly [string, (token: string) => Omit<Question, 'port'>])[] = [
    ['Authorization', (token) => ({ headers: { Authorization: `Bearer ${token}` } })],
    ['a subprotocol', (token) => ({ headers: { 'Sec-WebSocket-Protocol': `bearer, ${token}` } })],
  ];

  test.each(offers)('does not offer its token in %s to oauth, which would accept it', async (_where, offer) => {
    const down = await asking({ list: ['jwt', 'oauth'], blocks: [JWT_DOWN, OAUTH(introspection.origin)] });
    const before = introspection.asked.length;
    expect(await down(offer(rs256()))).toBe('503');
    expect(introspection.asked).toHaveLength(before);
    // Twins: an opaque token is offered to oauth, and the other order tries oauth first.
    expect(await down(offer('opaque'))).toBe('of-oauth');
    const turned = await asking({ list: ['oauth', 'jwt'], blocks: [JWT_DOWN, OAUTH(introspection.origin)] });
    expect(await turned(offer(rs256()))).toBe('of-oauth');
  });

  test.each<[string, string, (token: string) => Omit<Question, 'port'>, (key: string) => Omit<Question, 'port'>]>([
    [
      'a header without a scheme',
      'header: Authorization',
      (token) => ({ headers: { Authorization: `Bearer ${token}` } }),
      (key) => ({ headers: { Authorization: key } }),
    ],
    [
      'a query parameter',
      'query_param: access_token',
      (token) => ({ path: `/?access_token=${token}` }),
      (key) => ({ headers: { 'X-API-Key': key } }),
    ],
    [
      'another place that contains the same credential',
      'header: X-API-Key',
      (token) => ({ headers: { Authorization: `Bearer ${token}`, 'X-API-Key': token } }),
      (key) => ({ headers: { Authorization: `Bearer ${rs256()}`, 'X-API-Key': key } }),
    ],
  ])('does not offer its token in %s to api_key, which knows it', async (_where, at, offer, other) => {
    const token = rs256();
    const key = at === 'header: Authorization' ? `Bearer ${token}` : token;
    const down = await asking({ list: ['jwt', 'api_key'], blocks: [JWT_DOWN, keys(at, key)] });
    expect(await down(offer(token))).toBe('503');
    const alone = await asking({ list: ['api_key', 'jwt'], blocks: [JWT_DOWN, keys(at, key)] });
    // In a place that both methods read, a token is never looked up as a key.
    expect(await alone(offer(token))).toBe(at === 'header: X-API-Key' ? 'of-key' : '503');
    expect(await down(other(OTHER_KEY))).toBe('alice');
  });

  test('does not offer a token in its cookie to a strategy of the host, unless the host declares another credential', async () => {
    const seen: string[] = [];
    const reading = {
      authenticate(this: { success(user: object): void }, req: { headers: { cookie?: string } }): void {
        seen.push(String(req.headers.cookie));
        this.success({ id: 'of-host' });
      },
    };
    const offered = (req: { headers: object }): boolean => 'x-host' in req.headers;
    const Cookie = `session=${rs256()}`;
    for (const host of [reading, { strategy: reading, offered }]) {
      const down = await asking({ list: ['jwt', 'host'], blocks: [JWT_DOWN], strategies: { host } });
      expect(await down({ headers: { Cookie } })).toBe('503');
      expect(await down({ headers: { Authorization: `Bearer ${rs256()}` } })).toBe('503');
      expect(seen.splice(0)).toEqual([]);
      expect(await down({ headers: { 'X-Host': '1' } })).toBe('of-host');
      expect(await down({ headers: { 'X-Host': '1', Cookie } })).toBe('strategy' in host ? 'of-host' : '503');
      seen.splice(0);
    }
  });
});

describe('CHN-17 oauth whose endpoint is down', () => {
  test('does not offer its token to jwt, which would verify it', async () => {
    const down = await asking({ list: ['oauth', 'jwt'], blocks: [JWT_UP, OAUTH(NOWHERE)] });
    const good = await token();
    for (const headers of [{ Authorization: `Bearer ${good}` }, { 'Sec-WebSocket-Protocol': `bearer, ${good}` }])
      expect(await down({ headers })).toBe('503');
    // Twins: a token that oauth does not read, and the other order.
    expect(await down({ path: `/?access_token=${good}` })).toBe('of-jwt');
    expect(await down({ headers: { Cookie: `session=${good}` } })).toBe('of-jwt');
    const turned = await asking({ list: ['jwt', 'oauth'], blocks: [JWT_UP, OAUTH(NOWHERE)] });
    expect(await turned({ headers: { Authorization: `Bearer ${good}` } })).toBe('of-jwt');
  });

  test('does not offer it to jwt in another place, and another token there still grants', async () => {
    const down = await asking({
      list: ['oauth', 'jwt'],
      blocks: [JWT_UP.replace('jwt: {', 'jwt: { header: X-Token, scheme: "",'), OAUTH(NOWHERE)],
    });
    const good = await token();
    expect(await down({ headers: { Authorization: `Bearer ${good}`, 'X-Token': good } })).toBe('503');
    expect(await down({ headers: { Authorization: 'Bearer opaque', 'X-Token': good } })).toBe('of-jwt');
  });

  test('does not offer it to the second next method either', async () => {
    const list = ['oauth', 'api_key', 'jwt'];
    const down = await asking({ list, blocks: [JWT_UP, OAUTH(NOWHERE), keys('header: X-API-Key', KNOWN_KEY)] });
    const headers = { Authorization: `Bearer ${await token()}` };
    expect(await down({ headers })).toBe('503');
    expect(await down({ headers: { ...headers, 'X-API-Key': 'wrong' } })).toBe('503');
    expect(await down({ headers: { ...headers, 'X-API-Key': KNOWN_KEY } })).toBe('of-key');
  });
});

describe('CHN-17 a strategy of the host that fails with an error', () => {
  const broken = {
    authenticate(this: { error(cause: Error): void }): void {
      this.error(new Error('the directory is down'));
    },
  };

  test('offers the credentials in Authorization and in cookies to no later method', async () => {
    const down = await asking({ list: ['host', 'jwt'], blocks: [JWT_UP], strategies: { host: broken } });
    const good = await token();
    expect(await down({ headers: { Authorization: `Bearer ${good}` } })).toBe('503');
    expect(await down({ headers: { Cookie: `a=b; session=${good}` } })).toBe('503');
    expect(await down({ path: `/?access_token=${good}` })).toBe('of-jwt');
  });

  test('twin: if the host says that the request has no credential for it, the next method is tried', async () => {
    const strategies = { host: { strategy: broken, offered: () => false } };
    const down = await asking({ list: ['host', 'jwt'], blocks: [JWT_UP], strategies });
    expect(await down({ headers: { Authorization: `Bearer ${await token()}` } })).toBe('of-jwt');
  });
});

describe('CHN-17 basic whose budget is used up', () => {
  test('does not offer its pair as a key in the same place', async () => {
    const basic = `basic: { throttle: { failures: 1, per: 1h }, users: [{ username: ada, password_hash: "${hashSync('right', 4)}" }] }`;
    const pair = Buffer.from('ada:other').toString('base64');
    const ask = await asking({
      list: ['basic', 'api_key'],
      blocks: [basic, keys('header: Authorization', `Basic ${pair}`)],
    });
    const headers = { Authorization: `Basic ${pair}` };
    expect(await ask({ headers })).toBe('401');
    expect(await ask({ headers })).toBe('429');
    expect(await ask({ headers: { Authorization: OTHER_KEY } })).toBe('alice');
  });
});
