/** The page's chain: JWT first, then an API key. Either one is enough. */
import { closeOpened, guarding, pageText, type Guarding, type Seen } from '../support/page-gate.js';
import { seen } from '../support/ask.js';
import { bearer, tokenIssuer, type TokenIssuer } from '../support/token-issuer.js';

const KEY = { 'X-API-Key': 'sk_live_abc123' };
let issuer: TokenIssuer;
let page: Guarding;

beforeAll(async () => {
  issuer = await tokenIssuer();
  page = await guarding(pageText(11, [['https://auth.example.com', issuer.origin]]));
});
afterAll(async () => {
  await closeOpened();
  await issuer.close();
});

const methodOf = async (headers: Record<string, string>): Promise<string | undefined> => {
  const answer = await page.ask('/api/users', { headers });
  expect(answer.status).toBe(200);
  return seen<Seen>(answer).auth?.method;
};

test('a token passes, a key passes, and with both the token is used', async () => {
  const { headers } = bearer(await issuer.token());
  expect(await methodOf(headers)).toBe('jwt');
  expect(await methodOf(KEY)).toBe('api_key');
  expect(await methodOf({ ...headers, ...KEY })).toBe('jwt');
});

test('a token that fails falls back to the key', async () => {
  const { headers } = bearer(await issuer.token({ exp: 1 }));
  expect((await page.ask('/api/users', { headers })).status).toBe(401);
  expect(await methodOf({ ...headers, ...KEY })).toBe('api_key');
  expect(await methodOf({ Authorization: 'Bearer gibberish', ...KEY })).toBe('api_key');
});

test('without a credential it is 401 with a challenge for each method', async () => {
  const answer = await page.ask('/api/users');
  expect(answer.status).toBe(401);
  expect(answer.headers['www-authenticate']).toMatch(/Bearer.*ApiKey realm=/);
});

test('two wrong credentials are 401', async () => {
  const { headers } = bearer(await issuer.token({ aud: 'other' }));
  expect((await page.ask('/api/users', { headers: { ...headers, 'X-API-Key': 'no' } })).status).toBe(401);
});

test('the fallback works while the issuer is down; a token alone is 503', async () => {
  const down = await tokenIssuer();
  down.fail();
  const cut = await guarding(pageText(11, [['https://auth.example.com', down.origin]]));
  const { headers } = bearer(await down.token());
  const alone = await cut.ask('/api/users', { headers });
  expect(alone.status).toBe(503);
  expect(Number(alone.headers['retry-after'])).toBeGreaterThan(0);
  expect((await cut.ask('/api/users', { headers: { ...headers, ...KEY } })).status).toBe(200);
  expect((await cut.ask('/api/users', { headers: { ...headers, 'X-API-Key': 'no' } })).status).toBe(503);
  await down.close();
});
