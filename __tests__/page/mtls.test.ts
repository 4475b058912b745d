/** The page's client certificates: its listener, its table of modes, its certificate headers. */
import { readFileSync } from 'node:fs';
import { parse, stringify } from 'yaml';
import { makeCertificates, type Certificates, type Pair } from '../support/certificates.js';
import { closeOpened, gateway, onPorts, pageText, type AtWork } from '../support/page-gate.js';
import { seen, type Answer } from '../support/ask.js';
import { echoUpstream, type Echo, type Echoed } from '../support/recording-upstream.js';

let certificates: Certificates;
let echo: Echo;
beforeAll(async () => {
  certificates = await makeCertificates();
  echo = await echoUpstream();
});
afterAll(async () => {
  await echo.close();
  await certificates.remove();
});
afterEach(closeOpened);

const OPEN = { id: 'open', path: '/open', upstream: 'backend', auth: 'none' };
const CLOSED = { id: 'closed', path: '/closed', upstream: 'backend', auth: { mtls: true } };

/** A block of the page with the files of this test, and the parts of the file that the page omits. */
async function start(block: number, mode = 'require', routes: readonly object[] = [OPEN, CLOSED]): Promise<AtWork> {
  const text = await onPorts(
    pageText(block, [
      ['/etc/loom/tls/server.pem', certificates.server.cert],
      ['/etc/loom/tls/server-key.pem', certificates.server.key],
      ['/etc/loom/tls/client-ca.pem', certificates.ca],
      ['client_auth: require', `client_auth: ${mode}`],
    ]),
  );
  const upstreams = [{ name: 'backend', endpoints: [`127.0.0.1:${echo.port}`] }];
  return gateway(stringify({ ...(parse(text) as object), routes, upstreams }));
}

const read = (path: string): string => readFileSync(path, 'utf8');
const own = (pair?: Pair) => (pair ? { cert: read(pair.cert), key: read(pair.key) } : {});

/** The response, or `undefined` if the handshake fails. */
const asked = async (page: AtWork, path: string, pair?: Pair, headers = {}): Promise<Answer | undefined> =>
  page.ask(path, { headers, tls: { ca: read(certificates.ca), ...own(pair) } }).catch(() => undefined);

const statuses = async (page: AtWork, pair?: Pair): Promise<(number | undefined)[]> => [
  (await asked(page, '/open', pair))?.status,
  (await asked(page, '/closed', pair))?.status,
];

describe('the table of modes', () => {
  test('none: no certificate is requested, and a certificate is not an identity', async () => {
    const page = await start(8, 'none', [OPEN]);
    expect((await asked(page, '/open'))?.status).toBe(200);
    expect((await asked(page, '/open', certificates.client))?.status).toBe(200);
    await expect(start(8, 'none')).rejects.toThrow(/mtls/);
  });

  test('request: no certificate is required, and only a verified one is an identity', async () => {
    const page = await start(8, 'request');
    expect(await statuses(page)).toEqual([200, 401]);
    expect(await statuses(page, certificates.client)).toEqual([200, 200]);
    for (const bad of [certificates.wrongCa, certificates.selfSigned, certificates.expired])
      expect(await statuses(page, bad)).toEqual([200, 401]);
    expect((await asked(page, '/closed'))?.headers['www-authenticate']).toMatch(/^ClientCertificate realm="/);
  });

  test.each(['require', 'verify'])('%s: the handshake fails without a certificate of the CA', async (mode) => {
    const page = await start(8, mode);
    expect(await statuses(page, certificates.client)).toEqual([200, 200]);
    expect(await statuses(page)).toEqual([undefined, undefined]);
    for (const bad of [certificates.wrongCa, certificates.selfSigned, certificates.expired, certificates.wrongUsage])
      expect(await statuses(page, bad)).toEqual([undefined, undefined]);
    expect(await statuses(page, certificates.client)).toEqual([200, 200]);
  });
});

describe('the certificate headers', () => {
  const openssl = async (...args: string[]): Promise<string> => {
    const text = await certificates.office.openssl('x509', '-noout', '-in', certificates.client.cert, ...args);
    return text.slice(text.indexOf('=') + 1).trim();
  };

  test('match what openssl prints for the certificate', async () => {
    const page = await start(9);
    for (const path of ['/open', '/closed']) {
      const answer = await asked(page, path, certificates.client);
      expect(answer?.status).toBe(200);
      expect(seen<Echoed>(answer as Answer).headers).toMatchObject({
        'x-client-subject': await openssl('-subject', '-nameopt', 'RFC2253'),
        'x-client-issuer': await openssl('-issuer', '-nameopt', 'RFC2253'),
        'x-client-serial': await openssl('-serial'),
        'x-client-fingerprint': (await openssl('-fingerprint', '-sha256')).replaceAll(':', '').toLowerCase(),
      });
    }
  });

  test('a client cannot set them, with or without a certificate', async () => {
    const page = await start(9, 'request');
    const forged = { 'X-Client-Subject': 'CN=root', x_client_issuer: 'CN=root', 'x-client-serial': '00' };
    const anonymous = await asked(page, '/open', undefined, forged);
    expect(anonymous?.status).toBe(200);
    expect(anonymous?.body).not.toContain('CN=root');
    expect(anonymous?.body.toLowerCase()).not.toContain('x-client-');
    const known = await asked(page, '/open', certificates.client, forged);
    expect(known?.body).not.toContain('CN=root');
    expect(seen<Echoed>(known as Answer).headers['x-client-subject']).toContain('CN=svc-a');
    const unverified = await asked(page, '/open', certificates.wrongCa, forged);
    expect(unverified?.status).toBe(200);
    expect(unverified?.body.toLowerCase()).not.toContain('x-client-');
  });
});

describe('the page’s reasons for a rejected certificate', () => {
  test('the chain: a certificate below an intermediate passes only together with the intermediate', async () => {
    const page = await start(8);
    const whole = certificates.viaIntermediate;
    expect(await statuses(page, whole)).toEqual([200, 200]);
    const leaf = /-----BEGIN[^]+?-----END CERTIFICATE-----\n/.exec(read(whole.cert))?.[0] ?? '';
    const tls = { ca: read(certificates.ca), cert: leaf, key: read(whole.key) };
    await expect(page.ask('/open', { tls })).rejects.toThrow();
  });

  test('dates: a certificate that is not valid yet is refused like an expired one', async () => {
    const page = await start(8);
    expect(await statuses(page, certificates.notYetValid)).toEqual([undefined, undefined]);
    expect(await statuses(page, certificates.client)).toEqual([200, 200]);
  });
});
