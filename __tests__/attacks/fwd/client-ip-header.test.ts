/** The header of a CDN names the client of a request that came through the CDN, and of no other request. */
import { hashSync } from 'bcryptjs';
import { ask, statusOf } from '../../support/ask.js';
import { closeGrounds, get, openGround, type Ground } from '../../support/attack-ground.js';
import { handshake } from '../../support/handshake.js';
import { valuesOf } from '../../support/messages.js';
import { shadowed } from '../../support/shadowed.js';
import { until } from '../../support/until.js';

const KEY = 'X-API-Key: key-of-the-office';
const PASSWORD = 'password of the operator';
const basic = (password: string): string =>
  `Authorization: Basic ${Buffer.from(`admin:${password}`).toString('base64')}`;
const WRONG = basic('a guess');
/** The office, the CDN and the proxy: no attack may make a client one of them. */
const AUTH = `
    api_key: { keys: [{ key: key-of-the-office, name: office, allowed_ips: [198.51.100.0/24, "2001:db8:5::/48", 173.245.48.0/20, 127.0.0.0/8] }] }
    basic: { users: [{ username: admin, password_hash: "${hashSync(PASSWORD, 4)}" }], throttle: { failures: 2, per: 1h } }`;
const ROUTES = `
  - { id: office, path: /office/*, upstream: backend, auth: { api_key: true } }
  - { id: ops, path: /ops/*, upstream: backend, auth: { basic: true } }
  - { id: open, path: /open/*, upstream: backend, auth: none }`;
const CDN = '173.245.48.7';
const CDN6 = '2400:cb00::7';
const LOG = 'logging: { access: { enabled: true }, denied: { sample: 1000 } }';
const header = (from: string, name = 'CF-Connecting-IP'): string =>
  `client_ip_header: { name: ${name}, from: [${from}] }\n${LOG}`;
/** Cloudflare, then nginx, then Loom. */
const BEHIND_NGINX = `trusted_proxies: [127.0.0.0/8]\n${header('173.245.48.0/20, "2400:cb00::/32"')}`;
/** Cloudflare connects to Loom. */
const DIRECT = header('127.0.0.0/8');
const LIMIT = `
rate_limit: { enabled: true, rate: 0.001, burst: 2, key: ip, exemptions: [{ type: ip, values: [198.51.100.0/24, 173.245.48.0/20, 127.0.0.0/8] }] }`;

const ground = (top: string, auth = AUTH): Promise<Ground> =>
  openGround({ replaceAuth: true, auth, replaceRoutes: true, routes: ROUTES, top });
const via = (...entries: readonly string[]): string => `X-Forwarded-For: ${entries.join(', ')}`;
const client = (value: string): string => `CF-Connecting-IP: ${value}`;

afterEach(closeGrounds);

/** Without a usable address of the client in a request that came through the CDN. */
const UNUSABLE: readonly (readonly string[])[] = [
  [],
  ['CF-Connecting-IP:'],
  [client('  ')],
  [client('office')],
  [client('198.51.100.8, 203.0.113.1')],
  [client('198.51.100.8,')],
  [client('198.51.100.8 198.51.100.9')],
  [client('198.51.100.8:'), 'X-Real-IP: 198.51.100.8'],
  [client('198.51.100.8:70000')],
  [client('198.51.100.0/24')],
  [client('198.51.100.8'), client('198.51.100.8')],
  [client('198.51.100.8'), 'cf-connecting-ip: 203.0.113.1'],
  [client('198.51.100.8'), 'CF-Connecting-IP:'],
  ['CF_Connecting_IP: 198.51.100.8'],
  ['CF-Connecting-IPv6: 2001:db8:5::1'],
  ['True-Client-IP: 198.51.100.8'],
  [client('127.0.0.1')],
  [client('::ffff:127.0.0.1')],
];

async function statusesOf(on: Ground, lines: readonly string[]): Promise<readonly number[]> {
  const asked = [get('/office/x', KEY, ...lines), handshake('/office/x', KEY, ...lines)];
  return Promise.all(asked.map(async (bytes) => statusOf(await on.send(bytes))));
}

describe('G-06 a header that is sent around the CDN', () => {
  const AROUND: readonly (readonly string[])[] = [
    [via('203.0.113.1'), client('198.51.100.8')],
    [via(CDN, '203.0.113.1'), client('198.51.100.8')],
    [via('198.51.100.8', CDN, '203.0.113.1'), client('198.51.100.8')],
    [via('203.0.113.1:443'), client('198.51.100.8')],
    [via('[2001:db8:6::1]:443'), client('2001:db8:5::1')],
    [via(CDN), via('203.0.113.1'), client('198.51.100.8')],
    [via(CDN, 'evil'), client('198.51.100.8')],
    [via(CDN, ''), client('198.51.100.8')],
    [via(`${CDN}evil`), client('198.51.100.8')],
  ];

  test('does not choose the client address, and does not reach the upstream', async () => {
    const on = await ground(BEHIND_NGINX);
    for (const lines of AROUND) expect([lines, await statusesOf(on, lines)]).toEqual([lines, [403, 403]]);
    expect(on.arrived()).toEqual([]);
    for (const lines of AROUND) await on.send(get('/open/x', 'Cf_Connecting_Ip: 198.51.100.8', ...lines));
    const names = on.arrived().flatMap(({ fields }) => fields.map(([name]) => name.toLowerCase()));
    expect(names.filter((name) => /^cf.connecting/.test(name))).toEqual([]);
    // A trusted proxy that does not speak of a CDN is itself the client, as without the option.
    expect(await statusesOf(on, [client('203.0.113.1')])).toEqual([200, 101]);
    on.arrived();
  });

  test('from a peer that is not the CDN is removed, also under a name that no CDN has', async () => {
    const on = await ground(header('173.245.48.0/20', 'X-Edge-Client'));
    const lines = ['X-Edge-Client: 203.0.113.1', 'x_edge_client: 203.0.113.1', 'X-Edge-Clients: kept', via(CDN)];
    expect(statusOf(await on.send(get('/office/x', KEY, ...lines)))).toBe(200);
    const [message] = on.arrived();
    const edge = message?.fields.filter(([name]) => /edge/i.test(name));
    expect(edge).toEqual([['x-edge-clients', 'kept']]);
    expect(message && valuesOf(message, 'x-forwarded-for')).toEqual(['127.0.0.1']);
  });

  test('chooses no bucket of a limit, and counts no failed attempt for another client', async () => {
    const on = await ground(`${BEHIND_NGINX}${LIMIT}`);
    const statuses: number[] = [];
    for (let at = 1; at <= 5; at += 1)
      statuses.push(statusOf(await on.send(get('/open/x', via('203.0.113.1'), client(`203.0.113.${at + 10}`)))));
    expect(statuses).toEqual([200, 200, 429, 429, 429]);
    on.arrived();
    const failing = await ground(BEHIND_NGINX);
    for (let at = 0; at < 4; at += 1)
      await failing.send(get('/ops/x', WRONG, via('203.0.113.1'), client('198.51.100.8')));
    const honest = [basic(PASSWORD), via(CDN), client('198.51.100.8')];
    expect(statusOf(await failing.send(get('/ops/x', ...honest)))).toBe(200);
    failing.arrived();
  });
});

describe('G-06 a request through the CDN without a usable client address', () => {
  test.each([
    ['behind nginx', BEHIND_NGINX, [via('198.51.100.8', CDN)]],
    ['behind nginx, over IPv6', BEHIND_NGINX, [via('198.51.100.8', CDN6)]],
    ['at the CDN itself', DIRECT, [via('198.51.100.8')]],
    ['at the CDN itself, which is trusted too', `trusted_proxies: [127.0.0.0/8]\n${DIRECT}`, [via('198.51.100.8')]],
  ])('%s: the client is unknown, and never the CDN', async (_place, top, route) => {
    const on = await ground(top);
    for (const lines of UNUSABLE)
      expect([lines, await statusesOf(on, [...route, ...lines])]).toEqual([lines, [403, 403]]);
    expect(on.arrived()).toEqual([]);
    await on.send(get('/open/x', ...route, client('evil-text')));
    const [message] = on.arrived();
    expect(message && valuesOf(message, 'cf-connecting-ip')).toEqual([]);
    await until(() => on.output().includes('"event":"access"'));
    const lines = on.output().split('\n');
    const clients = lines.flatMap((each) => /"client":"([^"]*)"/.exec(each)?.[1] ?? []);
    expect(new Set(clients)).toEqual(new Set(['unknown via 127.0.0.1']));
    const warned = lines.filter((each) => each.includes('the client is unknown'));
    const entries = warned.map((each) => JSON.parse(each) as { entry: string; header: string });
    expect(entries.map(({ entry }) => entry).sort()).toEqual(['a proxy', 'empty', 'missing', 'no address', 'twice']);
    expect(new Set(entries.map((each) => each.header))).toEqual(new Set(['CF-Connecting-IP']));
    expect(on.output()).not.toContain('evil-text');
  });

  test('has no exemption, and shares one bucket of unknown clients', async () => {
    const on = await ground(`${BEHIND_NGINX}${LIMIT}`);
    const statuses: number[] = [];
    for (const lines of UNUSABLE) statuses.push(statusOf(await on.send(get('/open/x', via(CDN), ...lines))));
    expect(statuses.filter((status) => status === 200)).toHaveLength(2);
    expect(statuses.filter((status) => status === 429)).toHaveLength(UNUSABLE.length - 2);
    on.arrived();
  });
});

describe('G-06 twin: a client of the CDN', () => {
  test('is known by its address, in each form, and a stranger is refused', async () => {
    const on = await ground(BEHIND_NGINX);
    const office = [
      '198.51.100.8',
      '198.51.100.8:4444',
      '2001:db8:5::1',
      '[2001:db8:5::1]:4444',
      '::ffff:198.51.100.8',
    ];
    const routes = [via(CDN), via('203.0.113.1', CDN, '127.0.0.2'), via(`${CDN}:443`), via(CDN6), via(`[${CDN6}]:443`)];
    for (const address of office)
      for (const route of routes)
        expect([address, route, await statusesOf(on, [route, client(address)])]).toEqual([address, route, [200, 101]]);
    for (const address of ['203.0.113.1', '203.0.113.1:4444', '2001:db8:6::1'])
      expect([address, await statusesOf(on, [via('198.51.100.8', CDN), client(address)])]).toEqual([
        address,
        [403, 403],
      ]);
    on.arrived();
  });

  test('is what the upstream sees, without the text of the client before it', async () => {
    const on = await ground(BEHIND_NGINX);
    const lines = [via('6.6.6.6', '198.51.100.8', CDN, '127.0.0.2'), client('198.51.100.8:99'), `X-Real-IP: ${CDN}`];
    await on.send(get('/open/x', ...lines));
    const [message] = on.arrived();
    expect(message && valuesOf(message, 'x-forwarded-for')).toEqual([`198.51.100.8, ${CDN}, 127.0.0.2, 127.0.0.1`]);
    expect(message && valuesOf(message, 'x-real-ip')).toEqual(['198.51.100.8']);
    expect(message && valuesOf(message, 'cf-connecting-ip')).toEqual(['198.51.100.8']);
    const direct = await ground(DIRECT);
    await direct.send(get('/open/x', via('6.6.6.6'), client('198.51.100.8'), 'X-Real-IP: 6.6.6.6'));
    const [second] = direct.arrived();
    expect(second && valuesOf(second, 'x-forwarded-for')).toEqual(['198.51.100.8, 127.0.0.1']);
    expect(second && valuesOf(second, 'x-real-ip')).toEqual(['198.51.100.8']);
    expect(direct.output()).not.toContain('untrusted peer');
  });

  test('has a bucket, an exemption, a budget of failures and log lines of its own', async () => {
    const on = await ground(`${BEHIND_NGINX}${LIMIT}`);
    const open = async (address: string): Promise<number> =>
      statusOf(await on.send(get('/open/x', via(CDN), client(address))));
    const statuses: number[] = [];
    for (const address of ['203.0.113.1', '203.0.113.1', '203.0.113.1', '203.0.113.2'])
      statuses.push(await open(address));
    for (let at = 0; at < 4; at += 1) statuses.push(await open('198.51.100.8'));
    expect(statuses).toEqual([200, 200, 429, 200, 200, 200, 200, 200]);
    await until(() => on.output().split('"event":"access"').length > statuses.length);
    expect(on.output()).toMatch(/"event":"access".*"client":"203\.0\.113\.2"/);
    on.arrived();
    const failing = await ground(`${BEHIND_NGINX}\nadmin: { address: "127.0.0.1:PORT2" }`);
    for (let at = 0; at < 4; at += 1) await failing.send(get('/ops/x', WRONG, via(CDN), client('203.0.113.1')));
    const attempt = (address: string) => failing.send(get('/ops/x', WRONG, via(CDN), client(address)));
    expect([statusOf(await attempt('203.0.113.1')), statusOf(await attempt('203.0.113.2'))]).toEqual([429, 401]);
    expect(failing.arrived()).toEqual([]);
    const { body } = await ask({ port: failing.morePorts[0] ?? 0, path: '/decisions' });
    const { decisions } = JSON.parse(body) as { decisions: readonly { client: string }[] };
    expect(decisions.map((each) => each.client).sort()).toEqual([
      ...Array<string>(5).fill('203.0.113.1'),
      '203.0.113.2',
    ]);
  });
});

test('G-06 twin: explain and a shadow file find the same client as the request', async () => {
  const text = `
middleware: { auth: { api_key: { keys: [{ key: key-of-the-office, name: office, allowed_ips: [198.51.100.0/24] }] }, chain: [api_key] } }
routes: [{ id: office, path: /office/* }]
${DIRECT}`;
  const at = await shadowed({ text }, { text });
  try {
    const asked: readonly (readonly [headers: Record<string, string>, status: number])[] = [
      [{ 'CF-Connecting-IP': '198.51.100.8' }, 200],
      [{ 'CF-Connecting-IP': '203.0.113.1' }, 403],
      [{ 'CF-Connecting-IP': '198.51.100.8, 198.51.100.8' }, 403],
      [{}, 403],
    ];
    for (const [client, status] of asked) {
      const headers = { 'X-API-Key': 'key-of-the-office', ...client };
      expect([client, (await at.send({ path: '/office/x', headers })).status]).toEqual([client, status]);
      const explained = await at.gate.explain({ url: '/office/x', headers, from: '127.0.0.1' });
      expect([client, explained.status ?? 200]).toEqual([client, status]);
      if (status === 200) expect(explained.request.client).toBe('198.51.100.8');
    }
    const { requests } = await at.after(asked.length);
    expect(requests).toMatchObject({ same: asked.length, different: 0, not_evaluated: 0 });
  } finally {
    await at.close();
  }
});
