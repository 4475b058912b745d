/** Names of endpoints that are resolved again, with a DNS server: every address is an endpoint, and addresses change. */
import { createServer, request, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { networkInterfaces } from 'node:os';
import type { TLSSocket } from 'node:tls';
import type { PlannedUpstream } from '../../../src/config/plan-types.js';
import { CertificateOffice } from '../../support/certificates.js';
import { NameServer, type Zone } from '../../support/name-server.js';
import { freePorts } from '../../support/ports.js';
import { closed } from '../../support/recording-upstream.js';
import { until } from '../../support/until.js';
import {
  closeUpstreamGrounds,
  upstreamGround,
  type GroundParts,
  type UpstreamGround,
} from '../../support/upstream-ground.js';

const NAME = 'api.test';

/** A server at one address. It answers with its address. */
class Place {
  readonly hosts: string[] = [];
  readonly sockets = new Set<Socket>();
  readonly held: (() => void)[] = [];
  status = 200;
  connections = 0;

  constructor(
    readonly address: string,
    readonly server: Server,
  ) {
    // Only the gateway closes idle connections.
    server.keepAliveTimeout = 0;
    server.on('connection', (socket: Socket) => {
      this.connections += 1;
      this.sockets.add(socket);
      socket.on('error', () => undefined).on('close', () => this.sockets.delete(socket));
    });
    server.on('request', (req, res) => {
      if (req.url === '/check') return void res.writeHead(this.status).end();
      this.hosts.push(req.headers.host ?? '');
      if (req.url === '/held') this.held.push(() => res.end(address));
      else res.writeHead(this.status).end(address);
    });
    server.on('upgrade', (req, socket) => {
      this.hosts.push(req.headers.host ?? '');
      socket.on('error', () => undefined);
      // RFC 6455 §1.3: the accept key of the key that the test sends.
      const accept = 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=';
      socket.write(
        `HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
      );
      socket.on('data', (piece: Buffer) => socket.write(piece));
    });
  }
}

let dns: NameServer;
let port = 0;
const places = new Map<string, Place>();
const cleanups: (() => Promise<void>)[] = [];

beforeEach(async () => {
  dns = await NameServer.open();
  [port = 0] = await freePorts(1);
});
afterEach(async () => {
  await closeUpstreamGrounds();
  for (const cleanup of cleanups.splice(0)) await cleanup();
  places.clear();
  await dns.close();
});

async function open(address: string, server: Server = createServer()): Promise<Place> {
  const place = new Place(address, server);
  places.set(address, place);
  await new Promise<void>((resolve) => server.listen(port, address, resolve));
  cleanups.push(() => closed(server, [...place.sockets]));
  return place;
}

interface Named {
  readonly zone: Zone;
  readonly plan?: Partial<PlannedUpstream>;
  readonly options?: GroundParts['options'];
  readonly scheme?: string;
}

async function named({ zone, plan = {}, options, scheme = 'http' }: Named): Promise<UpstreamGround> {
  dns.set(NAME, zone);
  const ground = await upstreamGround([{ url: `${scheme}://${NAME}:${port}` }], {
    plan: { dns: { refreshMs: 20, servers: [dns.address] }, ...plan },
    ...(options && { options }),
  });
  if (typeof zone !== 'string') await until(() => addressesOf(ground).join() === [...zone].sort().join());
  return ground;
}

const addressesOf = ({ upstream }: UpstreamGround): readonly (string | undefined)[] =>
  upstream.status().endpoints.flatMap(({ address, leaving }) => (leaving ? [] : [address]));

/** Who answered these many requests, each over its own connection of the client. */
async function answers(ground: UpstreamGround, count: number): Promise<readonly string[]> {
  const all: string[] = [];
  for (let at = 0; at < count; at++) all.push((await ground.get('/x')).body);
  return all;
}

const A = '127.0.0.1';
const B = '127.0.0.2';
const C = '127.0.0.3';
/** For documentation (RFC 3849): no server has it. */
const V6 = '2001:db8::1';
/** A machine without IPv6 uses no IPv6 address beside others. */
const USED_V6 = Object.values(networkInterfaces())
  .flatMap((each) => each ?? [])
  .some(({ family, internal, address }) => family === 'IPv6' && !internal && !address.startsWith('fe80:'))
  ? [V6]
  : [];

test('every address is an endpoint with the weight of the name, and Host keeps the name', async () => {
  const [a, b] = [await open(A), await open(B)];
  const ground = await named({ zone: [A, B], options: { preserveHost: false } });
  const seen = await answers(ground, 10);
  expect([seen.filter((each) => each === A).length, seen.filter((each) => each === B).length]).toEqual([5, 5]);
  expect(new Set([...a.hosts, ...b.hosts])).toEqual(new Set([`${NAME}:${port}`]));
  const { endpoints } = ground.upstream.status();
  const own = {
    url: `http://${NAME}:${port}`,
    up: true,
    weight: 1,
    name: { resolvedAt: expect.any(Number) as number },
  };
  expect(endpoints).toMatchObject([
    { ...own, address: A },
    { ...own, address: B },
  ]);
  expect(ground.counted('loom_upstream_addresses').at(-1)).toEqual({
    upstream: 'backend',
    endpoint: `${NAME}:${port}`,
    value: 2,
  });
  expect(JSON.stringify(ground.calls)).not.toContain(B);
});

test('an address that joins gets requests, and one that leaves gets no new ones', async () => {
  const [a, b] = [await open(A), await open(B)];
  await open(C);
  const ground = await named({ zone: [A, B] });
  await answers(ground, 4);
  expect([a.sockets.size, b.sockets.size]).toEqual([1, 1]);
  dns.set(NAME, [B, C]);
  await until(() => addressesOf(ground).join() === `${B},${C}`);
  // The idle connection to the old address closes. The connection to the address that stays is used again.
  await until(() => a.sockets.size === 0);
  expect(new Set(await answers(ground, 8))).toEqual(new Set([B, C]));
  expect([b.connections, b.sockets.size]).toEqual([1, 1]);
  const changes = ground.log.filter(({ words }) => words === 'the addresses of a name have changed');
  expect(changes.at(-1)?.facts).toMatchObject({ endpoint: `${NAME}:${port}`, added: [C], removed: [A] });
});

test('an open request at an address that leaves is answered, and its connection then closes', async () => {
  const a = await open(A);
  await open(B);
  const ground = await named({ zone: [A] });
  const late = ground.get('/held');
  await until(() => a.held.length === 1);
  dns.set(NAME, [B]);
  await until(() => addressesOf(ground).join() === B);
  expect(ground.upstream.status().endpoints).toMatchObject([
    { address: B, inFlight: 0 },
    { address: A, leaving: true, up: false, inFlight: 1 },
  ]);
  expect(await answers(ground, 2)).toEqual([B, B]);
  a.held.forEach((letGo) => letGo());
  expect((await late).body).toBe(A);
  await until(() => a.sockets.size === 0);
  expect(ground.upstream.status().endpoints).toHaveLength(1);
});

test('a request that waits for a connection to an address that leaves goes to another address', async () => {
  const a = await open(A);
  await open(B);
  const ground = await named({ zone: [A], plan: { maxOpen: 1 } });
  const first = ground.get('/held');
  await until(() => a.held.length === 1);
  const waiting = [ground.get('/x'), ground.get('/y')];
  await until(() => ground.upstream.status().endpoints[0]?.inFlight === 3);
  dns.set(NAME, [B]);
  expect((await Promise.all(waiting)).map(({ body }) => body)).toEqual([B, B]);
  a.held.forEach((letGo) => letGo());
  expect((await first).body).toBe(A);
});

/** A WebSocket of a client through the gateway. */
async function upgraded(ground: UpstreamGround): Promise<{ readonly socket: Socket; text: string }> {
  const socket = connect(ground.port, '127.0.0.1');
  const client = { socket, text: '' };
  socket.on('data', (piece) => (client.text += String(piece))).on('error', () => undefined);
  cleanups.push(() => Promise.resolve(void socket.destroy()));
  const fields = 'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n';
  socket.write(`GET /ws HTTP/1.1\r\nHost: client.test\r\n${fields}Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`);
  await until(() => client.text.includes('\r\n\r\n'));
  return client;
}

test('an upgraded socket stays at its address, and the next one goes to the new address', async () => {
  const [a, b] = [await open(A), await open(B)];
  const ground = await named({ zone: [A] });
  const first = await upgraded(ground);
  expect([first.text.slice(0, 12), a.hosts]).toEqual(['HTTP/1.1 101', ['client.test']]);
  dns.set(NAME, [B]);
  await until(() => addressesOf(ground).join() === B);
  first.text = '';
  first.socket.write('still here');
  await until(() => first.text === 'still here');
  await upgraded(ground);
  expect(b.hosts).toEqual(['client.test']);
});

test.each(['SERVFAIL', 'NXDOMAIN', []] as const)(
  'after %j the last addresses stay, and the log says so once',
  async (failure) => {
    await open(A);
    const ground = await named({ zone: [A] });
    dns.set(NAME, failure);
    const failed = () =>
      ground.counted('loom_upstream_resolutions_total').filter(({ outcome }) => outcome === 'failed');
    await until(() => failed().length >= 2);
    expect(await answers(ground, 3)).toEqual([A, A, A]);
    expect(ground.upstream.status().endpoints).toMatchObject([
      { address: A, name: { fault: expect.any(String) as string } },
    ]);
    const told = ground.words().filter((words) => words === 'a name was not resolved: its addresses stay');
    expect(told).toHaveLength(1);
    dns.set(NAME, [A]);
    await until(() => ground.words().includes('a name is resolved again'));
    expect(ground.upstream.status().endpoints[0]?.name).not.toHaveProperty('fault');
  },
  20_000,
);

test('until the first answer each connection asks for the name itself', async () => {
  await open(A);
  const ground = await named({ zone: 'SERVFAIL' });
  expect((await ground.get('/x')).status).toBe(502);
  dns.set(NAME, [A]);
  expect((await ground.get('/x')).body).toBe(A);
  await until(() => addressesOf(ground).join() === A);
});

test('an address of the other family stays while its family is not answered', async () => {
  await open(A);
  dns.set(NAME, [V6], 6);
  const ground = await named({ zone: [A, ...USED_V6] });
  dns.set(NAME, 'SERVFAIL', 6);
  dns.set(NAME, [A, B], 4);
  await until(() => addressesOf(ground).join() === [A, B, ...USED_V6].join());
  dns.set(NAME, [], 6);
  await until(() => addressesOf(ground).join() === `${A},${B}`);
});

test('one IPv6 address is enough', async () => {
  await open('::1');
  const ground = await named({ zone: ['::1'] });
  expect(await answers(ground, 1)).toEqual(['::1']);
});

test('health checks and breakers are for each address, and the metric is for the name', async () => {
  const [a, b] = [await open(A), await open(B)];
  const healthCheck = { path: '/check', intervalMs: 20, timeoutMs: 5_000, healthyThreshold: 1, unhealthyThreshold: 1 };
  const ground = await named({ zone: [A, B], plan: { healthCheck: { ...healthCheck, expectedStatus: [200] } } });
  const up = (): unknown => ground.counted('loom_upstream_up').at(-1)?.['value'];
  a.status = 500;
  await until(() => ground.upstream.status().endpoints[0]?.up === false);
  expect(new Set(await answers(ground, 6))).toEqual(new Set([B]));
  expect(up()).toBe(1);
  expect(ground.log.find(({ words }) => words.startsWith('endpoint is unhealthy'))?.facts).toMatchObject({
    address: A,
  });
  b.status = 500;
  await until(() => up() === 0);
  expect((await ground.get('/x')).status).toBe(503);
  a.status = 200;
  await until(() => up() === 1);
  expect(new Set(await answers(ground, 4))).toEqual(new Set([A]));
});

test('the breaker of one address opens alone', async () => {
  const [a] = [await open(A), await open(B)];
  const circuitBreaker = { failureThreshold: 1, successThreshold: 1, timeoutMs: 60_000 };
  const ground = await named({ zone: [A, B], plan: { circuitBreaker } });
  a.status = 500;
  await answers(ground, 2);
  expect(new Set(await answers(ground, 4))).toEqual(new Set([B]));
  expect(ground.upstream.status().endpoints).toMatchObject([{ breaker: 'open' }, { breaker: 'closed' }]);
  expect(ground.counted('loom_upstream_breaker').at(-1)).toMatchObject({ value: 2 });
  dns.set(NAME, [B]);
  await until(() => ground.counted('loom_upstream_breaker').at(-1)?.['value'] === 0);
});

test('ip_hash: a client keeps its address while others come and go', async () => {
  for (const address of [A, B, C]) await open(address);
  const ground = await named({ zone: [A, B, C], plan: { balancer: 'ip_hash' } });
  const [own = ''] = await answers(ground, 1);
  expect(new Set(await answers(ground, 4))).toEqual(new Set([own]));
  const other = [A, B, C].filter((address) => address !== own)[0] ?? '';
  dns.set(NAME, [own, other].sort());
  await until(() => addressesOf(ground).length === 2);
  expect(new Set(await answers(ground, 4))).toEqual(new Set([own]));
});

test.each(['169.254.169.254', '0.0.0.0', '::ffff:a9fe:a9fe', 'fe80::1'])(
  'the address %s is left out, as an endpoint of the file would be',
  async (forbidden) => {
    await open(A);
    const ground = await named({ zone: [A] });
    dns.set(NAME, [A, forbidden]);
    const asked = dns.asked.length;
    await until(() => dns.asked.length > asked + 4);
    expect(addressesOf(ground)).toEqual([A]);
    dns.set(NAME, [forbidden]);
    await until(() => ground.upstream.status().endpoints[0]?.name?.fault !== undefined);
    expect([addressesOf(ground), await answers(ground, 1)]).toEqual([[A], [A]]);
  },
);

test('a name that never had an allowed address leads nowhere', async () => {
  const a = await open(A);
  const ground = await named({ zone: 'SERVFAIL' });
  dns.set(NAME, ['0.0.0.0']);
  await until(() => ground.upstream.status().endpoints[0]?.name?.fault === 'forbidden address');
  expect([(await ground.get('/x')).status, a.connections]).toEqual([502, 0]);
  expect(ground.log.at(-1)?.facts).toMatchObject({ cause: 'forbidden address' });
  dns.set(NAME, ['0.0.0.0', A]);
  expect((await ground.get('/x')).body).toBe(A);
});

test('one answer makes at most 256 endpoints', async () => {
  const many = Array.from({ length: 300 }, (_, at) => `127.1.${at >> 8}.${at & 255}`);
  const ground = await named({ zone: 'NXDOMAIN' });
  dns.set(NAME, many);
  await until(() => addressesOf(ground).length > 1);
  expect(addressesOf(ground)).toHaveLength(256);
  const changes = ground.log.filter(({ words }) => words === 'the addresses of a name have changed');
  expect(changes.at(-1)?.facts).toMatchObject({ omitted: 44 });
});

test('TLS: the certificate is checked against the name, which is also the SNI', async () => {
  const office = await CertificateOffice.open();
  const issue = (name: string) =>
    office.issue(name, { subject: '/CN=x', extensions: ['basicConstraints=CA:FALSE', `subjectAltName=DNS:${name}`] });
  const [right, wrong] = [await issue(NAME), await issue('other.test')];
  const names: unknown[] = [];
  const tlsServer = ({ cert, key }: { cert: string; key: string }): Server => {
    const server = createTlsServer({ cert: readFileSync(cert), key: readFileSync(key) });
    server.on('secureConnection', (socket: TLSSocket & { servername?: string }) => names.push(socket.servername));
    return server;
  };
  await open(A, tlsServer(right));
  await open(B, tlsServer(wrong));
  const ca = [right, wrong].map(({ cert }) => readFileSync(cert, 'utf8')).join('');
  const tls = { ca, insecureSkipVerify: false };
  const ground = await named({ zone: [A], plan: { tls, maxLifetimeMs: 50 }, scheme: 'https' });
  expect(await answers(ground, 1)).toEqual([A]);
  expect(names).toEqual([NAME]);
  await until(() => places.get(A)?.sockets.size === 0);
  dns.set(NAME, [B]);
  await until(() => addressesOf(ground).join() === B);
  expect((await ground.get('/x')).status).toBe(502);
});

test('a closed upstream asks no more', async () => {
  await open(A);
  const ground = await named({ zone: [A] });
  ground.upstream.close();
  const before = askedFor(NAME);
  dns.set('other.test', [A]);
  const plan = { dns: { refreshMs: 20, servers: [dns.address] } };
  await upstreamGround([{ url: `http://other.test:${port}` }], { plan });
  await until(() => askedFor('other.test') >= 10);
  // A question for both families may have been on its way.
  expect(askedFor(NAME) - before).toBeLessThanOrEqual(2);
});

const askedFor = (name: string): number => dns.asked.filter((each) => each === name).length;

test('the resolver of the system reads names of this machine', async () => {
  await open(A);
  const ground = await upstreamGround([{ url: `http://localhost:${port}` }], { plan: { dns: { refreshMs: 20 } } });
  await until(() => addressesOf(ground).includes(A));
  expect(addressesOf(ground).every((address) => address === A || address === '::1')).toBe(true);
});

test('twin: an endpoint that is an address is not resolved', async () => {
  await open(A);
  const ground = await upstreamGround([{ url: `http://${A}:${port}` }], {
    plan: { dns: { refreshMs: 20, servers: [dns.address] } },
  });
  expect(await answers(ground, 2)).toEqual([A, A]);
  expect([dns.asked, addressesOf(ground)]).toEqual([[], [undefined]]);
});

test('under load, no request is lost while the addresses change', async () => {
  for (const address of [A, B, C]) await open(address);
  const ground = await named({ zone: [A] });
  const statuses: number[] = [];
  let over = false;
  const ask = (): Promise<number> =>
    new Promise((resolve) => {
      request({ port: ground.port, host: '127.0.0.1', method: 'POST', agent: false })
        .on('response', (response) => resolve(response.resume().statusCode ?? 0))
        .on('error', () => resolve(0))
        .end('x');
    });
  const load = Array.from({ length: 8 }, async () => {
    while (!over) statuses.push(await ask());
  });
  for (const zone of [[A, B], [B, C], [C], [A, C], [A]]) {
    dns.set(NAME, zone);
    await until(() => addressesOf(ground).join() === zone.join());
    const before = statuses.length;
    await until(() => statuses.length > before + 10);
  }
  over = true;
  await Promise.all(load);
  expect(new Set(statuses)).toEqual(new Set([200]));
});
