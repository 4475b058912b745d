/** The options of a key store that contradict one another. */
import { strictUrl } from '../../../../src/auth/methods/api-key/store/postgres-url.js';
import { diagnose } from '../../../config/files.js';
import { storeOptions } from '../../../../src/auth/methods/api-key/store-options.js';

const URL_OF = 'postgres://gateway:secret@db.example:5432/keys';

function faultsOf(block: object): readonly string[] {
  const { error } = storeOptions.safeParse(block);
  return error?.issues.map(({ path, message }) => `${path.join('.')}: ${message}`) ?? [];
}

test.each([
  '?sslmode=disable',
  '?sslmode=no-verify',
  '?sslmode=require',
  '?ssl=0',
  '?sslrootcert=%2Fetc%2Fca.pem',
  '?application_name=a&sslcert=%2Fetc%2Fclient.pem',
])('a URL that overrides ca_file is refused: %s', (query) => {
  for (const authority of [{ ca_file: 'ca.pem' }, { ca: 'PEM' }])
    expect(faultsOf({ type: 'postgres', url: `${URL_OF}${query}`, ...authority })).toEqual([
      expect.stringMatching(/^url: must have no TLS option such as sslmode beside ca_file/),
    ]);
});

test.each([
  ['?sslmode=requre', /^url: must have an sslmode of disable, no-verify, /],
  ['?sslmode=', /^url: must have an sslmode of/],
  ['?sslmode=require&sslmode=disable', /^url: must have sslmode once$/],
  ['?ssl=yes', /^url: must have sslmode in place of ssl$/],
  ['?ssl=true&sslmode=disable', /^url: must have one of ssl and sslmode$/],
  ['?SSLMODE=require', /^url: must have no TLS options except sslmode, /],
  ['?ssl_mode=require', /^url: must have no TLS options except/],
  ['?sslcrl=%2Fetc%2Fcrl.pem', /^url: must have no TLS options except/],
  ['?sslmode=require&uselibpqcompat=true', /^url: must not have uselibpqcompat/],
  ['?port=abc', /^url: must have a port/],
  ['?port=70000', /^url: must have a port/],
])('a URL that the package pg would read as less protection, or not at all, is refused: %s', (query, fault) => {
  expect(faultsOf({ type: 'postgres', url: `${URL_OF}${query}` })).toEqual([expect.stringMatching(fault)]);
});

test.each(['se#cret', 'se/cret', 'se?cret', '12/secret', '12#secret', '12?secret'])(
  'a password that ends the host is refused, and is not repeated: %s',
  (password) => {
    const [fault, ...more] = faultsOf({ type: 'postgres', url: `postgres://loom:${password}@db.example:5432/keys` });
    expect(fault).toMatch(/^url: must be a URL such as .* in a password write %23 for #, %2F for \/ and %3F for \?$/);
    expect(fault).not.toContain('cret');
    expect(more).toEqual([]);
  },
);

test.each(['se%23cret', '12%2Fsecret', 'a@b', 'a:b', 'p%w'])('twin: the password %s is accepted', (password) => {
  expect(faultsOf({ type: 'postgres', url: `postgres://loom:${password}@db.example:5432/keys` })).toEqual([]);
});

test.each([
  ['', ''],
  ['?application_name=a%20b', '?application_name=a%20b'],
  ['?sslmode=disable', '?sslmode=disable'],
  ['?ssl=false', '?sslmode=disable'],
  ['?ssl=0&port=5433', '?port=5433&sslmode=disable'],
  ['?ssl=no-verify', '?sslmode=no-verify'],
  ['?ssl=true', '?sslmode=verify-full'],
  ['?sslmode=prefer', '?sslmode=verify-full'],
  ['?sslmode=require&sslrootcert=%2Fetc%2Fca.pem', '?sslmode=verify-full&sslrootcert=%2Fetc%2Fca.pem'],
  ['?sslmode=verify-ca', '?sslmode=verify-full'],
])('twin: %s is accepted, and the package pg gets %s', (query, given) => {
  const url = `postgres://gate%40way:p%25w%2Fd@db.example:5432/keys${query}`;
  expect(faultsOf({ type: 'postgres', url })).toEqual([]);
  expect(strictUrl(url)).toBe(`postgres://gate%40way:p%25w%2Fd@db.example:5432/keys${given}`);
});

test('a connection that is encrypted to any server is a warning, and authorities without PEM are an error', () => {
  const told = (more: string): readonly string[] => {
    const text = `middleware: { auth: { api_key: { store: { type: postgres, ${more} } }, chain: [api_key] } }`;
    const found = diagnose(text);
    expect(JSON.stringify(found)).not.toContain(':secret');
    return found.map(({ level, path, message }) => `${level} ${path}: ${message}`);
  };
  const at = 'middleware.auth.api_key.store';
  for (const query of ['sslmode=no-verify', 'ssl=no-verify'])
    expect(told(`url: "${URL_OF}?${query}"`)).toContainEqual(
      expect.stringContaining(`warning ${at}.url: the certificate of PostgreSQL is not verified`),
    );
  expect(told(`url: "${URL_OF}", ca: "/etc/ca.pem"`)).toContainEqual(`error ${at}.ca: has no PEM block`);
  const twin = told(`url: "${URL_OF}", ca: "-----BEGIN CERTIFICATE-----"`);
  expect(twin.filter((line) => line.includes(at))).toEqual([]);
});

test('twin: one of the two is accepted, and so are other options of the URL', () => {
  for (const block of [
    { url: URL_OF, ca_file: 'ca.pem' },
    { url: `${URL_OF}?sslmode=verify-full` },
    { url: `${URL_OF}?application_name=sslmode`, ca_file: 'ca.pem' },
  ])
    expect(faultsOf({ type: 'postgres', ...block })).toEqual([]);
});

test.each([
  [{ type: 'sqlite' }, ['path: is required for sqlite']],
  [{ type: 'sqlite', path: 'a', url: URL_OF }, ['url: has no meaning for sqlite; remove it']],
  [{ type: 'postgres', url: URL_OF, path: 'a' }, ['path: has no meaning for postgres; remove it']],
  [{ type: 'host', path: 'a' }, ['path: has no meaning for host; remove it']],
])('an option of another type is refused: %j', (block, faults) => {
  expect(faultsOf(block)).toEqual(faults);
});
