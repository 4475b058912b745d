/**
 * Revoked certificates, and revocation lists that are stale, missing, or another authority's: every case is refused.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { serve } from '../../../src/serve/serve.js';
import { TlsFileError } from '../../../src/serve/gatekeeper.js';
import { ask } from '../../support/ask.js';
import { makeCertificates, type Certificates, type Pair } from '../../support/certificates.js';
import { freePorts } from '../../support/ports.js';
import { quietLog } from '../../support/quiet-log.js';
import { echoUpstream, type Echo } from '../../support/recording-upstream.js';
import { holding } from '../../support/tls-ground.js';

let made: Certificates;
let echo: Echo;
beforeAll(async () => {
  [made, echo] = await Promise.all([makeCertificates(), echoUpstream()]);
});
afterAll(async () => {
  await echo.close();
  await made.remove();
});

const opened: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of opened.splice(0)) await close();
});

type Mode = 'request' | 'require';

async function gateway(mode: Mode, crl: string, ca = made.ca): Promise<number> {
  const [port = 0] = await freePorts(1);
  const { cert, key } = made.server;
  const text = `
listeners: [{ name: t, address: "127.0.0.1:${port}", protocol: https,
  tls: { cert_file: ${cert}, key_file: ${key}, client_auth: ${mode}, ca_file: ${ca}, crl_file: ${crl} } }]
routes: [{ path: /*, upstream: far, auth: { mtls: true } }]
upstreams: [{ name: far, endpoints: ["127.0.0.1:${echo.port}"] }]`;
  const running = await serve({ text, file: 'loom.yaml' }, { log: quietLog() });
  opened.push(() => running.stop({ timeout: 0 }));
  return port;
}

const status = (port: number, pair: Pair): Promise<number | 'refused'> =>
  ask({ port, tls: { ca: readFileSync(made.ca), ...holding(pair) } }).then(
    (answer) => answer.status,
    () => 'refused' as const,
  );

const authority = (): Pair => ({ cert: made.ca, key: made.caKey });
const CLOSED = { request: 401, require: 'refused' } as const;
const MODES = ['request', 'require'] as const;

describe('TLS-17 a list of revoked certificates', () => {
  test.each(MODES)('a revoked certificate is refused (%s)', async (mode) => {
    const port = await gateway(mode, made.crl);
    const before = echo.requests.length;
    expect(await status(port, made.revoked)).toBe(CLOSED[mode]);
    expect(echo.requests).toHaveLength(before);
    expect(await status(port, made.client)).toBe(200);
  });

  test.each(MODES)('every list of the file counts, not only the first (%s)', async (mode) => {
    const dates = ['20240101000000Z', '20480101000000Z'] as const;
    const first = await made.office.revoke(authority(), [], { name: 'first', dates });
    const port = await gateway(mode, write('lists.pem', readFileSync(first, 'utf8') + readFileSync(made.crl, 'utf8')));
    expect(await status(port, made.revoked)).toBe(CLOSED[mode]);
    expect(await status(port, made.client)).toBe(200);
  });

  test.each(MODES)('an expired list refuses every certificate (%s)', async (mode) => {
    const dates = ['20240101000000Z', '20240201000000Z'] as const;
    const port = await gateway(mode, await made.office.revoke(authority(), [made.revoked], { name: 'stale', dates }));
    for (const pair of [made.client, made.revoked]) expect(await status(port, pair)).toBe(CLOSED[mode]);
  });

  test.each(MODES)('a list that is not valid yet does too (%s)', async (mode) => {
    const dates = ['20480101000000Z', '20480201000000Z'] as const;
    const port = await gateway(mode, await made.office.revoke(authority(), [], { name: 'early', dates }));
    expect(await status(port, made.client)).toBe(CLOSED[mode]);
  });

  test.each(MODES)('and so does one of an authority of the same name, signed by another key (%s)', async (mode) => {
    const other = { cert: made.otherCa, key: made.office.path('other-ca-key.pem') };
    const port = await gateway(mode, await made.office.revoke(other, [], { name: 'foreign' }));
    expect(await status(port, made.client)).toBe(CLOSED[mode]);
  });

  test.each(MODES)(
    'a chain is checked completely: an intermediate without its own list is refused (%s)',
    async (mode) => {
      const port = await gateway(mode, made.crl);
      expect(await status(port, made.viaIntermediate)).toBe(CLOSED[mode]);
      const own = { cert: made.intermediateCa, key: made.office.path('intermediate-key.pem') };
      const below = await made.office.revoke(own, [], { name: 'below-crl' });
      const both = made.office.path('both.pem');
      writeFileSync(both, readFileSync(made.crl, 'utf8') + readFileSync(below, 'utf8'));
      expect(await status(await gateway(mode, both), made.viaIntermediate)).toBe(200);
    },
  );

  test.each([
    ['missing', () => made.office.path('nowhere.pem')],
    ['a folder', () => made.dir],
    ['empty', () => write('empty-crl.pem', '')],
    ['words', () => write('words-crl.pem', 'nobody is revoked')],
    ['a certificate', () => made.ca],
    ['a key', () => made.caKey],
    ['broken', () => write('broken-crl.pem', '-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n')],
    [
      'good, followed by another that is cut short',
      () => {
        const text = readFileSync(made.crl, 'utf8');
        return write('half-crl.pem', text + text.slice(0, 200));
      },
    ],
    ['cut short', () => write('cut-crl.pem', readFileSync(made.crl, 'utf8').slice(0, 200))],
  ])('a file that is %s prevents the start of the gateway', async (_what, make) => {
    for (const mode of MODES) await expect(gateway(mode, make())).rejects.toThrow(TlsFileError);
  });

  test('twin: with a list of other certificates the certificate passes', async () => {
    for (const mode of MODES) expect(await status(await gateway(mode, made.crl), made.client)).toBe(200);
  });
});

const write = (name: string, content: string): string => {
  writeFileSync(made.office.path(name), content);
  return made.office.path(name);
};
