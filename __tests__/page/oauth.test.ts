/** The page's OAuth blocks with a real introspection endpoint. It is asked only as often as the page says. */
import { closeOpened, guarding, pageText, serving, type Guarding, type Seen } from '../support/page-gate.js';
import { seen } from '../support/ask.js';
import type { Echoed } from '../support/recording-upstream.js';
import { bearer, seconds } from '../support/token-issuer.js';
import { askedServer, json, raw, type AskedServer } from '../tokens/introspection-server.js';

const ENDPOINT = 'https://auth.example.com';
let server: AskedServer;
const active = (): object => ({
  active: true,
  sub: 'ada',
  client_id: 'app',
  scope: 'read write',
  exp: seconds() + 3_600,
});

beforeEach(async () => {
  server = await askedServer((asked, response) => {
    const good = new URLSearchParams(asked.body).get('token')?.startsWith('good') === true;
    return json(good ? active() : { active: false })(asked, response);
  });
});
afterEach(async () => {
  await closeOpened();
  await server.close();
});

describe('the introspection block of the page', () => {
  const start = () => serving(pageText(6, [[ENDPOINT, server.origin]]));

  test('an active token passes; the request to the server has the page’s form', async () => {
    const page = await start();
    const answer = await page.ask('/api/users', bearer('good-1'));
    expect(answer.status).toBe(200);
    expect(seen<Echoed>(answer).headers['authorization']).toBe('Bearer good-1');
    expect(server.asked).toHaveLength(1);
    expect(server.asked[0]).toMatchObject({ method: 'POST', url: '/oauth/introspect' });
    expect(new URLSearchParams(server.asked[0]?.body).get('token')).toBe('good-1');
    expect(server.asked[0]?.headers.authorization).toBe(
      `Basic ${Buffer.from('loom-gateway:secret123').toString('base64')}`,
    );
  });

  test('an inactive token is 401 and the upstream gets no request; without a token the server is not asked', async () => {
    const page = await start();
    const refused = await page.ask('/api/users', bearer('bad-1'));
    expect(refused.status).toBe(401);
    expect(refused.headers['www-authenticate']).toContain('error="invalid_token"');
    expect(server.asked).toHaveLength(1);
    const nothing = await page.ask('/api/users');
    expect(nothing.status).toBe(401);
    expect(nothing.headers['www-authenticate']).not.toContain('error=');
    expect(server.asked).toHaveLength(1);
    expect(page.echo.requests).toEqual([]);
    expect((await page.ask('/api/users', bearer('good-1'))).status).toBe(200);
  });

  test.each([
    ['fails', raw(500, 'down')],
    ['rejects the client credentials', raw(401, '')],
    ['talks nonsense', raw(200, '<html>', { 'content-type': 'text/html' })],
  ])('if the server %s: 503 with Retry-After, never 401', async (_what, answer) => {
    const page = await start();
    expect((await page.ask('/api/users', bearer('good-1'))).status).toBe(200);
    server.answer = answer;
    const unknown = await page.ask('/api/users', bearer('good-2'));
    expect(unknown.status).toBe(503);
    expect(Number(unknown.headers['retry-after'])).toBeGreaterThan(0);
    expect((await page.ask('/api/users', bearer('good-1'))).status).toBe(200);
  });

  test('an unreachable server is 503', async () => {
    const page = await start();
    expect((await page.ask('/api/users', bearer('good-1'))).status).toBe(200);
    await server.close();
    expect((await page.ask('/api/users', bearer('good-2'))).status).toBe(503);
  });
});

describe('the cache of the page', () => {
  let now = Date.now();
  const start = (text = pageText(7, [[ENDPOINT, server.origin]])): Promise<Guarding> =>
    guarding(text, { now: () => now });
  beforeEach(() => (now = Date.now()));

  test('a token is introspected once in five minutes', async () => {
    const page = await start();
    for (let sent = 0; sent < 5; sent++) {
      const answer = await page.ask('/api/users', bearer('good-1'));
      expect(seen<Seen>(answer).auth).toMatchObject({ method: 'oauth', subject: 'ada', scopes: ['read', 'write'] });
    }
    expect(server.asked).toHaveLength(1);
    now += 299_000;
    expect((await page.ask('/api/users', bearer('good-1'))).status).toBe(200);
    expect(server.asked).toHaveLength(1);
    now += 2_000;
    expect((await page.ask('/api/users', bearer('good-1'))).status).toBe(200);
    expect(server.asked).toHaveLength(2);
  });

  test('ten concurrent requests cause one introspection', async () => {
    const page = await start();
    const answers = await Promise.all(Array.from({ length: 10 }, () => page.ask('/api/users', bearer('good-1'))));
    expect(answers.map(({ status }) => status)).toEqual(Array(10).fill(200));
    expect(server.asked).toHaveLength(1);
  });

  test('a token with an earlier expiry is not cached beyond it', async () => {
    const exp = seconds() + 60;
    server.answer = json({ active: true, sub: 'ada', exp });
    const page = await start();
    expect((await page.ask('/api/users', bearer('good-1'))).status).toBe(200);
    now += 95_000;
    expect((await page.ask('/api/users', bearer('good-1'))).status).toBe(401);
  });

  test('a refused token is introspected again soon after', async () => {
    const page = await start();
    server.answer = json({ active: false });
    expect((await page.ask('/api/users', bearer('good-1'))).status).toBe(401);
    server.answer = json(active());
    now += 10_001;
    expect((await page.ask('/api/users', bearer('good-1'))).status).toBe(200);
  });

  test('cache_size is the number of cached tokens', async () => {
    const page = await start(
      pageText(7, [
        [ENDPOINT, server.origin],
        ['cache_size: 10000', 'cache_size: 2'],
      ]),
    );
    for (const token of ['good-1', 'good-2', 'good-2', 'good-3', 'good-3', 'good-1'])
      expect((await page.ask('/api/users', bearer(token))).status).toBe(200);
    expect(server.asked).toHaveLength(4);
  });
});
