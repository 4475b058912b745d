/**
 * The hashes and the realm of a file: which hashes verify, which do not load, and the realm in the challenge.
 *
 * @needs htpasswd
 */
import { spawnSync } from 'node:child_process';
import { hashSync } from 'bcryptjs';
import { statusOf } from '../../support/ask.js';
import { closeGrounds, get, openGround } from '../../support/attack-ground.js';
import { BOTH } from '../../support/both-hosts.js';
import { errorsOf, warningsOf } from '../../config/files.js';

/** `loom()` in a server of the test. A guarded request that passes is answered 418. */
const [IN_PROCESS] = BOTH as readonly [(typeof BOTH)[number]];
afterAll(closeGrounds);

const GOOD = hashSync('secret', 4);
const as = (prefix: string): string => GOOD.replace(/^\$2[aby]\$/, prefix);
const block = (body: string): string =>
  `middleware: { auth: { basic: ${body} } }\nroutes: [{ id: a, path: /a, auth: { basic: true } }]\n`;
const hashed = (hash: string): string =>
  block(`{ users: [{ username: admin, password_hash: ${JSON.stringify(hash)} }] }`);

/** Generated as in the page: `admin:$2y$04$…`. */
function htpasswd(password: string): string {
  const { stdout } = spawnSync('htpasswd', ['-nbB', '-C', '4', 'admin', password], { encoding: 'utf8' });
  return stdout.trim().slice('admin:'.length);
}

const basic = (pair: string): string => `Authorization: Basic ${Buffer.from(pair).toString('base64')}`;

describe('BAS-01 every bcrypt hash of htpasswd and similar tools, and no other', () => {
  const bad = [
    ['$2x$', as('$2x$')],
    ['$2$', as('$2$')],
    ['$2c$', as('$2c$')],
    ['$2Y$', as('$2Y$')],
    ['no prefix', GOOD.slice(4)],
    ['a character less', GOOD.slice(0, -1)],
    ['a character more', `${GOOD}.`],
    ['a line break', `${GOOD}\n`],
    ['white space', ` ${GOOD}`],
    ['the line of a password file', `admin:${GOOD}`],
    ['a cost of one digit', GOOD.replace('$04$', '$4$')],
    ['a cost of 3', GOOD.replace('$04$', '$03$')],
    ['a cost of 15', GOOD.replace('$04$', '$15$')],
    ['a cost of 17', GOOD.replace('$04$', '$17$')],
    ['a cost of 32', GOOD.replace('$04$', '$32$')],
    ['a foreign letter', `${GOOD.slice(0, -1)}+`],
    ['APR1', '$apr1$fxZ1ZxJ4$6Bv9h7vR1YyX8b8C4gS1M/'],
    ['SHA-1', '{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ='],
    ['crypt', 'rl0uEv0p3UqLw'],
    ['the page’s own ellipsis', '$2a$10$...'],
    ['the password', 'secret'],
    ['nothing', ''],
  ] as const;
  test.each(bad)('%s does not load', (_what, hash) => {
    const errors = errorsOf(hashed(hash));
    expect(errors.map(({ path }) => path)).toContain('middleware.auth.basic.users[0].password_hash');
    if (hash.length > 10) expect(JSON.stringify(errors)).not.toContain(hash);
  });

  const costWarnings = (cost: string): readonly string[] =>
    warningsOf(hashed(GOOD.replace('$04$', `$${cost}$`))).flatMap(({ path, message }) =>
      path === 'middleware.auth.basic.users[0].password_hash' ? [message] : [],
    );

  test.each(['13', '14'])('a cost of %s is a warning, so that `check --strict` fails', (cost) => {
    expect(costWarnings(cost)).toEqual([expect.stringContaining(`bcrypt cost ${cost} is high`)]);
  });

  test.each(['10', '11', '12'])('twin: a cost of %s loads without a warning', (cost) => {
    expect(costWarnings(cost)).toEqual([]);
  });

  test.each(['null', '~', '[]', '{}', '12345'])('password_hash: %s does not load', (yaml) => {
    expect(errorsOf(block(`{ users: [{ username: admin, password_hash: ${yaml} }] }`))).not.toEqual([]);
  });

  test('twin: $2a$, $2b$, $2y$ and the output of htpasswd admit only the right password', async () => {
    const users = { a: as('$2a$'), b: as('$2b$'), y: as('$2y$'), htpasswd: htpasswd('secret') };
    expect(users.htpasswd).toMatch(/^\$2y\$04\$/);
    const ground = await openGround({
      auth: `
    basic: { users: [${Object.entries(users)
      .map(([name, hash]) => `{ username: ${name}, password_hash: "${hash}" }`)
      .join(', ')}] }`,
      replaceAuth: true,
      replaceRoutes: true,
      routes: '\n  - { id: ops, path: "/ops/*", upstream: backend, auth: { basic: true } }',
    });
    ground.secrets.push(...Object.values(users));
    for (const name of Object.keys(users)) {
      expect(statusOf(await ground.send(get('/ops', basic(`${name}:secret`))))).toBe(200);
      expect(statusOf(await ground.send(get('/ops', basic(`${name}:Secret`))))).toBe(401);
      expect(statusOf(await ground.send(get('/ops', basic(`${name}:`))))).toBe(401);
    }
  });
});

describe('BAS-11 a realm stays a realm', () => {
  const realmed = (yaml: string): string =>
    block(`{ realm: ${yaml}, users: [{ username: admin, password_hash: "${GOOD}" }] }`);

  test.each(['"x\\r\\nX-Admin: 1"', '"x\\n"', '"x\\0"', '"x\\x7f"', '""', '" x"', '"x "', 'null', '42', '[x]'])(
    'realm: %s does not load',
    (yaml) => {
      expect(errorsOf(realmed(yaml))).not.toEqual([]);
      for (const { path } of errorsOf(realmed(yaml))) expect(path).toBe('middleware.auth.basic.realm');
    },
  );

  const ODD = [
    'x", error="y',
    'x\\',
    '\\"',
    'x\\", Bearer realm="y',
    'a,b',
    'Caf\u00e9',
    '\u65e5\u672c',
    "it's",
  ] as const;

  async function challengeOf(realm: string): Promise<unknown> {
    const gateway = await IN_PROCESS.start(realmed(JSON.stringify(realm)));
    try {
      const headers = { authorization: `Basic ${Buffer.from('admin:secret').toString('base64')}` };
      expect((await gateway.ask('/a', { headers })).status).toBe(418);
      const answer = await gateway.ask('/a');
      expect(answer.status).toBe(401);
      return answer.headers['www-authenticate'];
    } finally {
      await gateway.close();
    }
  }

  test('one with quotes and backslashes is one quoted string', async () => {
    for (const realm of ODD) {
      const challenge = String(await challengeOf(realm));
      // RFC 9110 §5.6.4: only a quoted-pair can contain a quote.
      expect(challenge).toMatch(/^Basic realm="(?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\])*", charset="UTF-8"$/);
      const read = /realm="((?:[^"\\]|\\.)*)"/.exec(challenge)?.[1]?.replace(/\\(.)/g, '$1');
      if (/^\p{ASCII}*$/u.test(realm)) expect(read).toBe(realm);
    }
  });

  test('twin: an ordinary realm is sent unchanged', async () => {
    expect(await challengeOf('API Access')).toBe('Basic realm="API Access", charset="UTF-8"');
  });
});
