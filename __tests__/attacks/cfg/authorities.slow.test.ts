/** Two listeners with client certificates for the same routes: a name must not mean another holder at each of them. */
import { readFileSync } from 'node:fs';
import type { ConfigError } from '../../../src/config/diagnostics.js';
import { compileFile } from '../../../src/config/index.js';
import { serve } from '../../../src/serve/serve.js';
import { ask } from '../../support/ask.js';
import { makeCertificates, type Pair } from '../../support/certificates.js';
import { freePorts } from '../../support/ports.js';
import { quietLog } from '../../support/quiet-log.js';
import { echoUpstream } from '../../support/recording-upstream.js';
import { holding } from '../../support/tls-ground.js';

const listener = (name: string, port: number, tls: string): string =>
  `{ name: ${name}, address: ":${port}", protocol: https, tls: { cert_file: s.pem, key_file: k.pem, ${tls} } }`;
const PARTNERS = listener('partners', 8443, 'client_auth: require, ca_file: partners.pem');
const OPS = listener('ops', 8444, 'client_auth: require, ca_file: ops.pem');
const NARROWED = '{ mtls: { subjects: ["CN=admin,O=Ops"] } }';

interface File {
  readonly listeners: readonly string[];
  readonly auth?: string;
  readonly block?: string;
}

function compile({ listeners, auth = NARROWED, block }: File, mode: 'serve' | 'middleware' = 'serve') {
  const methods = `api_key: { keys: [{ key: k-0123456789abcdef, name: a }] }${block ? `, mtls: ${block}` : ''}`;
  const text = `
listeners: [${listeners.join(', ')}]
middleware: { auth: { ${methods} } }
routes:
  - { id: admin, path: /admin/*, upstream: far, auth: ${auth} }
  - { id: api, path: /api/*, upstream: far, auth: { api_key: true } }
upstreams: [{ name: far, endpoints: ["127.0.0.1:1"] }]`;
  return compileFile({ text, file: 'loom.yaml' }, { mode });
}

const codes = (file: File): string[] => {
  try {
    return compile(file).warnings.map(({ code }) => code);
  } catch (error) {
    return (error as ConfigError).diagnostics.filter(({ level }) => level === 'error').map(({ code }) => code);
  }
};

describe('two authorities', () => {
  test.each(['{ mtls: true }', NARROWED, '{ methods: [api_key, mtls] }', '{ mtls: true, require: false }'])(
    'behind a route with %s are an error, and it says what to write',
    (auth) => {
      expect(codes({ listeners: [PARTNERS, OPS], auth })).toEqual(['two_authorities']);
      expect(() => compile({ listeners: [PARTNERS, OPS], auth })).toThrow(/listeners\[1\].*mtls\.ca_file/s);
    },
  );

  test('are an error as middleware, too, if the required one is not named', () => {
    expect(() => compile({ listeners: [PARTNERS, OPS] }, 'middleware')).toThrow(
      /say in middleware\.auth\.mtls\.ca_file/,
    );
  });

  test('are no error if no route has mtls, and one authority at two listeners is one', () => {
    const again = listener('again', 8445, 'client_auth: request, client_ca_file: ./partners.pem');
    expect(codes({ listeners: [PARTNERS, OPS], auth: '{ api_key: true }' })).not.toContain('two_authorities');
    expect(codes({ listeners: [PARTNERS, again] })).toEqual([]);
    expect(codes({ listeners: [PARTNERS, listener('plain', 8446, 'client_auth: none')] })).toEqual([]);
  });

  test.each([
    ['{ subject: X-Client }', '{ subject: x-client }', true],
    ['{ subject: X-Client }', '{ serial: X-Client }', true],
    ['{ subject: X-Client }', '{ subject: X-Other }', false],
    ['{ subject: X-Client, issuer: X-Issuer }', '{ subject: X-Client, issuer: X-Issuer }', false],
    ['{ fingerprint: X-Client }', '{ fingerprint: X-Client }', false],
  ])('that feed %s and %s: a warning %s', (one, other, warned) => {
    const listeners = [
      listener('one', 8443, `client_auth: require, ca_file: partners.pem, client_cert_headers: ${one}`),
      listener('other', 8444, `client_auth: require, ca_file: ops.pem, client_cert_headers: ${other}`),
    ];
    expect(codes({ listeners, auth: '{ api_key: true }' }).includes('two_authorities')).toBe(warned);
  });

  test('a list of revoked certificates at one of two listeners is an error', () => {
    const listed = listener('listed', 8445, 'client_auth: require, ca_file: partners.pem, crl_file: revoked.pem');
    expect(codes({ listeners: [PARTNERS, listed] })).toEqual(['two_authorities']);
    expect(codes({ listeners: [listed, listed.replaceAll('listed', 'too').replace('8445', '8446')] })).toEqual([]);
    expect(codes({ listeners: [PARTNERS, listed], auth: '{ api_key: true }' })).not.toContain('two_authorities');
  });
});

test('with the required authority named, the other admits to its own listener and to no route with mtls', async () => {
  const made = await makeCertificates();
  const upstream = await echoUpstream();
  const [one = 0, other = 0] = await freePorts(2);
  const server = `cert_file: ${made.server.cert}, key_file: ${made.server.key}, client_auth: require`;
  const text = `
listeners:
  - { name: one, address: "127.0.0.1:${one}", protocol: https, tls: { ${server}, ca_file: ${made.ca} } }
  - { name: other, address: "127.0.0.1:${other}", protocol: https, tls: { ${server}, ca_file: ${made.otherCa} } }
middleware: { auth: { mtls: { ca_file: ${made.ca} } } }
routes:
  - { id: service, path: /service/*, upstream: near, auth: { mtls: true } }
  - { id: open, path: /open/*, upstream: near, auth: none }
upstreams: [{ name: near, endpoints: ["127.0.0.1:${upstream.port}"] }]`;
  const gateway = await serve({ text, file: 'loom.yaml' }, { log: quietLog() });
  const status = async (port: number, path: string, pair: Pair): Promise<number | undefined> =>
    (await ask({ port, path, tls: { ca: readFileSync(made.ca), ...holding(pair) } }).catch(() => undefined))?.status;
  expect(await status(other, '/open/x', made.wrongCa)).toBe(200);
  expect(await status(other, '/service/x', made.wrongCa)).toBe(401);
  expect(await status(one, '/open/x', made.wrongCa)).toBe(undefined);
  expect(await status(one, '/service/x', made.client)).toBe(200);
  await gateway.stop({ timeout: 0 });
  await upstream.close();
  await made.remove();
});
