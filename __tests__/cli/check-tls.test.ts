/**
 * `loom-auth check` on TLS files: the verdict of `serve`, at the place of the option.
 *
 * @needs openssl
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { PassThrough } from 'node:stream';
import { checkFile } from '../../src/cli/check.js';
import type { Diagnostic } from '../../src/config/diagnostics.js';
import { serve } from '../../src/serve/serve.js';
import { makeCertificates, type Certificates } from '../support/certificates.js';
import { freePorts } from '../support/ports.js';
import { quietLog } from '../support/quiet-log.js';

let files: Certificates;
let port = 0;
beforeAll(async () => {
  files = await makeCertificates();
  [port = 0] = await freePorts(1);
});
afterAll(() => files.remove());

interface Tls {
  readonly cert?: string;
  readonly key?: string;
  /** Further lines of the block. */
  readonly more?: readonly string[];
}

const write = (name: string, text: string): string => {
  const path = files.office.path(name);
  writeFileSync(path, text);
  return path;
};

const fileOf = ({ cert = files.server.cert, key = files.server.key, more = [] }: Tls): string => `listeners:
  - name: secure
    address: "127.0.0.1:${port}"
    tls:
      cert_file: ${cert}
      key_file: ${key}
${more.map((line) => `      ${line}\n`).join('')}middleware: {auth: {api_key: {keys: [{key: sk_of_the_tls_check, name: alice}]}}}
routes: [{id: a, path: /a, upstream: b, auth: {api_key: true}}]
upstreams: [{name: b, endpoints: ["127.0.0.1:9"]}]
`;

function check(text: string, options: Parameters<typeof checkFile>[1] = {}) {
  const stdout = new PassThrough();
  const path = write('loom.yaml', text);
  const code = checkFile(path, { json: true, ...options }, { stdout, stderr: new PassThrough(), env: {} } as never);
  const { ok, diagnostics, access } = JSON.parse(String(stdout.read())) as {
    ok: boolean;
    diagnostics: Diagnostic[];
    access: object | null;
  };
  return { code, ok, access, tls: diagnostics.filter(({ code: rule }) => rule === 'tls_file') };
}

/** What `serve` does with the file: it refuses to start, or starts and warns. */
async function served(text: string): Promise<{ readonly starts: boolean; readonly warnings: readonly unknown[] }> {
  const log = quietLog();
  try {
    const gateway = await serve({ text, file: files.office.path('loom.yaml') }, { log });
    await gateway.stop({ timeout: 0 });
  } catch {
    return { starts: false, warnings: [] };
  }
  return { starts: true, warnings: log.entries.filter(({ facts }) => facts['code'] === 'tls_file') };
}

const CA = 'client_auth: require';

test.each<[string, () => Tls, number, string, RegExp]>([
  ['a missing certificate', () => ({ cert: 'absent.pem' }), 5, 'cert_file', /there is no such file/],
  ['a missing key', () => ({ key: 'absent.pem' }), 6, 'key_file', /there is no such file/],
  ['a folder as certificate', () => ({ cert: '.' }), 5, 'cert_file', /directory/],
  ['an empty key', () => ({ key: write('empty.pem', '') }), 6, 'key_file', /no PEM block/],
  ['a key as certificate', () => ({ cert: files.server.key }), 5, 'cert_file', /no PEM block "CERTIFICATE"/],
  ['a certificate as key', () => ({ key: files.server.cert }), 6, 'key_file', /no PEM block "PRIVATE KEY"/],
  ['a key of another certificate', () => ({ key: files.client.key }), 6, 'key_file', /the key of another certificate/],
  [
    'a certificate in a damaged block',
    () => ({ cert: write('bad.pem', '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n') }),
    5,
    'cert_file',
    /cannot be parsed/,
  ],
  [
    'a key in a damaged block',
    () => ({ key: write('bad-key.pem', '-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----\n') }),
    6,
    'key_file',
    /cannot be parsed/,
  ],
  [
    'an encrypted key',
    () => ({
      key: write('locked.pem', '-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIIB\n-----END ENCRYPTED PRIVATE KEY-----\n'),
    }),
    6,
    'key_file',
    /without a passphrase/,
  ],
  [
    'a chain in the wrong order',
    () => ({
      cert: write('turned.pem', `${readFileSync(files.ca, 'utf8')}\n${readFileSync(files.server.cert, 'utf8')}`),
    }),
    5,
    'cert_file',
    /must begin with the certificate of the key/,
  ],
  ['a missing ca_file', () => ({ more: [CA, 'ca_file: absent.pem'] }), 8, 'ca_file', /there is no such file/],
  [
    'a missing crl_file',
    () => ({ more: [CA, `ca_file: ${files.ca}`, 'crl_file: absent.pem'] }),
    9,
    'crl_file',
    /there is no such file/,
  ],
])('%s is an error, and serve does not start', async (_what, tls, line, option, message) => {
  const text = fileOf(tls());
  const { code, ok, tls: found } = check(text);
  expect({ code, ok, found }).toMatchObject({
    code: 1,
    ok: false,
    found: [
      { level: 'error', line, path: `listeners[0].tls.${option}`, message: expect.stringMatching(message) as string },
    ],
  });
  expect(await served(text)).toEqual({ starts: false, warnings: [] });
});

test.each<[string, () => Tls, RegExp]>([
  ['an expired certificate', () => files.expired, /expired/],
  ['a certificate that is not yet valid', () => files.notYetValid, /not valid before/],
])('%s is a warning in check and in serve, and fails --strict', async (_what, tls, message) => {
  const text = fileOf(tls());
  const warning = { level: 'warning', line: 5, path: 'listeners[0].tls.cert_file' };
  expect(check(text)).toMatchObject({
    code: 0,
    ok: true,
    tls: [{ ...warning, message: expect.stringMatching(message) as string }],
  });
  expect(check(text, { strict: true })).toMatchObject({ code: 1, ok: false });
  expect(await served(text)).toMatchObject({ starts: true, warnings: [{ facts: { line: 5 } }] });
  await expect(serve({ text, file: 'loom.yaml' }, { log: quietLog(), strict: true })).rejects.toThrow(message);
});

test('every TLS file with a fault is named at once, and the table is printed', () => {
  const text = fileOf({ cert: 'absent.pem', key: 'absent-key.pem', more: [CA, 'ca_file: absent-ca.pem'] });
  const { tls, access } = check(text);
  expect(tls.map(({ path }) => path)).toEqual(
    ['cert_file', 'key_file', 'ca_file'].map((each) => `listeners[0].tls.${each}`),
  );
  expect(access).not.toBeNull();
});

test('twin: files that serve nothing but the application of a host are warnings', () => {
  expect(check(fileOf({ cert: 'absent.pem' }), { strategy: ['badge'] })).toMatchObject({
    code: 0,
    tls: [{ level: 'warning' }],
  });
});

test('twin: files that fit have no finding', async () => {
  const text = fileOf({ more: [CA, `client_ca_file: ${files.ca}`] });
  expect(check(text)).toMatchObject({ code: 0, tls: [] });
  expect(await served(text)).toEqual({ starts: true, warnings: [] });
});

test('an upstream whose key belongs to another certificate is an error at its place', () => {
  const tls = `tls: {cert_file: ${files.client.cert}, key_file: ${files.server.key}}`;
  const text = fileOf({}).replace('endpoints: ["127.0.0.1:9"]', `endpoints: ["127.0.0.1:9"], ${tls}`);
  expect(check(text).code).toBe(1);
  const expired = `tls: {cert_file: ${files.expired.cert}, key_file: ${files.expired.key}}`;
  expect(check(text.replace(tls, expired)).code).toBe(0);
  expect(check(text.replace(tls, expired), { strict: true }).code).toBe(1);
});
