/** The page's API keys, in the header and in the query, each with its limit from the page. */
import { closeOpened, guarding, pageText, serving, type Guarding, type Seen } from '../support/page-gate.js';
import { seen } from '../support/ask.js';
import type { Echoed } from '../support/recording-upstream.js';
import { pageBlocks } from '../config/page-blocks.js';
import { parse, stringify } from 'yaml';

afterAll(closeOpened);

/** The page shows the query parameter without keys. A reader adds the parameter to the block above. */
function queryBesideKeys(): string {
  const [keys, query] = [pageBlocks[0], pageBlocks[1]].map(
    (text) => parse(text ?? '') as { middleware: { auth: { api_key: object } } },
  );
  const api_key = { ...keys?.middleware.auth.api_key, ...query?.middleware.auth.api_key };
  return stringify({ middleware: { auth: { api_key } } });
}

describe('the keys of the page, in its header', () => {
  let page: Guarding;
  beforeAll(async () => {
    page = await guarding(pageText(0));
  });

  test.each([
    ['sk_live_abc123', 'production', '1000'],
    ['sk_test_xyz789', 'development', '100'],
  ])('%s is %s, with a limit of %s', async (key, name, limit) => {
    const answer = await page.ask('/api/users', { headers: { 'X-API-Key': key } });
    expect(answer.status).toBe(200);
    expect(seen<Seen>(answer).auth).toMatchObject({ method: 'api_key', subject: name });
    expect(answer.headers['x-ratelimit-limit']).toBe(limit);
    expect(Number(answer.headers['x-ratelimit-remaining'])).toBeLessThan(Number(limit));
  });

  test('the key itself is not forwarded', async () => {
    const served = await serving(pageText(0));
    const answer = await served.ask('/api/users', { headers: { 'X-API-Key': 'sk_live_abc123' } });
    expect(answer.status).toBe(200);
    expect(seen<Echoed>(answer).url).toBe('/api/users');
    expect(answer.body).not.toContain('sk_live_abc123');
  });

  test.each([
    ['no key', {}],
    ['an unknown key', { 'X-API-Key': 'sk_live_abc124' }],
    ['the name of a key', { 'X-API-Key': 'production' }],
    ['a key in another header', { 'X-Key': 'sk_live_abc123' }],
    ['a key in a query parameter that the file does not name', {}, '?api_key=sk_live_abc123'],
  ])('%s is 401', async (_what, headers, query = '') => {
    const answer = await page.ask(`/api/users${query}`, { headers });
    expect(answer.status).toBe(401);
    expect(answer.headers['www-authenticate']).toMatch(/^ApiKey realm="/);
    expect(answer.headers['cache-control']).toBe('no-store');
    expect(seen(answer)).toMatchObject({ status: 401, code: 'unauthorized' });
  });

  test('the key twice is 400', async () => {
    const twice = ['sk_live_abc123', 'sk_live_abc123'];
    expect((await page.ask('/api/users', { headers: { 'X-API-Key': twice } })).status).toBe(400);
  });

  test('a key over its 100 requests a second is 429, and the other key still passes', async () => {
    const clock = 1_800_000_000_000;
    const still = await guarding(pageText(0), { now: () => clock });
    const send = (key: string) => still.ask('/api/users', { headers: { 'X-API-Key': key } });
    for (let sent = 0; sent < 100; sent++) expect((await send('sk_test_xyz789')).status).toBe(200);
    const limited = await send('sk_test_xyz789');
    expect(limited.status).toBe(429);
    expect(limited.headers['x-ratelimit-limit']).toBe('100');
    expect(Number(limited.headers['retry-after'])).toBeGreaterThan(0);
    expect((await send('sk_live_abc123')).status).toBe(200);
  });
});

describe('the query parameter of the page', () => {
  test('the page’s request passes if the keys are added, and its key is not forwarded', async () => {
    const page = await serving(queryBesideKeys());
    const answer = await page.ask('/api/users?api_key=sk_live_abc123');
    expect(answer.status).toBe(200);
    expect(answer.headers['x-ratelimit-limit']).toBe('1000');
    expect(seen<Echoed>(answer).url).toBe('/api/users');
    expect(answer.body).not.toContain('sk_live_abc123');
    expect((await page.ask('/api/users?api_key=sk_live_wrong')).status).toBe(401);
    expect((await page.ask('/api/users')).status).toBe(401);
    const header = { headers: { 'X-API-Key': 'sk_live_abc123' } };
    expect((await page.ask('/api/users', header)).status).toBe(200);
    expect((await page.ask('/api/users?api_key=sk_live_abc123', header)).status).toBe(200);
    expect((await page.ask('/api/users?api_key=sk_test_xyz789', header)).status).toBe(400);
    expect(JSON.stringify(page.log)).not.toContain('sk_live_wrong');
  });

  test('the block alone has no keys: the start reports it, and every request is refused', async () => {
    const page = await guarding(pageText(1));
    expect(page.log.filter(({ level, words }) => level === 'warn' && words.startsWith('no keys'))).toHaveLength(1);
    expect((await page.ask('/api/users?api_key=sk_live_abc123')).status).toBe(401);
    expect((await page.ask('/api/users', { headers: { 'X-API-Key': 'sk_live_abc123' } })).status).toBe(401);
  });
});
