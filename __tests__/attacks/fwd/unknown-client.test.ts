/**
 * A client whose proxy does not send its address is unknown. It is never the proxy, for any part that reads the
 * address.
 */
import { statusOf } from '../../support/ask.js';
import { closeGrounds, get, openGround, request, type Ground } from '../../support/attack-ground.js';
import { handshake } from '../../support/handshake.js';
import { until } from '../../support/until.js';

const KEY = 'X-API-Key: key-of-the-network';
const AUTH = `
    api_key: { keys: [{ key: key-of-the-network, name: near, allowed_ips: [127.0.0.0/8, "::1"] }] }`;
const ROUTES = `
  - { id: local, path: /local/*, upstream: backend, auth: { api_key: true } }
  - { id: open, path: /open/*, upstream: backend, auth: none }`;
const TOP = `trusted_proxies: [127.0.0.0/8, "::1"]
logging: { access: { enabled: true } }`;
const LIMIT = `
rate_limit: { enabled: true, rate: 0.001, burst: 4, key: ip, exemptions: [{ type: ip, values: [127.0.0.0/8] }] }`;

const ground = (more = ''): Promise<Ground> =>
  openGround({ replaceAuth: true, auth: AUTH, replaceRoutes: true, routes: ROUTES, top: `${TOP}${more}` });

afterEach(closeGrounds);

/** The header from a stranger behind the proxy, or from a proxy that writes another form. */
const UNKNOWN: readonly (readonly string[])[] = [
  ['X-Forwarded-For: evil'],
  ['X-Forwarded-For: 198.51.100.8, evil'],
  ['X-Forwarded-For:'],
  ['X-Forwarded-For: ,'],
  ['X-Forwarded-For: 198.51.100.8,'],
  ['X-Forwarded-For: 198.51.100.8', 'X-Forwarded-For:'],
  ['X-Forwarded-For: 198.51.100.8:'],
  ['X-Forwarded-For: 198.51.100.8:4444:4444'],
  ['X-Forwarded-For: 198.51.100.8 198.51.100.8'],
  ['X-Forwarded-For: 127.0.0.1'],
  ['X-Forwarded-For: 127.0.0.1:80'],
  ['X-Forwarded-For: 127.0.0.1, 127.0.0.1'],
  ['X-Forwarded-For: 127.0.0.1', 'X-Forwarded-For: 127.0.0.1'],
  ['X-Forwarded-For: [::1]:80'],
  ['X-Forwarded-For: ::ffff:127.0.0.1'],
  ['X-Forwarded-For: unknown, 127.0.0.1'],
];

describe('G-05 an entry that makes the client the proxy', () => {
  test('does not let a stranger use a key of the proxy’s network, in requests and handshakes', async () => {
    const on = await ground();
    for (const lines of UNKNOWN) {
      const asked = [get('/local/x', KEY, ...lines), handshake('/local/x', KEY, ...lines)];
      const statuses = await Promise.all(asked.map(async (bytes) => statusOf(await on.send(bytes))));
      expect([lines, statuses]).toEqual([lines, [403, 403]]);
    }
    expect(on.arrived()).toEqual([]);
  });

  test('exempts no stranger from a limit, and counts all strangers of one proxy together', async () => {
    const on = await ground(LIMIT);
    const statuses: number[] = [];
    for (const lines of UNKNOWN) statuses.push(statusOf(await on.send(get('/open/x', ...lines))));
    expect(statuses.filter((status) => status === 200)).toHaveLength(4);
    expect(statuses.filter((status) => status === 429)).toHaveLength(UNKNOWN.length - 4);
    on.arrived();
    // The honest twin: the bucket of unknown clients is separate.
    expect(statusOf(await on.send(get('/open/x', 'X-Forwarded-For: 198.51.100.8:4444')))).toBe(200);
    expect(statusOf(await on.send(get('/open/x')))).toBe(200);
    on.arrived();
  });

  test('is logged once for each cause, and no line names the proxy as the client', async () => {
    const on = await ground();
    for (const lines of UNKNOWN) await on.send(get('/open/x', ...lines));
    // Refused before routing: by its target, its framing, its version of WebSocket.
    const [line = ''] = UNKNOWN[0] ?? [];
    await on.send(get('/open/%zz', line));
    await on.send(request('POST', '/open/x', ['Transfer-Encoding: gzip, chunked', line]));
    await on.send(handshake('/open/x', line).replace('Sec-WebSocket-Version: 13', 'Sec-WebSocket-Version: 12'));
    await until(() => on.output().split('"event":"access"').length > UNKNOWN.length);
    on.arrived();
    const lines = on.output().split('\n');
    const warned = lines.filter((each) => each.includes('the client is unknown'));
    expect(warned.map((each) => (JSON.parse(each) as { entry: string }).entry).sort()).toEqual([
      'all trusted',
      'empty',
      'no address',
    ]);
    const clients = lines.flatMap((each) => /"client":"([^"]*)"/.exec(each)?.[1] ?? []);
    expect(clients.length).toBeGreaterThan(UNKNOWN.length);
    expect(new Set(clients)).toEqual(new Set(['unknown via 127.0.0.1']));
    expect(on.output()).not.toContain('evil');
  });

  test('twin: a stranger with a port or brackets is a stranger, and a neighbour is recognized in the same forms', async () => {
    const on = await openGround({
      replaceAuth: true,
      auth: AUTH.replace('127.0.0.0/8, "::1"', '198.51.100.0/24, "2001:db8:5::/48"'),
      replaceRoutes: true,
      routes: ROUTES,
      top: TOP,
    });
    const status = async (...lines: string[]): Promise<number> =>
      statusOf(await on.send(get('/local/x', KEY, ...lines)));
    for (const entry of ['198.51.100.8', '198.51.100.8:4444', '203.0.113.1, 198.51.100.8:4444, 127.0.0.1:80'])
      expect([entry, await status(`X-Forwarded-For: ${entry}`)]).toEqual([entry, 200]);
    for (const entry of ['2001:db8:5::1', '[2001:db8:5::1]', '[2001:db8:5::1]:4444'])
      expect([entry, await status(`X-Forwarded-For: ${entry}`)]).toEqual([entry, 200]);
    for (const entry of ['203.0.113.1:4444', '198.51.100.8, 203.0.113.1:4444', '[2001:db8:6::1]:4444'])
      expect([entry, await status(`X-Forwarded-For: ${entry}`)]).toEqual([entry, 403]);
    on.arrived();
  });

  test('twin: without the header the proxy is the client', async () => {
    const on = await ground();
    expect(statusOf(await on.send(get('/local/x', KEY)))).toBe(200);
    expect(statusOf(await on.send(handshake('/local/x', KEY)))).toBe(101);
    on.arrived();
  });
});
