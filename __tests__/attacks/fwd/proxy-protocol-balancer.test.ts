/** The PROXY protocol of a balancer names the client: no other peer, no other bytes and no other moment do. */
import type { NetConnectOpts } from 'node:net';
import fc from 'fast-check';
import { get, request } from '../../support/attack-ground.js';
import { balanced, closeBalanced, NEAR, OFFICE, type Balanced } from '../../support/balanced.js';
import { cases } from '../../support/fast-check-runs.js';
import { handshake } from '../../support/handshake.js';
import { lookalikesOf, valuesOf } from '../../support/messages.js';
import { ANNOUNCING, BROKEN, sendPieces, SILENT, V1, v2, type Sent } from '../../support/proxy-headers.js';
import { until } from '../../support/until.js';

afterEach(closeBalanced);

const HTTP = `  - { name: web, address: "127.0.0.1:PORT1", proxy_protocol: { from: [127.0.0.1] } }`;
/** The balancer and every neighbour are trusted: the word of a client must not gain from that. */
const TRUSTING = 'trusted_proxies: [127.0.0.0/8]';

const BALANCER: NetConnectOpts = { host: '127.0.0.1', port: 0, localAddress: '127.0.0.1' };
const NEIGHBOUR = { ...BALANCER, localAddress: '127.0.0.2' };
const at = (on: Balanced, peer: NetConnectOpts = BALANCER): NetConnectOpts => ({ ...peer, port: on.ports[0] });
const send = (on: Balanced, ...pieces: string[]): Promise<Sent> => sendPieces(at(on), pieces);
const clientOf = (on: Balanced): (readonly string[])[] => on.arrived().map((each) => valuesOf(each, 'x-forwarded-for'));

describe('G-07 a PROXY header that no balancer sent', () => {
  test('is a bad request from a peer outside of from, and names no client', async () => {
    const on = await balanced(HTTP, { top: TRUSTING });
    for (const header of [...ANNOUNCING, ...SILENT].map(([, each]) => each)) {
      const { statuses } = await sendPieces(at(on, NEIGHBOUR), [header + get('/keys/x', OFFICE)]);
      expect([header, statuses]).toEqual([header, [400]]);
    }
    expect(on.arrived()).toEqual([]);
  });

  test('is a bad request as the second header, as the next request, and inside of a body or a header', async () => {
    const on = await balanced(HTTP, { top: TRUSTING });
    for (const [, second] of ANNOUNCING) {
      expect((await send(on, V1 + second + get('/keys/x', OFFICE))).statuses).toEqual([400]);
      expect(on.arrived()).toEqual([]);
      const kept = [V1.replace('198.51.100.8', '203.0.113.1') + get('/open/x'), second + get('/keys/x', OFFICE)];
      expect((await sendPieces(at(on), kept, { responses: 2, inTurns: true })).statuses).toEqual([200, 400]);
      expect(clientOf(on)).toEqual([['203.0.113.1']]);
      const body = request('POST', '/open/x', [`Content-Length: ${second.length}`], second);
      const inside = V1.replace('198.51.100.8', '203.0.113.1') + body + get('/keys/x', OFFICE);
      expect((await sendPieces(at(on), [inside], { responses: 2 })).statuses).toEqual([200, 403]);
      on.arrived();
    }
  });

  test('does not let the client speak as the balancer', async () => {
    const on = await balanced(HTTP, {
      top: `${TRUSTING}\nclient_ip_header: { name: X-Edge-Client, from: [127.0.0.0/8] }`,
    });
    const words = ['X-Forwarded-For: 198.51.100.8', 'X-Edge-Client: 198.51.100.8', 'X-Forwarded-Host: inside.example'];
    const stranger = V1.replace('198.51.100.8', '203.0.113.1');
    for (const header of [stranger, ...SILENT.map(([, each]) => each)]) {
      expect((await send(on, header + get('/keys/x', OFFICE, ...words))).statuses).toEqual([403]);
      expect((await send(on, header + get('/keys/x', NEAR, ...words))).statuses).toEqual([403]);
      await send(on, header + get('/open/x', ...words));
      const [message] = on.arrived();
      const client = header === stranger ? [['x-forwarded-for', '203.0.113.1']] : [];
      expect(message && lookalikesOf(message, 'X-Forwarded-For')).toEqual(client);
      expect(message && valuesOf(message, 'x-forwarded-host')).toEqual(['gw']);
      expect(message && lookalikesOf(message, 'X-Edge-Client')).toEqual([]);
    }
  });

  test('without an address makes an unknown client, and never the balancer', async () => {
    // A listener on all addresses sees the balancer as ::ffff:127.0.0.1.
    const listener = HTTP.replace('127.0.0.1:PORT1', ':PORT1');
    const on = await balanced(listener, { top: 'logging: { access: { enabled: true } }' });
    for (const [, header] of SILENT) {
      expect((await send(on, header + get('/keys/x', NEAR))).statuses).toEqual([403]);
      expect((await send(on, header + handshake('/keys/x', NEAR))).statuses).toEqual([403]);
      expect((await send(on, header + get('/open/x'))).statuses).toEqual([200]);
      expect(clientOf(on)).toEqual([[]]);
    }
    await until(() => on.log.filter(({ facts }) => facts['event'] === 'access').length === 3 * SILENT.length);
    const clients = on.log.flatMap(({ facts }) => (typeof facts['client'] === 'string' ? [facts['client']] : []));
    expect(new Set(clients)).toEqual(new Set(['unknown via 127.0.0.1']));
  });
});

describe('G-07 a balancer without a valid header', () => {
  test('is closed without an answer, with a metric and one line for each cause', async () => {
    const on = await balanced(HTTP);
    for (const [which, header] of BROKEN)
      expect([which, (await send(on, header + get('/open/x'))).text]).toEqual([which, '']);
    for (const first of [get('/open/x'), '\r\n', '\x16\x03\x01\x02\0\x01', ` ${V1}`, V1.toLowerCase()])
      expect((await send(on, first + get('/open/x'))).text).toBe('');
    expect(on.arrived()).toEqual([]);
    const lines = on.log.filter(({ words }) => words.includes('valid PROXY header'));
    const causes = ['checksum', 'malformed', 'missing', 'oversized'];
    expect(lines.map(({ facts }) => String(facts['cause'])).sort()).toEqual(causes);
    expect(lines[0]?.facts).toMatchObject({ listener: 'web', sender: '127.0.0.1' });
    const { body } = await on.page('/metrics');
    const counted = Array.from(body.matchAll(/^loom_proxy_protocol_faults_total\{(.*)\} (\d+)$/gm));
    expect(counted.map(([, labels]) => /cause="(\w+)"/.exec(labels ?? '')?.[1]).sort()).toEqual(causes);
    expect(counted.reduce((sum, [, , count]) => sum + Number(count), 0)).toBe(BROKEN.length + 5);
  });

  test('that sends nothing, or a part, is closed in time', async () => {
    const listener = HTTP.replace('proxy_protocol', 'read_timeout: 200ms, proxy_protocol');
    const on = await balanced(listener);
    for (const part of ['', 'PROXY TCP4 198.51.100.8', v2().slice(0, 20)])
      expect((await sendPieces(at(on), part === '' ? [] : [part])).text).toBe('');
    const causes = on.log.map(({ facts }) => facts['cause']).filter((cause) => cause !== undefined);
    expect(causes).toEqual(['timeout']);
    expect((await on.page('/metrics')).body).toContain('cause="timeout"} 3');
  });
});

describe('G-07 twin: a client behind a balancer', () => {
  test('has the announced address, in requests and handshakes', async () => {
    const on = await balanced(HTTP, { top: TRUSTING });
    for (const [, header, client] of ANNOUNCING) {
      expect((await send(on, header + get('/keys/x', OFFICE))).statuses).toEqual([200]);
      expect(clientOf(on)).toEqual([[client]]);
      expect((await send(on, header + handshake('/keys/x', OFFICE))).statuses).toEqual([101]);
      expect(clientOf(on)).toEqual([[client]]);
      expect((await send(on, header + get('/keys/x', NEAR))).statuses).toEqual([403]);
      const kept = header + get('/keys/x', OFFICE) + get('/open/x');
      expect((await sendPieces(at(on), [kept], { responses: 2 })).statuses).toEqual([200, 200]);
      expect(clientOf(on)).toEqual([[client], [client]]);
    }
  });

  test('a peer outside of from without a header is a direct client', async () => {
    const on = await balanced(HTTP);
    expect((await sendPieces(at(on, NEIGHBOUR), [get('/keys/x', NEAR)])).statuses).toEqual([200]);
    expect(clientOf(on)).toEqual([['127.0.0.2']]);
  });

  test('a proxy behind the balancer names its client, if the proxy itself is trusted', async () => {
    const on = await balanced(HTTP, { top: 'trusted_proxies: [198.51.100.8]' });
    const words = 'X-Forwarded-For: 2001:db8:5::9';
    expect((await send(on, V1 + get('/keys/x', OFFICE, words))).statuses).toEqual([200]);
    expect(clientOf(on)).toEqual([['2001:db8:5::9, 198.51.100.8']]);
    const other = V1.replace('198.51.100.8', '198.51.100.9');
    expect((await send(on, other + get('/keys/x', OFFICE, words))).statuses).toEqual([200]);
    expect(clientOf(on)).toEqual([['198.51.100.9']]);
  });

  test('has a bucket, a budget of failures, a log line and a record of its own', async () => {
    const top = `rate_limit: { enabled: true, rate: 0.001, burst: 2, key: ip, exemptions: [{ type: ip, values: [127.0.0.0/8, 198.51.100.0/24] }] }`;
    const on = await balanced(HTTP, { top });
    const from = async (address: string, path = '/open/x'): Promise<number | undefined> =>
      (await send(on, V1.replace('198.51.100.8', address) + get(path))).statuses[0];
    const statuses: unknown[] = [];
    for (const address of [
      '203.0.113.1',
      '203.0.113.1',
      '203.0.113.1',
      '203.0.113.2',
      ...Array<string>(4).fill('198.51.100.8'),
    ])
      statuses.push(await from(address));
    expect(statuses).toEqual([200, 200, 429, 200, 200, 200, 200, 200]);
    on.arrived();
    expect(await from('198.51.100.9', '/keys/x')).toBe(401);
    const { decisions } = JSON.parse((await on.page('/decisions')).body) as { decisions: { client: string }[] };
    expect(new Set(decisions.map(({ client }) => client))).toEqual(
      new Set(['203.0.113.1', '203.0.113.2', '198.51.100.8', '198.51.100.9']),
    );
  });

  test('a reload takes another balancer, and the old one is a direct client', async () => {
    const on = await balanced(HTTP);
    await on.edit((text) => text.replace('from: [127.0.0.1]', 'from: [127.0.0.2]'));
    const status = async (peer: NetConnectOpts, bytes: string) => (await sendPieces(at(on, peer), [bytes])).statuses[0];
    await until(() => on.log.filter(({ words }) => words === 'listening').length === 3);
    expect(await status(BALANCER, get('/keys/x', NEAR))).toBe(200);
    expect(await status(BALANCER, V1 + get('/keys/x', OFFICE))).toBe(400);
    expect(await status(NEIGHBOUR, V1 + get('/keys/x', OFFICE))).toBe(200);
    on.arrived();
  });

  test('health checks of the balancer are answered, with LOCAL and with a header of its own', async () => {
    const on = await balanced(HTTP, { top: 'health: { path: /healthz }' });
    for (const [, header] of [...SILENT, ...ANNOUNCING])
      expect((await send(on, header + get('/healthz'))).statuses).toEqual([200]);
  });
});

test('G-07 twin: any split of the header and the request into packets has the same answer', async () => {
  const on = await balanced(HTTP, { top: TRUSTING });
  const good = ANNOUNCING.map(([, header, client]) => [header, OFFICE, [200], [client]] as const);
  const bad = BROKEN.filter(([, header]) => header.length < 300).map(([, header]) => [header, OFFICE, [], []] as const);
  const twice = [[V1 + v2(), OFFICE, [400], []] as const];
  const sent = fc.constantFrom(...good, ...good, ...bad, ...twice);
  const cuts = fc.array(fc.nat(300), { maxLength: 6 });
  await fc.assert(
    fc.asyncProperty(sent, cuts, fc.boolean(), async ([header, key, statuses, clients], places, bytewise) => {
      const bytes = header + get('/keys/x', key);
      const points = bytewise ? Array.from({ length: header.length + 3 }, (_, index) => index) : places;
      const sorted = [...new Set([0, ...points.filter((point) => point < bytes.length), bytes.length])].sort(
        (a, b) => a - b,
      );
      const pieces = sorted.slice(1).map((end, index) => bytes.slice(sorted[index], end));
      const answer = await sendPieces(at(on), pieces);
      expect([answer.statuses, clientOf(on).flat()]).toEqual([statuses, clients]);
    }),
    cases(60, { cost: 20 }),
  );
});
