/** A host that breaks out of a header: quotes, commas and semicolons never reach Forwarded or X-Forwarded-Host. */
import { statusOf } from '../../support/ask.js';
import { ADMIN_BASIC, closeGrounds, get, openGround, request, type Ground } from '../../support/attack-ground.js';
import { handshake } from '../../support/handshake.js';
import { lookalikesOf, valuesOf } from '../../support/messages.js';

let ground: Ground;
let behind: Ground;
beforeAll(async () => {
  [ground, behind] = await Promise.all([openGround(), openGround({ top: 'trusted_proxies: [127.0.0.1]' })]);
});
afterAll(closeGrounds);

const hosted = (bytes: string, host: string): string => bytes.replace(/Host: .*\r\n/, () => `Host: ${host}\r\n`);

describe('FWD-09 a Host that would end a quoted string, a list or a header', () => {
  test.each([
    'a";for=127.0.0.1',
    'a;for=127.0.0.1',
    'a,for=127.0.0.1',
    'a, 127.0.0.1',
    '"a"',
    "a'",
    'a\\"',
    'a for=127.0.0.1',
    'a\tfor=127.0.0.1',
    'a=b',
    'a/../x',
    'a?x=y',
    'a#x',
    'a@b',
    'a%0d%0aX-User-ID: admin',
    'a%22;for=b',
    'a\x85X-User-ID: admin',
    'a\xa0b',
    '[::1";for=a]',
    '[::1%25";for=a]',
    'a:80;for=b',
    'a:80,b:80',
    '${jndi:ldap://a}',
    'a`id`',
    '<a>',
    '{a}',
    'a|b',
    'a^b',
  ])('is refused: %j', async (host) => {
    for (const on of [ground, behind]) {
      for (const bytes of [get('/public/x'), handshake('/public/x')]) {
        expect(statusOf(await on.send(hosted(bytes, host)))).toBe(400);
      }
      expect(on.arrived()).toEqual([]);
    }
  });

  test('in the target of an absolute form is refused as well', async () => {
    for (const host of ['a";for=b', 'a;for=b', 'a,b', 'a@gw']) {
      expect(statusOf(await ground.send(get(`http://${host}/public/x`)))).toBe(400);
    }
    expect(ground.arrived()).toEqual([]);
  });

  test('in a header of the client is not forwarded', async () => {
    const lines = ['X-Forwarded-Host: a";for=127.0.0.1', 'Forwarded: host="a";for=127.0.0.1', 'X-Host: a";for=b'];
    for (const bytes of [get('/public/x', ...lines), handshake('/public/x', ...lines)]) {
      expect([200, 101]).toContain(statusOf(await ground.send(bytes)));
      const [message] = ground.arrived();
      expect(message?.raw).not.toContain('for=');
      expect(message && lookalikesOf(message, 'Forwarded')).toEqual([]);
    }
  });

  test.each(['gw', 'gw:8080', '[::1]:80', 'xn--bcher-kva.example', 'a-b_c.example'])(
    'twin: %s is sent to the upstream, once and unchanged',
    async (host) => {
      for (const on of [ground, behind]) {
        expect(statusOf(await on.send(hosted(get('/public/x'), host)))).toBe(200);
        const [message] = on.arrived();
        expect(message && valuesOf(message, 'x-forwarded-host')).toEqual([host]);
        expect(message && lookalikesOf(message, 'Forwarded')).toEqual([]);
      }
    },
  );
});

describe('FWD-01 the host of a page, as a proxy names it', () => {
  const posted = (on: Ground, ...lines: readonly string[]) =>
    on.send(request('POST', '/ops/x', [`Authorization: ${ADMIN_BASIC.Authorization}`, 'Content-Length: 0', ...lines]));

  test('counts from a trusted proxy only', async () => {
    const asked = ['Origin: https://site.example', 'X-Forwarded-Host: site.example', 'X-Forwarded-Proto: https'];
    expect(statusOf(await posted(ground, ...asked))).toBe(403);
    expect(ground.arrived()).toEqual([]);
    // The honest twin.
    expect(statusOf(await posted(behind, ...asked))).toBe(200);
    const [arrived] = behind.arrived();
    expect(arrived && valuesOf(arrived, 'x-forwarded-port')).toEqual(['443']);
  });

  test('does not make another page our own', async () => {
    for (const origin of ['https://evil.example', 'http://site.example', 'https://gw', 'null']) {
      const asked = [`Origin: ${origin}`, 'X-Forwarded-Host: site.example', 'X-Forwarded-Proto: https'];
      expect([origin, statusOf(await posted(behind, ...asked))]).toEqual([origin, 403]);
    }
    expect(behind.arrived()).toEqual([]);
  });
});
