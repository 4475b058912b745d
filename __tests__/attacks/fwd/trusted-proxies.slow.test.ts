/** Which proxies may state the client address: none by default, never all, and only with valid addresses. */
import { ConfigError, loom } from '../../../src/index.js';
import { statusOf } from '../../support/ask.js';
import { closeGrounds, get, openGround, type Ground } from '../../support/attack-ground.js';
import { lookalikesOf } from '../../support/messages.js';

const AUTH = `
    api_key: { keys: [{ key: key-for-elsewhere, name: far, allowed_ips: [203.0.113.0/24] }, { key: key-for-here, name: near, allowed_ips: [127.0.0.1] }] }`;
const ROUTES = `
  - { id: local, path: /local/*, upstream: backend, auth: { api_key: true } }
  - { id: counted, path: /counted/*, upstream: backend, auth: none, rate_limit: { rate: 1, burst: 3 } }`;
const FAR = 'X-API-Key: key-for-elsewhere';
const NEAR = 'X-API-Key: key-for-here';

let ground: Ground;
let behind: Ground;
beforeAll(async () => {
  const options = { replaceAuth: true, auth: AUTH, replaceRoutes: true, routes: ROUTES };
  [ground, behind] = await Promise.all([
    openGround(options),
    openGround({ ...options, top: 'trusted_proxies: [127.0.0.0/8, 10.0.0.0/8, "2001:db8::/32"]' }),
  ]);
});
afterAll(closeGrounds);

const local = async (on: Ground, ...lines: string[]): Promise<number> =>
  statusOf(await on.send(get('/local/x', ...lines)));

const load = (proxies: string) => () =>
  loom({
    text: `middleware: { auth: { api_key: { keys: [{ key: key-of-alice, name: a }] } } }\ntrusted_proxies: ${proxies}`,
    file: 'loom.yaml',
  });

describe('FWD-02 a file without proxies', () => {
  test('trusts none', async () => {
    for (const said of [
      '203.0.113.9',
      '203.0.113.9, 127.0.0.1',
      '127.0.0.1, 203.0.113.9',
      '203.0.113.9, 203.0.113.9',
    ]) {
      expect(await local(ground, FAR, `X-Forwarded-For: ${said}`)).toBe(403);
      expect(await local(ground, NEAR, `X-Forwarded-For: ${said}`)).toBe(200);
    }
    expect(ground.arrived().flatMap((each) => lookalikesOf(each, 'X-Forwarded-For'))).toEqual(
      Array(4).fill(['x-forwarded-for', '127.0.0.1']),
    );
  });

  test.each([
    '[0.0.0.0/0]',
    '["::/0"]',
    '[10.0.0.0/8, 0.0.0.0/0]',
    '[0.0.0.0/1, 128.0.0.0/1]',
    '[0.0.0.0/2, 64.0.0.0/2, 128.0.0.0/2, 192.0.0.0/2]',
    '["::ffff:0:0/96"]',
    '["::ffff:0.0.0.0/96"]',
    '["::ffff:0:0/97", "::ffff:128.0.0.0/97"]',
    '["2000::/3"]',
    '["2000::/4", "3000::/4"]',
    '["::/1", "8000::/1"]',
    '["0::/0"]',
    '[1.2.3.4/0]',
    '["*"]',
    '[all]',
    '[true]',
    'true',
    '"127.0.0.1"',
    '[127.0.0.1/33]',
    '[127.0.0.1/]',
    '[127.0.0.1/-1]',
    '[127.0.0/8]',
    '[localhost]',
    '["fe80::1%eth0"]',
    '[""]',
    '[null]',
  ])('and one that trusts all, or an invalid address, does not load: %s', (proxies) => {
    expect(load(proxies)).toThrow(ConfigError);
  });

  test.each(['[127.0.0.1]', '[10.0.0.0/8, "fd00::/8"]', '["::1", "::ffff:10.0.0.0/104"]'])(
    'twin: %s loads',
    (proxies) => load(proxies)().close(),
  );
});

describe('FWD-03 entries that are not addresses', () => {
  const entries = [
    ...[
      'evil<script>',
      'unknown',
      '[::1',
      '::1]',
      '203.0.113.9:',
      '203.0.113.9:443:443',
      '203.0.113.9:99999',
      '_hidden',
      'for=203.0.113.9',
    ],
    ...[
      '"203.0.113.9"',
      '203.0.113',
      '203.0.113.09',
      '0xcb.0.113.9',
      '3405803785',
      '203.0.113.9/24',
      '203.0.113.9%25',
      '',
    ],
    ...[
      '203.0.113.9%evil',
      '[203.0.113.9]',
      '203.0.113.9 evil',
      '203.0.113.9;',
      "203.0.113.9'--",
      '\xff',
      '203.0.113.9\xa0',
    ],
  ];

  test.each(entries)('make the client unknown: %j', async (entry) => {
    // The client is neither the entry, nor the next one, nor the proxy.
    expect(await local(behind, FAR, `X-Forwarded-For: ${entry}`)).toBe(403);
    expect(await local(behind, FAR, `X-Forwarded-For: 203.0.113.9, ${entry}`)).toBe(403);
    expect(await local(behind, FAR, `X-Forwarded-For: 203.0.113.9, ${entry}, 10.0.0.1`)).toBe(403);
    expect(await local(behind, NEAR, `X-Forwarded-For: ${entry}`)).toBe(403);
    expect(await local(behind, NEAR, `X-Forwarded-For: 203.0.113.9, ${entry}`)).toBe(403);
    expect(behind.arrived()).toEqual([]);
    expect(behind.output()).not.toContain('<script>');
  });

  test.each([
    'for="a,b;c";by=x',
    'for=203.0.113.9',
    'for="[2001:db8::1]";proto=https',
    'for=127.0.0.1, for=203.0.113.9',
    '"',
  ])('and Forwarded is not read: %s', async (value) => {
    expect(await local(behind, FAR, `Forwarded: ${value}`)).toBe(403);
    expect(await local(behind, NEAR, `Forwarded: ${value}`)).toBe(200);
    behind.arrived();
  });

  test('share one bucket', async () => {
    const counted = async (entry: string): Promise<number> =>
      statusOf(await behind.send(get('/counted/x', `X-Forwarded-For: 203.0.113.9, ${entry}`)));
    const answers = await Promise.all(entries.map(counted));
    // A burst of three for the unknown client of the proxy. On a busy machine a second or two may pass.
    expect(answers.filter((status) => status === 200).length).toBeLessThan(entries.length / 2);
    expect(answers.filter((status) => status === 429).length).toBeGreaterThan(entries.length / 2);
    behind.arrived();
  });

  test.each([
    ['203.0.113.9', 200],
    ['198.51.100.1, 203.0.113.9', 200],
    ['203.0.113.9, 198.51.100.1', 403],
    ['203.0.113.9, 10.0.0.1', 200],
    ['203.0.113.9,10.0.0.1 , 127.0.0.2', 200],
    ['::ffff:203.0.113.9', 200],
    ['203.0.113.9, 2001:db8::7', 200],
    ['203.0.113.9, [2001:db8::7]', 200],
    ['evil<script>, 203.0.113.9', 200],
    ['203.0.113.9:4444', 200],
    ['203.0.113.9:4444, 10.0.0.1:80', 200],
    ['203.0.113.9, [2001:db8::7]:443', 200],
  ])('twin: the client is the last address that is not a proxy: %s', async (said, status) => {
    expect(await local(behind, FAR, `X-Forwarded-For: ${said}`)).toBe(status);
    behind.arrived();
  });
});
