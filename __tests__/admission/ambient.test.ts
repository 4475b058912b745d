/** Which credentials a browser sends unasked is a member of their method, and of the place that they are read from. */
import { createServer, type IncomingMessage } from 'node:http';
import { Strategy as CustomStrategy } from 'passport-custom';
import { Strategy } from 'passport-strategy';
import { z } from 'zod';
import type { Method, MethodStrategy } from '../../src/auth/method.js';
import { methods as registry, type RegisteredMethod } from '../../src/auth/methods.js';
import { FailInfo } from '../../src/auth/outcome.js';
import { loom, type LoomOptions } from '../../src/loom.js';
import { ask } from '../support/ask.js';
import { quietLog } from '../support/quiet-log.js';
import { closed, listening } from '../support/recording-upstream.js';
import { secretToken } from '../support/token-issuer.js';

/** Grants every request that sends `X-Fixture`. */
class FixtureStrategy extends Strategy implements MethodStrategy {
  readonly ready = Promise.resolve();
  readonly close = (): Promise<void> => Promise.resolve();

  constructor(private readonly method: string) {
    super();
  }

  override authenticate(request: IncomingMessage): void {
    if (request.headers['x-fixture'] !== undefined)
      return this.success({ method: this.method, subject: 'alice', scopes: [], claims: {} });
    this.fail(new FailInfo({ kind: 'absent', challenges: [] }), 401);
  }
}

const fixture = (name: string, ambient: Method['ambient']): Method => ({
  ...{ name, ambient, title: 'Fixture', options: z.strictObject({}), narrowing: z.strictObject({}), files: {} },
  ...{ claims: false, certificate: false, findings: () => [], unknownNames: () => [], places: () => [] },
  ...{ headers: () => [], forwardsCredential: () => false, summary: () => [], voucher: () => true },
  challenge: () => ({ scheme: 'Fixture', params: {} }),
  judge: () => undefined,
  compile: () => new FixtureStrategy(name),
});

const FIXTURES = [fixture('sent_unasked', true), fixture('sent_by_hand', false), fixture('anything', 'unknown')].map(
  (method): RegisteredMethod => ({ name: method.name, load: () => method }),
);
beforeAll(() => void (registry as RegisteredMethod[]).push(...FIXTURES));
afterAll(() => void (registry as RegisteredMethod[]).splice(-FIXTURES.length));

const SECRET = 'a secret of thirty-two bytes or so';
const FROM_ELSEWHERE = { Origin: 'https://evil.example', 'Sec-Fetch-Site': 'cross-site' };
type Fields = Readonly<Record<string, string>>;

/** The answer to a POST of another site's page, and to the same POST of a page of our own. */
async function statuses(block: string, fields: Fields, options: LoomOptions = {}): Promise<readonly number[]> {
  const name = /^\s*\{?\s*(\w+)/.exec(block)?.[1] ?? '';
  const auth = options.strategies ? '{ jwt: { algorithm: HS256, secret: a secret of thirty-two bytes or so } }' : block;
  const text = `middleware: { auth: ${auth} }\nroutes: [{ path: /*, auth: { ${name}: true } }]`;
  const gate = loom({ text, file: 'loom.yaml' }, { log: quietLog(), ...options });
  await gate.ready;
  const server = createServer((req, res) => gate(req, res, () => res.writeHead(204).end()));
  const port = await listening(server);
  const post = async (more: Fields): Promise<number> =>
    (await ask({ port, method: 'POST', headers: { ...fields, ...more } })).status;
  const answers = [await post(FROM_ELSEWHERE), await post({ Origin: `http://127.0.0.1:${port}` })];
  await closed(server);
  await gate.close();
  return answers;
}

describe('a method of the registry', () => {
  test('with ambient: true is checked, whatever else the request carries', async () => {
    expect(await statuses('{ sent_unasked: {} }', { 'X-Fixture': '1' })).toEqual([403, 204]);
  });

  test('twin: with ambient: false it passes, beside a cookie too', async () => {
    expect(await statuses('{ sent_by_hand: {} }', { 'X-Fixture': '1', Cookie: 'a=b' })).toEqual([204, 204]);
  });

  test.each<[string, Fields]>([
    ['a cookie', { Cookie: 'a=b' }],
    ['Basic', { Authorization: 'Basic YTpi' }],
    ['basic in lower case', { Authorization: 'basic YTpi' }],
    ['Digest', { Authorization: 'Digest username="a"' }],
    ['Negotiate', { Authorization: 'Negotiate YII' }],
  ])('that may read anything is checked beside %s', async (_what, fields) => {
    expect(await statuses('{ anything: {} }', { 'X-Fixture': '1', ...fields })).toEqual([403, 204]);
  });

  test('twin: it passes beside a token that a page must add itself', async () => {
    expect(await statuses('{ anything: {} }', { 'X-Fixture': '1', Authorization: 'Bearer x' })).toEqual([204, 204]);
  });

  test('every method says what it is', () => {
    const said = registry
      .slice(0, -FIXTURES.length)
      .map(({ load }) => load())
      .map(({ name, ambient }) => [name, ambient]);
    expect(said).toEqual([
      ['api_key', false],
      ['basic', true],
      ['jwt', false],
      ['oauth', false],
      ['mtls', true],
    ]);
  });
});

describe('a strategy of the host', () => {
  const strategies = { sso: new CustomStrategy((_request, done) => done(null, { id: 'alice' })) };

  test('is checked where the browser sends a password that it remembers', async () => {
    expect(await statuses('{ sso: {} }', { Authorization: 'Basic YTpi' }, { strategies })).toEqual([403, 204]);
    expect(await statuses('{ sso: {} }', { Cookie: 'session=x' }, { strategies })).toEqual([403, 204]);
  });

  test('twin: passes without either', async () => {
    expect(await statuses('{ sso: {} }', { 'X-Session': 'x' }, { strategies })).toEqual([204, 204]);
  });
});

describe('the place of a credential', () => {
  const jwt = `{ jwt: { algorithm: HS256, secret: ${SECRET}, cookie: session } }`;
  const key = (where: string): string => `{ api_key: { ${where}, keys: [{ key: key-of-alice-123, name: alice }] } }`;

  test('a token of a cookie is checked', async () => {
    expect(await statuses(jwt, { Cookie: `session=${await secretToken(SECRET, {})}` })).toEqual([403, 204]);
  });

  test('twin: the same token of a header passes', async () => {
    expect(await statuses(jwt, { Authorization: `Bearer ${await secretToken(SECRET, {})}` })).toEqual([204, 204]);
  });

  test('a token that is sent as a password is checked, since browsers remember passwords', async () => {
    const basic = `{ jwt: { algorithm: HS256, secret: ${SECRET}, scheme: Basic } }`;
    expect(await statuses(basic, { Authorization: `Basic ${await secretToken(SECRET)}` })).toEqual([403, 204]);
  });

  test('twin: a key of its own header passes, beside a cookie of something else', async () => {
    expect(await statuses(key('header: X-API-Key'), { 'X-API-Key': 'key-of-alice-123', Cookie: 'a=b' })).toEqual([
      204, 204,
    ]);
  });
});
