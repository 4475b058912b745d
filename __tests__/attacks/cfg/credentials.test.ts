/** Credentials of systemd: a file below `/run/credentials` is a secret like every other, and no variable chooses the file. */
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { checkedAt, expectRefused, whole } from './files.js';

const SECRET = 'zq-credential-5d20ab';
/** As systemd makes it: the folder and each file are for the user of the unit alone. */
const credentials = mkdtempSync(join(tmpdir(), 'loom-credentials-'));
const file = join(credentials, 'loom.yaml');
const reading = (reference: string): string => whole(['client_secret: s-1234567890', `client_secret: "${reference}"`]);

beforeAll(() => writeFileSync(join(credentials, 'client'), `${SECRET}\n`, { mode: 0o400 }));
afterAll(() => rmSync(credentials, { recursive: true }));

function check(text: string, env: Readonly<Record<string, string>> = {}): ReturnType<typeof checkedAt> {
  writeFileSync(file, text, { mode: 0o600 });
  return checkedAt(file, env);
}

test('CFG-24 a variable does not choose the file of a secret', () => {
  for (const reference of ['${file:${CREDENTIALS_DIRECTORY}/client}', '${file:$CREDENTIALS_DIRECTORY/client}'])
    expectRefused(
      reading(reference),
      { path: 'middleware.auth.oauth.client_secret' },
      { CREDENTIALS_DIRECTORY: credentials },
    );
});

test('CFG-24 a credential that is missing or empty is refused, and none is printed', () => {
  const missing = check(reading(`\${file:${credentials}/none}`));
  writeFileSync(join(credentials, 'empty'), '\n', { mode: 0o400 });
  const empty = check(reading(`\${file:${credentials}/empty}`));
  expect([missing.code, empty.code]).toEqual([1, 1]);
  expect([missing.output, empty.output].join('')).toMatch(/unreadable_file[^]*empty_file/);
});

test('a credential that every user can read is a warning without its value', () => {
  const open = join(credentials, 'open');
  writeFileSync(open, SECRET);
  chmodSync(open, 0o444);
  const { output } = check(reading(`\${file:${open}}`));
  expect(output).toContain('world_readable');
  expect(output).not.toContain(SECRET);
});

test('twin: a credential of the unit loads without that warning, and is not printed', () => {
  const { code, output } = check(reading(`\${file:${credentials}/client}`), { CREDENTIALS_DIRECTORY: credentials });
  expect(code).toBe(0);
  expect(output).not.toMatch(/world_readable|zq-credential/);
});

test('twin: an option that is a path takes the variable', () => {
  const text = whole([
    '          name: alice',
    '          name: alice\n    mtls: { ca_file: "${CREDENTIALS_DIRECTORY}/ca" }',
  ]);
  const { output } = check(text, { CREDENTIALS_DIRECTORY: credentials });
  expect(output).toContain(`${credentials}/ca`);
});
