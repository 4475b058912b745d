/** Files of key sets and authorities, the places that `check` prints, and tokens that no listener reads. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { accessTable } from '../../src/config/access.js';
import { signingKey } from '../tokens/signing.js';
import { compile, diagnose, fileOf } from './files.js';

const folder = mkdtempSync(join(tmpdir(), 'loom-token-options-'));
afterAll(() => rmSync(folder, { recursive: true }));
const written = (name: string, text: string): string => {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
};

const ISSUER = { issuer: 'https://id.example', audience: 'api' };
const file = (auth: object, rest: object = {}): string => {
  const [name = ''] = Object.keys(auth);
  return fileOf({ middleware: { auth }, routes: [{ path: '/*', auth: { [name]: true } }], ...rest });
};
const found = (text: string): readonly string[] =>
  diagnose(text).map(({ level, path, message }) => `${level} ${path}: ${message}`);

test('a key set in a file is read when the file is compiled', () => {
  const keys = JSON.stringify({ keys: [signingKey('ES256').jwk] });
  expect(found(file({ jwt: { ...ISSUER, jwks_file: written('keys.json', keys) } }))).toEqual([]);
  expect(found(file({ jwt: { ...ISSUER, jwks_file: written('bad.json', '{"keys":[]}') } })).join()).toMatch(
    /error middleware\.auth\.jwt\.jwks_file: has no key/,
  );
  expect(found(file({ jwt: { ...ISSUER, jwks_file: join(folder, 'none.json') } })).join()).toMatch(
    /there is no such file/,
  );
  const issuers = [{ ...ISSUER, jwks_file: join(folder, 'keys.json'), jwks: keys }];
  expect(found(file({ jwt: { issuers } })).join()).toMatch(/is not allowed beside jwks/);
});

test('a file of authorities without an authority is an error, for each issuer', () => {
  const ca_file = written('ca.pem', 'nothing');
  expect(found(file({ jwt: { issuers: [{ ...ISSUER, ca_file }] } })).join()).toMatch(
    /error middleware\.auth\.jwt\.issuers\[0\]\.ca_file: holds no PEM certificate/,
  );
});

test('check prints the place and the scheme of each method', () => {
  const placesOf = (auth: object) => {
    const [row] = accessTable(compile(file(auth)).plan).methods;
    return row?.summary.find(([what]) => what === 'read from')?.[1];
  };
  const websocket = 'Sec-WebSocket-Protocol: bearer, <credential>';
  expect(placesOf({ jwt: ISSUER })).toBe(`Authorization: Bearer <credential>, ${websocket}`);
  expect(placesOf({ jwt: { ...ISSUER, header: 'X-Auth-Token', query_param: 't', cookie: 'c' } })).toBe(
    `X-Auth-Token: <credential>, ?t=<credential>, Cookie: c=<credential>, ${websocket}`,
  );
  expect(placesOf({ api_key: { keys: [{ key: 'k-1234567890abcdef', name: 'a' }] } })).toMatch(
    /^X-Api-Key: <credential>/,
  );
});

test('a token that a listener cannot read is a warning', () => {
  const listeners = (max_header_size: string) => [{ address: '127.0.0.1:8080', protocol: 'http', max_header_size }];
  const warnings = (max_token_size: string, header: string) =>
    found(file({ jwt: { ...ISSUER, max_token_size } }, { listeners: listeners(header) }));
  expect(warnings('12KB', '16KB')).toEqual([]);
  expect(warnings('20KB', '16KB').join()).toMatch(
    /warning middleware\.auth\.jwt\.max_token_size: accepts 20000 bytes, .*raise its max_header_size to 22048/,
  );
  expect(warnings('20KB', '32KB')).toEqual([]);
  expect(found(file({ jwt: { ...ISSUER, max_token_size: '64KB' } })).join()).toMatch(/maxHeaderSize of the server/);
});
