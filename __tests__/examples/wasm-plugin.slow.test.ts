/** The page's plugin, built from Rust and from AssemblyScript, with a real upstream, on worker threads and inline. */
import { join } from 'node:path';
import { statusOf, type Answer } from '../support/ask.js';
import { closeGrounds, get, openGround, type Ground } from '../support/attack-ground.js';
import { ROOT } from '../support/built.js';
import { lookalikesOf, valuesOf, type Message } from '../support/messages.js';
import { seconds } from '../support/token-issuer.js';

const RIGHT = { 'X-API-Key': 'sk_example_orders' };
const WRONG = { 'X-API-Key': 'sk_example_order' };

const ROUTES = `
  - { id: named, path: /named/*, upstream: backend, auth: { custom-auth: true } }
  - { id: plugin, path: /plugin/*, upstream: backend, auth: { plugin: custom-auth } }
  - { id: methods, path: /methods/*, upstream: backend, auth: { require: true, methods: [jwt, custom-auth] } }
  - { id: chain, path: /chain/*, upstream: backend }
  - { id: besides, path: /besides/*, upstream: backend, auth: { jwt: true }, plugins: [custom-auth] }
  - { id: alone, path: /alone/*, upstream: backend, auth: none, plugins: [custom-auth] }`;

const ground = (module: string, isolation: string): Promise<Ground> =>
  openGround({
    auth: '    chain: [jwt, custom-auth]\n    require_any: true',
    replaceRoutes: true,
    routes: ROUTES,
    top: `plugins:\n  - { name: custom-auth, path: "${join(ROOT, 'examples/wasm-plugin', module)}", isolation: ${isolation}, throttle: false }`,
  });

/** The form of the plugin's own responses. */
const refusal = (status: number, error: string) => ({
  status,
  type: 'application/json',
  body: `{"error": "${error}"}`,
});
const MISSING = refusal(401, 'Missing API key');
const INVALID = refusal(403, 'Invalid API key');
const told = ({ status, headers, body }: Answer) => ({ status, type: headers['content-type'], body });

describe.each([
  ['auth-rust.wasm', 'worker'],
  ['auth-rust.wasm', 'inline'],
  ['auth-assemblyscript.wasm', 'worker'],
  ['auth-assemblyscript.wasm', 'inline'],
])('%s, isolation: %s', (module, isolation) => {
  let gate: Ground;
  beforeAll(async () => (gate = await ground(module, isolation)));
  afterAll(closeGrounds);

  /** Returns the only request that has arrived. */
  const arrived = (): Message => {
    const messages = gate.arrived();
    expect(messages).toHaveLength(1);
    return messages[0] as Message;
  };
  const token = async (claims = {}): Promise<{ Authorization: string }> => ({
    Authorization: `Bearer ${await gate.issuer.token(claims)}`,
  });
  const expired = () => token({ exp: seconds() - 600 });
  const answerOf = async (path: string, headers = {}) => told(await gate.ask(path, { headers }));

  describe.each(['/named/1', '/plugin/1', '/alone/1'])('%s', (path) => {
    test('without a key is 401 with the plugin’s own answer', async () => {
      expect(await answerOf(path)).toEqual(MISSING);
      expect(gate.arrived()).toEqual([]);
    });

    test('with a wrong key is 403 with the plugin’s own answer', async () => {
      expect(await answerOf(path, WRONG)).toEqual(INVALID);
      expect(await answerOf(path, { 'X-API-Key': 'sk_example_ordert' })).toEqual(INVALID);
      expect(await answerOf(path, { 'X-API-Key': 'sk_example_orders2' })).toEqual(INVALID);
      expect(gate.arrived()).toEqual([]);
    });

    test('with the key arrives as user123', async () => {
      expect(await answerOf(path, RIGHT)).toMatchObject({ status: 200 });
      expect(lookalikesOf(arrived(), 'X-Authenticated-User')).toEqual([[expect.anything(), 'user123']]);
    });
  });

  // The page's plugin adds its header after the client's copy, and most upstreams read the first.
  test.each([
    [['X-Authenticated-User: admin']],
    [['x-authenticated-user: admin']],
    [['X-AUTHENTICATED-USER: admin', 'X-Authenticated-User: root']],
    [['X_Authenticated_User: admin']],
    [['X-Authenticated_User: admin']],
    [['X.Authenticated.User: admin']],
    [['X-Authenticated-User:']],
    [['X-Authenticated-User: user123']],
    [['X-Authenticated-User: admin', 'Connection: X-Authenticated-User']],
  ])('a client that sends %j is still user123, and only that', async (lines) => {
    const answer = await gate.send(get('/named/1', 'x-api-key: sk_example_orders', ...lines));
    expect(statusOf(answer)).toBe(200);
    expect(lookalikesOf(arrived(), 'X-Authenticated-User')).toEqual([[expect.anything(), 'user123']]);
  });

  test('without a key the same header grants no access', async () => {
    expect(await answerOf('/named/1', { 'X-Authenticated-User': 'user123' })).toEqual(MISSING);
    expect(gate.arrived()).toEqual([]);
  });

  describe.each(['/methods/1', '/chain/1'])('any of jwt and the plugin: %s', (path) => {
    test('a token is enough, and sets no header of the plugin', async () => {
      const headers = { ...(await token()), 'X-Authenticated-User': 'admin' };
      expect(await answerOf(path, headers)).toMatchObject({ status: 200 });
      const message = arrived();
      expect(valuesOf(message, 'X-User-ID')).toEqual(['ada']);
      expect(lookalikesOf(message, 'X-Authenticated-User')).toEqual([]);
    });

    test('a key is enough, even with a bad token', async () => {
      for (const headers of [RIGHT, { ...RIGHT, ...(await expired()) }]) {
        expect(await answerOf(path, { ...headers, 'X-User-ID': 'root' })).toMatchObject({ status: 200 });
        const message = arrived();
        expect(lookalikesOf(message, 'X-User-ID')).toEqual([]);
        expect(valuesOf(message, 'X-Authenticated-User')).toEqual(['user123']);
      }
    });

    test('without a credential the response is that of the first method that refused', async () => {
      expect(await answerOf(path)).toEqual(MISSING);
      expect(await answerOf(path, WRONG)).toEqual(INVALID);
      const both = await answerOf(path, { ...WRONG, ...(await expired()) });
      expect(both).toMatchObject({ status: 401, type: 'application/problem+json' });
      expect(gate.arrived()).toEqual([]);
    });
  });

  test('a route can require the plugin in addition to a token', async () => {
    expect(await answerOf('/besides/1', RIGHT)).toMatchObject({ status: 401, type: 'application/problem+json' });
    expect(await answerOf('/besides/1', await token())).toEqual(MISSING);
    expect(await answerOf('/besides/1', { ...(await token()), ...WRONG })).toEqual(INVALID);
    expect(gate.arrived()).toEqual([]);
    expect(await answerOf('/besides/1', { ...(await token()), ...RIGHT })).toMatchObject({ status: 200 });
    const message = arrived();
    expect(valuesOf(message, 'X-User-ID')).toEqual(['ada']);
    expect(valuesOf(message, 'X-Authenticated-User')).toEqual(['user123']);
  });

  test('concurrent requests of two callers get their own responses', async () => {
    const asked = Array.from({ length: 60 }, (_, at) => [{}, WRONG, RIGHT][at % 3] as object);
    const answers = await Promise.all(asked.map((headers) => answerOf('/named/1', headers)));
    expect(answers.map(({ status }) => status)).toEqual(asked.map((_, at) => [401, 403, 200][at % 3]));
    expect(gate.arrived()).toHaveLength(20);
  });
});
