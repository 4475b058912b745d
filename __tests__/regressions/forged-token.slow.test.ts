/**
 * A token with an unknown kid and no signature once ended the process. It is now 401, and so are all similar tokens.
 */
import { WebSocket } from 'ws';
import { BOTH_AS_PROCESS, type ChildGateway } from '../support/both-hosts.js';
import { forgedTokens, type Forged } from '../support/forged-tokens.js';
import { echoUpstream, type Echo } from '../support/recording-upstream.js';
import { bearer, livelyClaims, tokenIssuer, type TokenIssuer } from '../support/token-issuer.js';
import { askedServer, json, type AskedServer } from '../tokens/introspection-server.js';

const KID = 'of-the-issuer';

const file = (issuer: string, upstream: number): string => `
middleware:
  auth:
    jwt:
      issuer: ${issuer}
      audience: api.example.com
      jwks_url: ${issuer}/.well-known/jwks.json
      claims_to_headers: { sub: X-User-ID }
routes:
  - { id: api, path: /api/*, upstream: backend, auth: { jwt: true } }
  - { id: optional, path: /optional, upstream: backend, auth: { jwt: true, require: false } }
upstreams:
  - { name: backend, endpoints: ["127.0.0.1:${upstream}"] }
`;

describe.each(BOTH_AS_PROCESS)('$name', ({ start }) => {
  let issuer: TokenIssuer;
  let elsewhere: AskedServer;
  let echo: Echo;
  let gateway: ChildGateway;
  let forged: Forged[];

  beforeAll(async () => {
    [issuer, elsewhere, echo] = await Promise.all([
      tokenIssuer({ kid: KID }),
      askedServer(json({ keys: [] })),
      echoUpstream(),
    ]);
    gateway = await start(file(issuer.origin, echo.port));
    forged = forgedTokens({
      claims: { iss: issuer.origin, aud: 'api.example.com', ...livelyClaims(), sub: 'root' },
      key: issuer.key,
      kid: KID,
      elsewhere: elsewhere.origin,
      good: await issuer.token(),
    });
  });

  afterAll(async () => {
    await gateway.close();
    await Promise.all([issuer.close(), elsewhere.close(), echo.close()]);
  });

  const good = async (path = '/api/x'): Promise<void> => {
    const answer = await gateway.ask(path, bearer(await issuer.token()));
    expect(answer.status).toBe(200);
    expect(JSON.parse(answer.body)).toMatchObject({ headers: { 'x-user-id': 'ada' } });
  };
  const statusOf = async (path: string, token: string): Promise<number | string> =>
    gateway.ask(path, bearer(token)).then(
      ({ status }) => status,
      (error: Error) => error.message,
    );
  const lives = async (): Promise<void> => {
    await good();
    expect(gateway.ended()).toBeUndefined();
  };

  test('unknown kid and empty signature: 401 for fifty requests, and a good token passes after each', async () => {
    const [, token] = forged[0] as Forged;
    for (let sent = 0; sent < 50; sent++) {
      expect(await statusOf('/api/x', token)).toBe(401);
      await good();
    }
    await lives();
  });

  test('fifty unknown kids at once: 401 each, and the issuer gets few requests', async () => {
    const tokens = Array.from({ length: 50 }, (_, at) => issuer.token({}, { kid: `nobody-${at}` }));
    const before = issuer.asked.length;
    const statuses = await Promise.all(tokens.map(async (token) => statusOf('/api/x', await token)));
    expect(new Set(statuses)).toEqual(new Set([401]));
    expect(issuer.asked.length - before).toBeLessThanOrEqual(1);
    await lives();
  });

  test('every similar token is 401, one after the other and all at once', async () => {
    expect(forged.length).toBeGreaterThan(50);
    const before = echo.requests.length;
    const oneByOne: (readonly [string, number | string])[] = [];
    for (const [what, token] of forged) oneByOne.push([what, await statusOf('/api/x', token)]);
    expect(oneByOne.filter(([, status]) => status !== 401)).toEqual([]);
    const atOnce = await Promise.all(
      forged.map(async ([what, token]) => [what, await statusOf('/api/x', token)] as const),
    );
    expect(atOnce.filter(([, status]) => status !== 401)).toEqual([]);
    expect(echo.requests).toHaveLength(before);
    await lives();
  });

  test('a forged token is 401 even if a token is optional', async () => {
    const statuses = await Promise.all(
      forged.map(async ([what, token]) => [what, await statusOf('/optional', token)] as const),
    );
    expect(statuses.filter(([, status]) => status !== 401)).toEqual([]);
    const nobody = await gateway.ask('/optional');
    expect(nobody.status).toBe(200);
    expect(nobody.body.toLowerCase()).not.toContain('x-user-id');
    await good('/optional');
  });

  test('a forged token as a WebSocket subprotocol opens no connection', async () => {
    const before = echo.requests.length;
    const tokens = forged.map(([, token]) => token).filter((token) => /^[\w.-]+$/.test(token));
    expect(tokens.length).toBeGreaterThan(40);
    for (const token of tokens) {
      const outcome = await new Promise((resolve) => {
        const socket = new WebSocket(`ws://127.0.0.1:${gateway.port}/api/socket`, ['bearer', token]);
        socket.on('open', () => resolve('open'));
        socket.on('unexpected-response', (_request, { statusCode }) => (resolve(statusCode), socket.terminate()));
        socket.on('error', (error) => resolve(error.message));
      });
      expect(outcome).toBe(401);
    }
    expect(echo.requests).toHaveLength(before);
    await lives();
  });

  test('no key was fetched from a URL in a token, and nothing forged is in the log', async () => {
    await lives();
    expect(elsewhere.asked).toEqual([]);
    for (const [, token] of forged.filter(([, each]) => each.length > 40))
      expect(gateway.output()).not.toContain(token);
    expect(gateway.output()).not.toMatch(/unhandled|uncaught|at .*\.js:\d+/i);
  });
});
