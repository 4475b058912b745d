/**
 * The page's list of possible mistakes. Each one is refused with the response that explains it; a correct request
 * passes.
 */
import { ConfigError } from '../../src/config/diagnostics.js';
import { closeOpened, guarding, pageText, serving, type Guarding, type Serving } from '../support/page-gate.js';
import { askBytes, statusOf } from '../support/ask.js';
import { freePorts } from '../support/ports.js';
import { bearer, seconds, tokenIssuer, type TokenIssuer } from '../support/token-issuer.js';

describe('JWT validation fails', () => {
  let issuer: TokenIssuer;
  let page: Guarding;
  beforeAll(async () => {
    issuer = await tokenIssuer();
    page = await guarding(pageText(3, [['https://auth.example.com', issuer.origin]]));
  });
  afterAll(async () => {
    await closeOpened();
    await issuer.close();
  });

  const WRONG = [
    ['expired', () => ({ exp: seconds() - 90 })],
    ['without an end', () => ({ exp: undefined })],
    ['for another audience', () => ({ aud: 'other.example.com' })],
    ['for no audience', () => ({ aud: undefined })],
    ['of another issuer', () => ({ iss: 'https://other.example.com' })],
    ['of an issuer that differs by a slash', () => ({ iss: `${issuer.origin}/` })],
    ['not valid yet', () => ({ nbf: seconds() + 90 })],
    ['issued in the future', () => ({ iat: seconds() + 90 })],
  ] as const;

  test.each(WRONG)('a token %s is 401 with invalid_token', async (_what, claims) => {
    const answer = await page.ask('/api/users', bearer(await issuer.token(claims())));
    expect(answer.status).toBe(401);
    expect(answer.headers['www-authenticate']).toContain('error="invalid_token"');
    expect(answer.body).not.toMatch(/example\.com|127\.0\.0\.1|of-the-page/);
  });

  const RIGHT = [
    ['without a mistake', () => ({})],
    ['with one audience of several', () => ({ aud: ['other.example.com', 'api.example.com'] })],
    ['that has expired within the clock tolerance', () => ({ exp: seconds() - 10 })],
    ['that becomes valid within the clock tolerance', () => ({ nbf: seconds() + 10, iat: seconds() + 10 })],
  ] as const;

  test.each(RIGHT)('a token %s passes', async (_what, claims) => {
    expect((await page.ask('/api/users', bearer(await issuer.token(claims())))).status).toBe(200);
  });

  test('a key set that cannot be reached is 503 with Retry-After', async () => {
    const [port = 0] = await freePorts(1);
    const origin = `http://127.0.0.1:${port}`;
    const cut = await guarding(pageText(3, [['https://auth.example.com', origin]]));
    const answer = await cut.ask('/api/users', bearer(await issuer.token({ iss: origin })));
    expect(answer.status).toBe(503);
    expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0);
    expect(answer.headers['www-authenticate']).toBeUndefined();
    expect(answer.body).not.toContain(String(port));
    expect((await cut.ask('/api/users')).status).toBe(401);
    expect(cut.log.some(({ level }) => level !== 'info')).toBe(true);
  });

  test('fetched keys are used through an outage', async () => {
    const failing = await tokenIssuer();
    const cut = await guarding(pageText(3, [['https://auth.example.com', failing.origin]]));
    await failing.close();
    expect((await cut.ask('/api/users', bearer(await failing.token()))).status).toBe(200);
  });
});

describe('API key not found', () => {
  let page: Serving;
  beforeAll(async () => {
    page = await serving(pageText(0));
  });
  afterAll(closeOpened);

  const send = async (line: string): Promise<number> =>
    statusOf(await askBytes(page.port, `GET /api/users HTTP/1.1\r\nHost: gw\r\nConnection: close\r\n${line}\r\n\r\n`));

  test.each([
    'X-API-Key: sk_live_abc123',
    'x-api-key:sk_live_abc123',
    // White space around a field value is not part of the value (RFC 9110 §5.5).
    'X-API-Key:  \tsk_live_abc123 \t',
  ])('%j is found', async (line) => {
    expect(await send(line)).toBe(200);
  });

  test.each([
    'X-Api: sk_live_abc123',
    'X-API-Key: sk_live_abc12',
    'X-API-Key: sk_live_abc1234',
    'X-API-Key: SK_LIVE_ABC123',
    'X-API-Key: sk_live_ abc123',
    'X-API-Key: "sk_live_abc123"',
    'X-API-Key: sk_live_abc123\xa0',
    'X-API-Key: sk_live_abc123\x85',
    'X-API-Key: Bearer sk_live_abc123',
    'X-API-Key: sk_live_abc123, sk_test_xyz789',
    'X-API-Key:',
  ])('%j is 401', async (line) => {
    expect(await send(line)).toBe(401);
  });

  test('a space before the colon is rejected as an invalid field', async () => {
    expect(await send('X-API-Key : sk_live_abc123')).toBe(400);
  });

  test('white space around a key in the file is a load error with its place', async () => {
    const spaced = pageText(0).replace('key: sk_live_abc123', 'key: "sk_live_abc123 "');
    const failure = await guarding(spaced).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(ConfigError);
    const errors = (failure as ConfigError).diagnostics.filter(({ level }) => level === 'error');
    expect(errors).toMatchObject([{ path: 'middleware.auth.api_key.keys[0].key', line: 7, column: 16 }]);
    expect((failure as Error).message).not.toContain('sk_live_abc123');
  });
});
