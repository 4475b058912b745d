/** `htpasswd_file`: which lines are users, which are errors, and that no message has a password or hash. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hashSync } from 'bcryptjs';
import { ConfigError, type Diagnostic } from '../../../../src/config/diagnostics.js';
import { compileFile } from '../../../../src/config/index.js';
import { readHtpasswd } from '../../../../src/auth/methods/basic/htpasswd.js';
import type { BasicOptions } from '../../../../src/auth/methods/basic/options.js';

const folder = mkdtempSync(join(tmpdir(), 'loom-htpasswd-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const HASH = hashSync('correct horse', 10);
const as = (prefix: string): string => HASH.replace(/^\$2[aby]\$/, prefix);
const OTHER_KINDS = {
  'an apr1 (MD5) hash': '$apr1$Ks2vB0mC$1Qk8Lr8vYxPq0h5bq1ZxY/',
  'a SHA-1 hash': '{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=',
  'a crypt (DES) hash': 'rl0uE0v2dFVZU',
  'an MD5 crypt hash': '$1$Ks2vB0mC$1Qk8Lr8vYxPq0h5bq1ZxY/',
  'a SHA-256 crypt hash': '$5$MnfsQ4iN$ZMTppKN16y/tIsUYs/obHlhdP.Os80yXhTurpBMUbA5',
  'a SHA-512 crypt hash': '$6$rounds=5000$usesomesillystri$D4IrlXatmP7rx3P3InaxBeoomnAihCKRVQAr/36eYSQ',
  'a yescrypt hash': '$y$j9T$F5Jx5fExrKuPp53xLKQ..1$X3DX6M94c7o',
  'an Argon2 hash': '$argon2id$v=19$m=65536,t=2,p=1$gZiV/M1gPc22ElAH$CWOrkoo7oJBQ',
  'a hash of a directory server': '{SSHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=',
  'a password in plain text, or an unknown hash': 'hunter2-in-plain-text',
} as const;

interface Block {
  readonly users?: string;
  readonly more?: string;
}

function compiled(text: string | Buffer, { users, more = '' }: Block = {}) {
  writeFileSync(join(folder, 'users.htpasswd'), text);
  const list = users === undefined ? '' : `, users: [${users}]`;
  const basic = `{ htpasswd_file: users.htpasswd${list}${more} }`;
  const file = { text: `middleware: { auth: { basic: ${basic}, chain: [basic] } }`, file: join(folder, 'loom.yaml') };
  return compileFile(file, { mode: 'middleware', env: {} });
}

function diagnosticsOf(text: string | Buffer, block?: Block): readonly Diagnostic[] {
  try {
    return compiled(text, block).warnings;
  } catch (error) {
    if (error instanceof ConfigError) return error.diagnostics;
    throw error;
  }
}

const usersOf = (text: string | Buffer, block?: Block): readonly string[] =>
  (compiled(text, block).plan.methods[0]?.options as BasicOptions).users.map(({ username }) => username);
const messagesOf = (text: string | Buffer, block?: Block): readonly string[] =>
  diagnosticsOf(text, block).map(({ level, path, message }) => `${level} ${path}: ${message}`);

const PLACE = 'error middleware.auth.basic.htpasswd_file: users.htpasswd: ';

describe('users', () => {
  test.each([
    ['LF', `alice:${HASH}\nbob:${HASH}\n`],
    ['CRLF', `alice:${HASH}\r\nbob:${HASH}\r\n`],
    ['no line break at the end', `alice:${HASH}\nbob:${HASH}`],
    ['a byte order mark', `\uFEFFalice:${HASH}\nbob:${HASH}\n`],
    ['comments, empty lines and blanks', `# users: of the shop\n\nalice:${HASH} \n  \t\n  # bob\n\tbob:${HASH}\n\n`],
    ['every prefix of bcrypt', `alice:${as('$2a$')}\nbob:${as('$2y$')}\n`],
  ])('are read from a file with %s', (_, text) => {
    expect(usersOf(text)).toEqual(['alice', 'bob']);
    expect(messagesOf(text)).toEqual([]);
  });

  test('may have names in UTF-8, with blanks and marks', () => {
    expect(usersOf(`jos\u00e9:${HASH}\n\u7530\u4e2d:${HASH}\nMary Ann:${HASH}\na@b.c:${HASH}\n`)).toEqual([
      'jos\u00e9',
      '\u7530\u4e2d',
      'Mary Ann',
      'a@b.c',
    ]);
  });

  test('are behind those of the block', () => {
    const users = `{ username: carol, password_hash: "${HASH}" }`;
    expect(usersOf(`alice:${HASH}\n`, { users })).toEqual(['carol', 'alice']);
  });

  test('of a route must be in one of the two', () => {
    const route = (name: string): string => `routes: [{ path: /a, auth: { basic: { users: [${name}] } } }]`;
    writeFileSync(join(folder, 'users.htpasswd'), `alice:${HASH}\n`);
    const text = `middleware: { auth: { basic: { htpasswd_file: users.htpasswd } } }\n`;
    const compile = (name: string) =>
      compileFile({ text: `${text}${route(name)}`, file: join(folder, 'loom.yaml') }, { mode: 'middleware' });
    expect(compile('alice').warnings).toEqual([]);
    expect(() => compile('alicia')).toThrow('no user is named "alicia"');
  });
});

describe('errors', () => {
  test.each(Object.entries(OTHER_KINDS))('%s names the user and the kind', (kind, hash) => {
    const text = `alice:${HASH}\nbob:${hash}\n`;
    const cure = 'make a bcrypt hash with `htpasswd -B`, or set ignore_unsupported: true';
    expect(messagesOf(text)).toEqual([`${PLACE}line 2: the user "bob" has ${kind}; ${cure}`]);
    expect(usersOf(text, { more: ', ignore_unsupported: true' })).toEqual(['alice']);
    expect(messagesOf(text, { more: ', ignore_unsupported: true' })).toEqual([]);
  });

  test.each([
    ['a line without a colon', 'sk-password-on-its-own', 'line 2: has no colon; write "user:hash"'],
    ['an empty name', `:${HASH}`, 'line 2: has no valid user name before the colon'],
    ['a control character in a name', `b\u0007b:${HASH}`, 'line 2: has no valid user name before the colon'],
    ['a lone CR', `bob\rx:${HASH}`, 'line 2: has no valid user name before the colon'],
    ['a second colon', `bob:${HASH}:Bob`, 'line 2: the user "bob" has a colon behind the hash'],
    ['half a hash', `bob:${HASH.slice(0, 40)}`, 'line 2: the hash of the user "bob" is no complete bcrypt hash'],
    ['a hash and more', `bob:${HASH}x`, 'line 2: the hash of the user "bob" is no complete bcrypt hash'],
    ['$2x$', `bob:${as('$2x$')}`, 'line 2: the hash of the user "bob" is no complete bcrypt hash'],
    [
      'cost 15',
      `bob:${HASH.replace('$10$', '$15$')}`,
      'line 2: the hash of the user "bob" must have a cost of at most 14',
    ],
    ['a name twice', `alice:${HASH}`, 'line 2: the user "alice" is on line 1 already'],
    ['a name twice, of another kind', 'alice:{SHA}x', 'line 2: the user "alice" is on line 1 already'],
  ])('%s, also with ignore_unsupported', (_, line, message) => {
    const text = `alice:${HASH}\n${line}\n`;
    for (const more of ['', ', ignore_unsupported: true']) {
      const [found, ...others] = messagesOf(text, { more });
      expect({ found, others }).toEqual({ found: expect.stringContaining(`${PLACE}${message}`) as string, others: [] });
    }
  });

  test('a user of the block too, an empty file, comments alone and other kinds alone', () => {
    const users = `{ username: alice, password_hash: "${HASH}" }`;
    expect(messagesOf(`alice:${HASH}\n`, { users })).toEqual([
      `${PLACE}the user "alice" is in "users" too; keep one of the two`,
    ]);
    expect(messagesOf('')).toEqual([expect.stringContaining('users.htpasswd is empty')]);
    expect(messagesOf('# alice\n')).toEqual([`${PLACE}has no user with a bcrypt hash`]);
    expect(messagesOf('alice:{SHA}x\n', { more: ', ignore_unsupported: true' })).toEqual([
      `${PLACE}has no user with a bcrypt hash`,
    ]);
  });

  test('a file that is too large, that is no UTF-8, or that does not exist', () => {
    expect(messagesOf(`# ${'x'.repeat(1024 * 1024)}\n`)).toEqual([
      expect.stringContaining('larger than 1048576 bytes'),
    ]);
    expect(messagesOf(Buffer.from(`jos\u00e9:${HASH}\n`, 'latin1'))).toEqual([expect.stringContaining('not UTF-8')]);
    expect(messagesOf('', { more: '' }).join()).not.toContain('no such file');
    const text = 'middleware: { auth: { basic: { htpasswd_file: missing }, chain: [basic] } }';
    expect(() => compileFile({ text, file: join(folder, 'loom.yaml') }, { mode: 'middleware' })).toThrow(
      'no such file',
    );
  });

  test('a file with many mistakes has a bounded list of errors', () => {
    const found = messagesOf(Array.from({ length: 5_000 }, (_, at) => `user${at}:{SHA}x`).join('\n'));
    expect(found).toHaveLength(21);
    expect(found.at(-1)).toBe(`${PLACE}has 4980 more mistakes`);
  });

  test('neither users nor a file, and ignore_unsupported without a file', () => {
    const errors = (basic: string) => () =>
      compileFile({ text: `middleware: { auth: { basic: ${basic}, chain: [basic] } }` }, { mode: 'middleware' });
    expect(errors('{ realm: shop }')).toThrow('is required where no "htpasswd_file" has the users');
    const users = `users: [{ username: alice, password_hash: "${HASH}" }]`;
    expect(errors(`{ ${users}, ignore_unsupported: true }`)).toThrow('has no effect without "htpasswd_file"');
  });
});

test('a low cost is one warning for each cost', () => {
  const low = hashSync('x', 4);
  expect(messagesOf(`alice:${low}\nbob:${low}\ncarol:${HASH}\n`)).toEqual([
    'warning middleware.auth.basic.htpasswd_file: users.htpasswd: "alice" and 1 more: bcrypt cost 4 is low; use at least 10',
  ]);
});

test('no message has a part of a line behind the name', () => {
  const secrets = [...Object.values(OTHER_KINDS), HASH.slice(0, 40), 'sk-password-on-its-own'];
  const lines = secrets.map((secret, at) => (secret.startsWith('sk-') ? secret : `user${at}:${secret}:${secret}`));
  const printed = JSON.stringify(messagesOf(lines.join('\n')));
  for (const secret of secrets) expect(printed).not.toContain(secret);
});

test('any text is read without an exception, and no line is both a user and a fault', () => {
  for (const text of [
    '',
    ':',
    '::',
    '\n\n',
    '\u0000',
    'a:',
    'a:b:c',
    `${'a'.repeat(300)}:${HASH}`,
    '#',
    ' # ',
    '\uFEFF',
  ]) {
    const { users, unsupported, faults } = readHtpasswd(text);
    expect(users).toEqual([]);
    expect(unsupported.length + faults.length).toBeLessThanOrEqual(1);
  }
});
