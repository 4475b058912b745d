/**
 * The page's Basic users, with hashes that the page's own htpasswd command made.
 *
 * @needs htpasswd
 */
import { runProcess } from '../support/process.js';
import { closeOpened, pageText, serving, type Serving } from '../support/page-gate.js';
import { seen } from '../support/ask.js';
import type { Echoed } from '../support/recording-upstream.js';
import { pageBlocks } from '../config/page-blocks.js';

/** The output of the page's command, `admin:$2y$05$…`, without the user. */
async function hashOf(user: string, password: string): Promise<string> {
  const { code, stdout } = await runProcess('htpasswd', ['-nbB', user, password]);
  expect(code).toBe(0);
  expect(stdout.startsWith(`${user}:$2y$`)).toBe(true);
  return stdout.trim().slice(user.length + 1);
}

const basic = (pair: string): { headers: { Authorization: string } } => ({
  headers: { Authorization: `Basic ${Buffer.from(pair, 'utf8').toString('base64')}` },
});

describe('the users of the page', () => {
  let page: Serving;
  beforeAll(async () => {
    const hashes = [await hashOf('admin', 'yourpassword'), await hashOf('readonly', 'a:b é')];
    const elided = /\$2y\$10\$[A-Za-z0-9]+/g;
    expect(pageBlocks[2]?.match(elided)).toHaveLength(2);
    page = await serving(pageText(2).replace(elided, () => hashes.shift() ?? ''));
  });
  afterAll(closeOpened);

  test('admin and readonly pass, each with the right password', async () => {
    const answer = await page.ask('/api/users', basic('admin:yourpassword'));
    expect(answer.status).toBe(200);
    expect(seen<Echoed>(answer).headers['authorization']).toBeUndefined();
    expect((await page.ask('/api/users', basic('readonly:a:b é'))).status).toBe(200);
    expect((await page.ask('/api/users', basic('readonly:yourpassword'))).status).toBe(401);
  });

  test('without a password the response has a challenge with the page’s realm', async () => {
    const answer = await page.ask('/api/users');
    expect(answer.status).toBe(401);
    expect(answer.headers['www-authenticate']).toBe('Basic realm="API Access", charset="UTF-8"');
  });

  test('a wrong password and an unknown user get the same response', async () => {
    const answers = [
      await page.ask('/api/users', basic('admin:wrong')),
      await page.ask('/api/users', basic('nobody:yourpassword')),
    ];
    const [wrong, unknown] = answers.map(({ status, headers, body }) => {
      const { instance, ...problem } = JSON.parse(body) as Record<string, unknown>;
      expect(instance).toEqual(expect.any(String));
      return { status, problem, challenge: headers['www-authenticate'] };
    });
    expect(wrong?.status).toBe(401);
    expect(wrong).toEqual(unknown);
  });

  test.each(['admin', 'admin:', ':yourpassword', 'Admin:yourpassword', 'admin:yourpassword ', 'admin:yourpassword\0'])(
    '%j is refused',
    async (pair) => {
      expect((await page.ask('/api/users', basic(pair))).status).toBe(401);
    },
  );
});
