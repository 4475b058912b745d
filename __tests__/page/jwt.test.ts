/** The page's three JWT blocks: a key set, a static secret, several issuers. */
import {
  closeOpened,
  guarding,
  pageText,
  serving,
  type Guarding,
  type Seen,
  type Serving,
} from '../support/page-gate.js';
import { seen } from '../support/ask.js';
import type { Echoed } from '../support/recording-upstream.js';
import { bearer, secretToken, tokenIssuer, type TokenIssuer } from '../support/token-issuer.js';

const issuers: TokenIssuer[] = [];
async function open(options?: Parameters<typeof tokenIssuer>[0]): Promise<TokenIssuer> {
  const issuer = await tokenIssuer(options);
  issuers.push(issuer);
  return issuer;
}

afterAll(async () => {
  await closeOpened();
  for (const issuer of issuers) await issuer.close();
});

describe('the issuer of the page', () => {
  let issuer: TokenIssuer;
  let page: Serving;
  beforeAll(async () => {
    issuer = await open();
    page = await serving(pageText(3, [['https://auth.example.com', issuer.origin]]));
  });

  test('a token of the issuer arrives with its sub and email in the page’s headers', async () => {
    const token = await issuer.token({ sub: 'auth0|ada', email: 'ada@example.com' });
    const answer = await page.ask('/api/users', bearer(token));
    expect(answer.status).toBe(200);
    expect(seen<Echoed>(answer).headers).toMatchObject({
      'x-user-id': 'auth0|ada',
      'x-user-email': 'ada@example.com',
      authorization: `Bearer ${token}`,
    });
    expect(issuer.asked.map(({ url }) => url)).toEqual(['/.well-known/jwks.json']);
  });

  test('an email that the issuer has not verified is not forwarded as identity', async () => {
    const token = await issuer.token({ email: 'boss@example.com', email_verified: false });
    const { headers } = seen<Echoed>(await page.ask('/api/users', bearer(token)));
    expect(headers).toMatchObject({ 'x-user-id': 'ada' });
    expect(headers['x-user-email']).toBeUndefined();
  });

  test('without a token the challenge names no error', async () => {
    const answer = await page.ask('/api/users');
    expect(answer.status).toBe(401);
    expect(answer.headers['www-authenticate']).toMatch(/^Bearer\b/);
    expect(answer.headers['www-authenticate']).not.toContain('error=');
  });

  test.each<[string, (token: string) => [path: string, headers: Record<string, string>]]>([
    ['in the query', (token) => [`/api/users?access_token=${token}`, {}]],
    ['under another scheme', (token) => ['/api/users', { Authorization: `Token ${token}` }]],
    ['in another header', (token) => ['/api/users', { 'X-Authorization': `Bearer ${token}` }]],
  ])('a token %s is not accepted', async (_where, request) => {
    const [path, headers] = request(await issuer.token());
    expect((await page.ask(path, { headers })).status).toBe(401);
  });

  test('a token with a foreign signature is refused even if its claims are right', async () => {
    const stranger = await open();
    const token = await stranger.token({ iss: issuer.origin });
    const answer = await page.ask('/api/users', bearer(token));
    expect(answer.status).toBe(401);
    expect(answer.headers['www-authenticate']).toContain('error="invalid_token"');
  });
});

describe('the static secret of the page', () => {
  const SECRET = 'your-256-bit-secret';
  let page: Guarding;
  beforeAll(async () => {
    page = await guarding(pageText(4));
  });

  test('a token signed with the secret passes, one signed with another secret does not', async () => {
    const answer = await page.ask('/api/users', bearer(await secretToken(SECRET)));
    expect(answer.status).toBe(200);
    expect(seen<Seen>(answer).auth).toMatchObject({ method: 'jwt', subject: 'ada' });
    expect((await page.ask('/api/users', bearer(await secretToken('your-256-bit-secreT')))).status).toBe(401);
  });

  test('the start warns that the secret is public and short', () => {
    const warned = page.log
      .filter(({ level }) => level === 'warn')
      .map(({ words }) => words)
      .join('\n');
    expect(warned).toMatch(/printed in the Loom documentation/);
    expect(warned).toMatch(/32 bytes|short/);
    expect(JSON.stringify(page.log)).not.toContain(SECRET);
  });
});

describe('the two issuers of the page', () => {
  let auth0: TokenIssuer;
  let okta: TokenIssuer;
  let page: Guarding;
  beforeAll(async () => {
    // Both sets use the same kid: a key set is chosen by issuer.
    [auth0, okta] = [await open({ slash: true }), await open()];
    page = await guarding(
      pageText(5, [
        ['https://your-tenant.auth0.com', auth0.origin],
        ['https://your-org.okta.com', okta.origin],
      ]),
    );
  });

  test('tokens of both issuers pass, each under the keys of its own issuer', async () => {
    for (const issuer of [auth0, okta]) {
      const answer = await page.ask('/api/users', bearer(await issuer.token()));
      expect(answer.status).toBe(200);
      expect(seen<Seen>(answer).auth).toMatchObject({ issuer: issuer === auth0 ? `${auth0.origin}/` : okta.origin });
    }
    expect(auth0.asked.map(({ url }) => url)).toEqual(['/.well-known/jwks.json']);
    expect(okta.asked.map(({ url }) => url)).toEqual(['/oauth2/default/v1/keys']);
  });

  test.each([
    ['one issuer signing as the other', () => okta.token({ iss: `${auth0.origin}/` })],
    ['an issuer without its slash', () => auth0.token({ iss: auth0.origin })],
    ['an issuer with an extra slash', () => okta.token({ iss: `${okta.origin}/` })],
    ['an issuer that the file does not list', () => okta.token({ iss: 'https://else.example' })],
    ['no issuer', () => okta.token({ iss: undefined })],
    ['both issuers at once', () => okta.token({ iss: [okta.origin, `${auth0.origin}/`] })],
  ])('%s is refused', async (_what, token) => {
    expect((await page.ask('/api/users', bearer(await token()))).status).toBe(401);
  });
});
