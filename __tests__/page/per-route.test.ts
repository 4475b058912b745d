/** The page's per-route example, as a gateway: an open route, one for keys, one for tokens, one for certificates. */
import { readFileSync } from 'node:fs';
import { stringify } from 'yaml';
import { makeCertificates, type Certificates } from '../support/certificates.js';
import { closeOpened, gateway, onPorts, pageText, type AtWork } from '../support/page-gate.js';
import { seen, type Answer } from '../support/ask.js';
import { echoUpstream, type Echo, type Echoed } from '../support/recording-upstream.js';
import { bearer, tokenIssuer, type TokenIssuer } from '../support/token-issuer.js';

let certificates: Certificates;
let echo: Echo;
let issuer: TokenIssuer;
beforeAll(async () => {
  [certificates, echo, issuer] = await Promise.all([makeCertificates(), echoUpstream(), tokenIssuer()]);
});
afterAll(async () => {
  await closeOpened();
  await echo.close();
  await issuer.close();
  await certificates.remove();
});

const read = (path: string): string => readFileSync(path, 'utf8');

/** The example uses the page's keys, issuer and listener. It leaves `backend` to the reader. */
async function start(mode: string): Promise<AtWork> {
  const text = await onPorts(
    pageText(10, [
      ['https://auth.example.com', issuer.origin],
      ['/etc/loom/tls/server.pem', certificates.server.cert],
      ['/etc/loom/tls/server-key.pem', certificates.server.key],
      ['/etc/loom/tls/client-ca.pem', certificates.ca],
      ['client_auth: require', `client_auth: ${mode}`],
    ]),
  );
  return gateway(text + stringify({ upstreams: [{ name: 'backend', endpoints: [`127.0.0.1:${echo.port}`] }] }));
}

describe.each(['require', 'request'])('with client_auth: %s', (mode) => {
  let page: AtWork;
  beforeAll(async () => {
    page = await start(mode);
  });

  const send = (path: string, headers = {}, certificate = mode === 'require'): Promise<Answer> => {
    const { cert, key } = certificates.client;
    const client = certificate ? { cert: read(cert), key: read(key) } : {};
    return page.ask(path, { headers, tls: { ca: read(certificates.ca), ...client } });
  };

  test('public requires no credential', async () => {
    expect((await send('/public/x')).status).toBe(200);
    expect((await send('/public')).status).toBe(200);
  });

  test('external-api accepts only a key', async () => {
    const { headers } = bearer(await issuer.token());
    expect((await send('/api/v1/users', { 'X-API-Key': 'sk_live_abc123' })).status).toBe(200);
    expect((await send('/api/v1/users', headers)).status).toBe(401);
    const refused = await send('/api/v1/users');
    expect(refused.status).toBe(401);
    expect(refused.headers['www-authenticate']).toMatch(/^ApiKey realm="[^"]*"$/);
  });

  test('internal-api accepts only a token', async () => {
    const { headers } = bearer(await issuer.token({ email: 'ada@example.com' }));
    const passed = await send('/internal/users', headers);
    expect(passed.status).toBe(200);
    expect(seen<Echoed>(passed).headers).toMatchObject({ 'x-user-id': 'ada', 'x-user-email': 'ada@example.com' });
    expect((await send('/internal/users', { 'X-API-Key': 'sk_live_abc123' })).status).toBe(401);
    expect((await send('/internal/users')).status).toBe(401);
  });

  test('service-api accepts only a certificate', async () => {
    expect((await send('/service/x', {}, true)).status).toBe(200);
    if (mode === 'require') {
      await expect(send('/service/x', {}, false)).rejects.toThrow();
      return;
    }
    const all = { ...bearer(await issuer.token()).headers, 'X-API-Key': 'sk_live_abc123' };
    expect((await send('/service/x', all, false)).status).toBe(401);
  });

  test('a path that the example does not list is 404', async () => {
    for (const path of ['/', '/api/v2/users', '/api/v1x', '/publicity', '/internals'])
      expect((await send(path, { 'X-API-Key': 'sk_live_abc123' })).status).toBe(404);
  });
});
