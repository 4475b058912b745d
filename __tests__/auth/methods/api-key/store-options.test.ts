/** The options of a key store that contradict one another. */
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
  '?SSLMODE=disable',
  '?sslrootcert=%2Fetc%2Fca.pem',
  '?application_name=a&uselibpqcompat=true',
])('a URL that overrides ca_file is refused: %s', (query) => {
  for (const authority of [{ ca_file: 'ca.pem' }, { ca: 'PEM' }])
    expect(faultsOf({ type: 'postgres', url: `${URL_OF}${query}`, ...authority })).toEqual([
      expect.stringMatching(/^url: must have no TLS option such as sslmode beside ca_file/),
    ]);
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
