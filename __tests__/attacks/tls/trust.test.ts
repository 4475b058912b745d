/** Untrusted client certificates, and files of authorities without a usable authority. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:net';
import { ConfigError } from '../../../src/config/diagnostics.js';
import { serve } from '../../../src/serve/serve.js';
import { TlsFileError } from '../../../src/serve/gatekeeper.js';
import { closeGrounds } from '../../support/attack-ground.js';
import { CLIENT, type Pair } from '../../support/certificates.js';
import { freePorts } from '../../support/ports.js';
import { quietLog } from '../../support/quiet-log.js';
import { openTlsGround, type TlsGround } from '../../support/tls-ground.js';

let tls: TlsGround;
const odd: Record<string, Pair> = {};
const folder = mkdtempSync(join(tmpdir(), 'loom-trust-'));
beforeAll(async () => {
  tls = await openTlsGround({ tls: ({ crl }) => `crl_file: ${crl}` });
  const { made } = tls;
  const issuer = { cert: made.ca, key: made.caKey };
  const order = { subject: '/O=Example/CN=svc-a', extensions: [...CLIENT, 'subjectAltName=DNS:svc-a'], issuer };
  const authority = ['basicConstraints=critical,CA:TRUE', 'extendedKeyUsage=clientAuth'];
  const critical = [...order.extensions, '1.3.6.1.4.1.99999.7=critical,DER:0500'];
  const below = { cert: made.client.cert, key: made.client.key };
  [odd['sha1'], odd['rsa1024'], odd['authority'], odd['critical'], odd['below a leaf'], odd['rsa2048']] =
    await Promise.all([
      made.office.issue('sha1', { ...order, digest: 'sha1' }),
      made.office.issue('rsa1024', { ...order, key: 'rsa1024' }),
      made.office.issue('authority', { ...order, extensions: authority }),
      made.office.issue('critical', { ...order, extensions: critical }),
      made.office.issue('below-leaf', { ...order, issuer: below }),
      made.office.issue('rsa2048', { ...order, key: 'rsa2048' }),
    ]);
});
afterAll(async () => {
  await closeGrounds();
  await tls.made.remove();
  rmSync(folder, { recursive: true });
});

const pairOf = (name: string): Pair => odd[name] ?? ((tls.made as unknown as Record<string, Pair>)[name] as Pair);

describe('TLS-03 a certificate that is present and not verified', () => {
  const BAD = [
    ...['selfSigned', 'expired', 'notYetValid', 'wrongUsage', 'wrongCa', 'revoked'],
    ...['sha1', 'rsa1024', 'authority', 'critical', 'below a leaf'],
  ];

  test.each(BAD)('%s: 401 if certificates are requested, no handshake if they are required', async (name) => {
    const pair = pairOf(name);
    const answer = await tls.ask(tls.asking, '/service/x', { pair });
    expect(answer.status).toBe(401);
    expect(answer.headers['www-authenticate']).toBe('ClientCertificate realm="loom"');
    // A leaf that is an authority chains well. OpenSSL accepts it, and no route accepts it as an identity.
    expect(await tls.status(tls.demanding, '/service/x', pair)).toBe(name === 'authority' ? 401 : 'refused');
    expect(tls.ground.arrived()).toEqual([]);
  });

  test.each(BAD)('%s sets no identity on an open route', async (name) => {
    const answer = await tls.ask(tls.asking, '/open/x', { pair: pairOf(name) });
    expect(answer.status).toBe(200);
    expect(tls.ground.arrived().flatMap(({ fields }) => fields.map(([field]) => field.toLowerCase()))).not.toEqual(
      expect.arrayContaining([expect.stringMatching(/^x-client-/)]),
    );
  });

  test.each(['client', 'clientWithoutNames', 'rsa2048'])('twin: %s passes on both', async (name) => {
    for (const port of [tls.asking, tls.demanding])
      expect(await tls.status(port, '/service/x', pairOf(name))).toBe(200);
    expect(tls.ground.arrived()).toHaveLength(2);
  });
});

const file = (name: string, content: string | Buffer): string => {
  writeFileSync(join(folder, name), content);
  return join(folder, name);
};

/** Starts a gateway whose TLS block ends like this. */
async function start(block: string): Promise<{ port: number; started: Promise<void> }> {
  const [port = 0] = await freePorts(1);
  const { cert, key } = tls.made.server;
  const text = `
listeners: [{ name: t, address: "127.0.0.1:${port}", protocol: https, tls: { cert_file: ${cert}, key_file: ${key}, ${block} } }]
routes: [{ path: /*, upstream: far, auth: { mtls: true } }]
upstreams: [{ name: far, endpoints: ["127.0.0.1:1"] }]`;
  const started = serve({ text, file: 'loom.yaml' }, { log: quietLog() }).then((running) =>
    running.stop({ timeout: 0 }),
  );
  started.catch(() => undefined);
  return { port, started };
}

const accepts = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });

describe('TLS-04 a ca_file without a usable authority', () => {
  const pem = async (pair: Pair): Promise<string> => tls.made.office.openssl('x509', '-in', pair.cert);
  const FILES: readonly (readonly [string, () => Promise<string> | string])[] = [
    ['that is missing', () => join(folder, 'nowhere.pem')],
    ['that is empty', () => file('empty.pem', '')],
    ['of white space', () => file('space.pem', '\n\n  \n')],
    ['that is a folder', () => folder],
    ['that contains a key', () => tls.made.caKey],
    [
      'in DER',
      async () => {
        const der = join(folder, 'ca.der');
        await tls.made.office.openssl('x509', '-in', tls.made.ca, '-outform', 'DER', '-out', der);
        return der;
      },
    ],
    ['of words', () => file('words.pem', 'these are my authorities')],
    ['whose PEM is cut short', async () => file('cut.pem', (await pem({ cert: tls.made.ca, key: '' })).slice(0, 300))],
    [
      'whose base64 is broken',
      () => file('broken.pem', '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n'),
    ],
    [
      'with one good authority and a broken one',
      async () =>
        file(
          'half.pem',
          `${await pem({ cert: tls.made.ca, key: '' })}-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n`,
        ),
    ],
    ['with only a leaf', () => tls.made.client.cert],
    ['with a CRL', () => tls.made.crl],
    [
      'with an authority that has expired',
      async () => {
        const expired = await tls.made.office.issue('old-ca', {
          subject: '/CN=Old CA',
          extensions: ['basicConstraints=critical,CA:TRUE'],
          issuer: { cert: tls.made.ca, key: tls.made.caKey },
          from: '20200101000000Z',
          until: '20210101000000Z',
        });
        return expired.cert;
      },
    ],
    [
      'in a TRUSTED CERTIFICATE block',
      async () =>
        file(
          'trusted.pem',
          (await pem({ cert: tls.made.ca, key: '' })).replaceAll('CERTIFICATE', 'TRUSTED CERTIFICATE'),
        ),
    ],
  ];

  test.each(FILES)(
    '%s prevents the start of the gateway, in every mode that requests certificates',
    async (_what, make) => {
      const path = await make();
      for (const mode of ['request', 'require', 'verify']) {
        const { port, started } = await start(`client_auth: ${mode}, ca_file: ${path}`);
        await expect(started).rejects.toThrow(TlsFileError);
        expect(await accepts(port)).toBe(false);
      }
    },
  );

  test.each(['request', 'require', 'verify'])('a missing one beside %s is an error of the file', async (mode) => {
    for (const block of [
      `client_auth: ${mode}`,
      `client_auth: ${mode}, ca_file: ""`,
      `client_auth: ${mode}, ca_file: null`,
    ])
      await expect((await start(block)).started).rejects.toThrow(ConfigError);
  });

  test('twin: an authority starts, alone, after text, with line ends of Windows, and beside another', async () => {
    const one = await pem({ cert: tls.made.ca, key: '' });
    const two = await pem({ cert: tls.made.otherCa, key: '' });
    for (const content of [one, `Example CA\n${one}`, one.replaceAll('\n', '\r\n'), one + two])
      await expect(
        (await start(`client_auth: require, ca_file: ${file('good.pem', content)}`)).started,
      ).resolves.toBeUndefined();
  });
});

describe('TLS-05 an unknown mode', () => {
  test.each([
    'Require',
    'REQUIRE',
    'required',
    'true',
    'false',
    '""',
    'null',
    '~',
    'optional',
    '[require]',
    '1',
    'verify_if_given',
    '"require "',
  ])('client_auth: %s is an error that lists them', async (mode) => {
    const { started } = await start(`client_auth: ${mode}, ca_file: ${tls.made.ca}`);
    const error = await started.then(
      () => undefined,
      (cause: unknown) => cause,
    );
    expect(error).toBeInstanceOf(ConfigError);
    const found = (error as ConfigError).diagnostics.find(({ path }) => path.endsWith('tls.client_auth'));
    for (const legal of ['none', 'request', 'require', 'verify']) expect(found?.message).toContain(`"${legal}"`);
  });

  test.each(['request', 'require', 'verify', '"require"'])('twin: %s starts', async (mode) => {
    await expect((await start(`client_auth: ${mode}, ca_file: ${tls.made.ca}`)).started).resolves.toBeUndefined();
  });
});
