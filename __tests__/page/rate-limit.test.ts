/** The page's rate limit by identity: 100 requests a second and a burst of 200, for each user. */
import { closeOpened, guarding, pageText, type Guarding } from '../support/page-gate.js';
import { bearer, tokenIssuer, type TokenIssuer } from '../support/token-issuer.js';

let issuer: TokenIssuer;
let page: Guarding;
let now = Date.now();

beforeEach(async () => {
  now = Date.now();
  issuer = await tokenIssuer();
  page = await guarding(pageText(12, [['https://auth.example.com', issuer.origin]]), { now: () => now });
});
afterEach(async () => {
  await closeOpened();
  await issuer.close();
});

/** Returns how many of `count` requests passed, and the status of the last one. */
async function spend(count: number, headers: Record<string, string>): Promise<{ passed: number; last: number }> {
  let passed = 0;
  let last = 0;
  for (let sent = 0; sent < count; sent++) {
    last = (await page.ask('/api/users', { headers })).status;
    if (last === 200) passed++;
  }
  return { passed, last };
}

test('200 requests at once pass, the next one is 429, and another user still passes', async () => {
  const ada = bearer(await issuer.token({ sub: 'ada' })).headers;
  const bob = bearer(await issuer.token({ sub: 'bob' })).headers;
  expect(await spend(200, ada)).toEqual({ passed: 200, last: 200 });
  const limited = await page.ask('/api/users', { headers: ada });
  expect(limited.status).toBe(429);
  expect(limited.headers).toMatchObject({ 'x-ratelimit-limit': '200', 'x-ratelimit-remaining': '0' });
  expect(Number(limited.headers['retry-after'])).toBeGreaterThan(0);
  expect(JSON.parse(limited.body)).toMatchObject({ code: 'rate_limited', status: 429 });
  const other = await page.ask('/api/users', { headers: bob });
  expect(other.status).toBe(200);
  expect(other.headers['x-ratelimit-remaining']).toBe('199');
});

test('after a second 100 more pass', async () => {
  const { headers } = bearer(await issuer.token());
  await spend(200, headers);
  now += 1_000;
  expect(await spend(101, headers)).toEqual({ passed: 100, last: 429 });
});

test('a new token of the same user counts as the same user; a client’s own X-User-ID changes nothing', async () => {
  await spend(200, bearer(await issuer.token()).headers);
  const fresh = bearer(await issuer.token({ jti: 'another' })).headers;
  expect((await page.ask('/api/users', { headers: fresh })).status).toBe(429);
  expect((await page.ask('/api/users', { headers: { ...fresh, 'X-User-ID': 'somebody' } })).status).toBe(429);
  const bob = bearer(await issuer.token({ sub: 'bob' })).headers;
  expect((await page.ask('/api/users', { headers: { ...bob, 'X-User-ID': 'ada' } })).status).toBe(200);
});
