/** The page's complete example, run unchanged: TLS, tokens or keys, an open route and an upstream. */
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { makeCertificates, type Certificates } from '../support/certificates.js';
import { closeOpened, gateway, onPorts, pageText, type AtWork } from '../support/page-gate.js';
import { seen, type Answer } from '../support/ask.js';
import { echoUpstream, type Echo, type Echoed } from '../support/recording-upstream.js';
import { bearer, tokenIssuer, type TokenIssuer } from '../support/token-issuer.js';

const KEY = { 'X-API-Key': 'sk_live_production_key' };
let certificates: Certificates;
let echo: Echo;
let issuer: TokenIssuer;
let page: AtWork;
beforeAll(async () => {
  [certificates, echo, issuer] = await Promise.all([makeCertificates(), echoUpstream(), tokenIssuer()]);
  page = await gateway(
    await onPorts(
      pageText(13, [
        ['https://auth.example.com', issuer.origin],
        ['/etc/loom/tls/server.pem', certificates.server.cert],
        ['/etc/loom/tls/server-key.pem', certificates.server.key],
        ['api.internal:8080', `127.0.0.1:${echo.port}`],
      ]),
    ),
  );
});
afterAll(async () => {
  await closeOpened();
  await echo.close();
  await issuer.close();
  await certificates.remove();
});

const send = (path: string, headers = {}): Promise<Answer> =>
  page.ask(path, { headers, tls: { ca: readFileSync(certificates.ca, 'utf8') } });

test('the public route is open and sets no identity', async () => {
  const answer = await send('/public/x?y=1', { 'X-User-ID': 'root', 'X-User-Scopes': 'admin' });
  expect(answer.status).toBe(200);
  const { headers, url } = seen<Echoed>(answer);
  expect(url).toBe('/public/x?y=1');
  expect(headers).toMatchObject({ 'x-forwarded-proto': 'https' });
  expect(headers['x-user-id']).toBeUndefined();
  expect(headers['x-user-scopes']).toBeUndefined();
});

test('a token passes, and the upstream gets its sub and scope', async () => {
  const token = await issuer.token({ scope: 'read write' });
  const answer = await send('/api/orders', { ...bearer(token).headers, 'X-User-ID': 'root' });
  expect(answer.status).toBe(200);
  expect(seen<Echoed>(answer).headers).toMatchObject({ 'x-user-id': 'ada', 'x-user-scopes': 'read write' });
  expect(answer.body).not.toContain('root');
});

test('the key passes, with its limit and without a user name', async () => {
  const answer = await send('/api/orders', { ...KEY, 'X-User-ID': 'root' });
  expect(answer.status).toBe(200);
  expect(answer.headers['x-ratelimit-limit']).toBe('10000');
  expect(seen<Echoed>(answer).headers['x-user-id']).toBeUndefined();
  expect(answer.body).not.toContain('sk_live_production_key');
});

test('without a credential it is 401, and the upstream gets no request', async () => {
  const before = echo.requests.length;
  const nothing = await send('/api/orders');
  expect(nothing.status).toBe(401);
  expect(nothing.headers['www-authenticate']).toMatch(/Bearer.*ApiKey realm=/);
  expect((await send('/api', { 'X-API-Key': 'sk_live_production_keY' })).status).toBe(401);
  expect(
    (await send('/api/orders', bearer(await issuer.token({ iss: 'https://auth.example.com' })).headers)).status,
  ).toBe(401);
  expect(echo.requests).toHaveLength(before);
  expect((await send('/api', KEY)).status).toBe(200);
});

test('a path without a route is 404', async () => {
  expect((await send('/', KEY)).status).toBe(404);
  expect((await send('/apis', KEY)).status).toBe(404);
});

test('the listener accepts only TLS', async () => {
  const plain = await new Promise<string>((resolve) => {
    const socket = connect(page.port, '127.0.0.1', () => socket.write('GET /public/x HTTP/1.1\r\nHost: x\r\n\r\n'));
    let text = '';
    socket.on('data', (chunk) => (text += chunk.toString('latin1')));
    socket.on('error', () => undefined);
    socket.on('close', () => resolve(text));
  });
  expect(plain).not.toMatch(/^HTTP\/1\.1 2/);
  expect((await send('/public/x')).status).toBe(200);
});
