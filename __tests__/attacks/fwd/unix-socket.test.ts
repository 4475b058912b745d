/** Unix sockets: who may connect, what is removed for them, and who their clients are. */
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { connect as connectTls } from 'node:tls';
import { loom } from '../../../src/index.js';
import { get } from '../../support/attack-ground.js';
import { balanced, closeBalanced, NEAR, OFFICE, type Balanced } from '../../support/balanced.js';
import { makeCertificates } from '../../support/certificates.js';
import { handshake } from '../../support/handshake.js';
import { lookalikesOf, valuesOf } from '../../support/messages.js';
import { BROKEN, sendPieces, V1, V1_IPV6, V1_UNKNOWN, v2, type Sent } from '../../support/proxy-headers.js';
import { quietLog } from '../../support/quiet-log.js';
import { until } from '../../support/until.js';
import { listen, type Running } from '../../../src/serve/listeners.js';
import { PortError } from '../../../src/serve/gatekeeper.js';

const unix = (more = ''): string => `  - { name: local, address: "unix:FOLDER/loom.sock"${more} }`;
const PATH = 'loom.sock';
const send = (on: Balanced, ...pieces: string[]): Promise<Sent> => sendPieces({ path: join(on.folder, PATH) }, pieces);
const words = (client: string): string[] => [`X-Forwarded-For: ${client}`, 'X-Forwarded-Host: shop.example'];

afterEach(closeBalanced);

describe('G-08 the client behind a Unix socket', () => {
  const LIMIT = `rate_limit: { enabled: true, rate: 0.001, burst: 4, key: ip, exemptions: [{ type: ip, values: [127.0.0.0/8, 198.51.100.0/24] }] }`;

  test('is unknown: no address list has it, no forwarded field names it, all of them share a bucket', async () => {
    for (const top of [
      '',
      'trusted_proxies: [127.0.0.0/8, "::1"]',
      'client_ip_header: { name: X-Edge-Client, from: [127.0.0.0/8] }',
    ]) {
      const on = await balanced(unix(), { top: `${top}\n${LIMIT}\nlogging: { access: { enabled: true } }` });
      const lines = [...words('198.51.100.8'), 'X-Real-IP: 198.51.100.8', 'X-Edge-Client: 198.51.100.8'];
      for (const key of [OFFICE, NEAR]) {
        expect((await send(on, get('/keys/x', key, ...lines))).statuses).toEqual([403]);
        expect((await send(on, handshake('/keys/x', key, ...lines))).statuses).toEqual([403]);
      }
      expect(on.arrived()).toEqual([]);
      expect((await send(on, get('/open/x', ...lines))).statuses).toEqual([429]);
      await until(() => on.log.some(({ facts }) => facts['status'] === 429 && facts['event'] === 'access'));
      const clients = on.log.flatMap(({ facts }) => (typeof facts['client'] === 'string' ? [facts['client']] : []));
      expect(new Set(clients)).toEqual(new Set(['unknown via unix']));
      await closeBalanced();
    }
  });

  test('is in no field that the upstream receives', async () => {
    const on = await balanced(unix());
    await send(on, get('/open/x', ...words('198.51.100.8'), 'X-Real-IP: 198.51.100.8', 'Forwarded: for=198.51.100.8'));
    const [message] = on.arrived();
    const told = (name: string) => message && lookalikesOf(message, name);
    expect([told('X-Forwarded-For'), told('X-Real-IP'), told('Forwarded')]).toEqual([[], [], []]);
    expect([told('X-Forwarded-Host'), told('X-Forwarded-Port')]).toEqual([[['x-forwarded-host', 'gw']], []]);
  });

  test('needs a usable address from a trusted peer, as from every proxy', async () => {
    const on = await balanced(unix(), { top: 'trusted_proxies: [unix, 127.0.0.0/8]' });
    const unusable = ['unix', 'unix:', '', 'evil', '198.51.100.8, unix:', '198.51.100.8, ', '127.0.0.1'];
    for (const entry of unusable)
      expect([entry, (await send(on, get('/keys/x', OFFICE, `X-Forwarded-For: ${entry}`))).statuses]).toEqual([
        entry,
        [403],
      ]);
    // A trusted peer that speaks for itself has no address either.
    for (const key of [OFFICE, NEAR]) expect((await send(on, get('/keys/x', key))).statuses).toEqual([403]);
    expect(on.arrived()).toEqual([]);
  });

  test('twin: unix in trusted_proxies lets nginx on the socket name its client', async () => {
    const on = await balanced(`${unix()}\n  - { name: web, address: "127.0.0.1:PORT1" }`, {
      top: 'trusted_proxies: [unix]',
    });
    for (const client of ['198.51.100.8', '198.51.100.8:4711', '2001:db8:5::8', '203.0.113.1, 198.51.100.8']) {
      expect((await send(on, get('/keys/x', OFFICE, ...words(client)))).statuses).toEqual([200]);
      expect((await send(on, handshake('/keys/x', OFFICE, ...words(client)))).statuses).toEqual([101]);
      const [message] = on.arrived();
      expect(message && valuesOf(message, 'x-forwarded-for')).toEqual([client]);
      expect(message && valuesOf(message, 'x-forwarded-host')).toEqual(['shop.example']);
    }
    for (const client of ['203.0.113.1', '198.51.100.8, 203.0.113.1'])
      expect((await send(on, get('/keys/x', OFFICE, ...words(client)))).statuses).toEqual([403]);
    // The word is about sockets alone: a TCP peer stays untrusted.
    const tcp = { host: '127.0.0.1', port: on.ports[0] };
    expect((await sendPieces(tcp, [get('/keys/x', OFFICE, ...words('198.51.100.8'))])).statuses).toEqual([403]);
    expect((await sendPieces(tcp, [get('/keys/x', NEAR, ...words('198.51.100.8'))])).statuses).toEqual([200]);
    on.arrived();
  });

  test('twin: the agent of a CDN on the socket names its client', async () => {
    const on = await balanced(unix(), { top: 'client_ip_header: { name: CF-Connecting-IP, from: [unix] }' });
    expect((await send(on, get('/keys/x', OFFICE, 'CF-Connecting-IP: 198.51.100.8'))).statuses).toEqual([200]);
    const [message] = on.arrived();
    expect(message && valuesOf(message, 'x-forwarded-for')).toEqual(['198.51.100.8']);
    expect((await send(on, get('/keys/x', OFFICE, 'CF-Connecting-IP: 203.0.113.1'))).statuses).toEqual([403]);
    expect((await send(on, get('/keys/x', OFFICE))).statuses).toEqual([403]);
  });

  test.each([
    ['', [403, 403, 200]],
    ['trusted_proxies: [unix]', [200, 403, 200]],
  ])('of the server of a host is unknown too: %s', async (top, expected) => {
    const text = `
middleware: { auth: { api_key: { keys: [{ key: key-of-the-office-1234, name: office, allowed_ips: [198.51.100.0/24] }, { key: key-of-the-balancer-12, name: near, allowed_ips: [127.0.0.0/8, "::1"] }] } } }
routes: [{ path: /keys/*, auth: { api_key: true } }, { path: /open/*, auth: none }]
${top}`;
    const gate = loom({ text, file: 'loom.yaml' }, { log: quietLog() });
    const server = createHttpServer((req, res) => gate(req, res, () => res.end('passed')));
    const folder = mkdtempSync(join(tmpdir(), 'loom-host-'));
    const path = join(folder, 'host.sock');
    await new Promise<void>((done) => server.listen(path, done));
    try {
      const asked = [get('/keys/x', OFFICE, 'X-Forwarded-For: 198.51.100.8'), get('/keys/x', NEAR), get('/open/x')];
      const sent = await Promise.all(asked.map((bytes) => sendPieces({ path }, [bytes])));
      expect(sent.map(({ statuses }) => statuses[0])).toEqual(expected);
    } finally {
      await new Promise((done) => server.close(done));
      await gate.close();
      rmSync(folder, { recursive: true });
    }
  });

  test('twin: TLS on the socket has client certificates and their headers', async () => {
    const certificates = await makeCertificates();
    const { server, client, ca } = certificates;
    const tls = `, tls: { cert_file: ${server.cert}, key_file: ${server.key}, client_auth: require, ca_file: ${ca}, client_cert_headers: { subject: X-Cert } }`;
    const on = await balanced(unix(tls), {
      auth: '',
      routes: 'routes: [{ path: /*, upstream: backend, auth: { mtls: true } }]',
    });
    const [cert, key] = [client.cert, client.key].map((file) => readFileSync(file));
    const socket = connectTls({
      path: join(on.folder, PATH),
      servername: 'localhost',
      ca: readFileSync(ca),
      cert,
      key,
    });
    socket.write(get('/x', 'Connection: close'));
    const chunks: Buffer[] = [];
    for await (const chunk of socket) chunks.push(chunk as Buffer);
    expect(Buffer.concat(chunks).toString()).toMatch(/^HTTP\/1\.1 200 /);
    const [message] = on.arrived();
    expect(message && valuesOf(message, 'x-cert')).toHaveLength(1);
    await certificates.remove();
  });

  test('twin: a balancer on the socket announces its client', async () => {
    const on = await balanced(unix(', proxy_protocol: { from: [unix] }'), { top: 'trusted_proxies: [unix]' });
    for (const header of [V1, V1_IPV6, v2()]) {
      expect((await send(on, header + get('/keys/x', OFFICE))).statuses).toEqual([200]);
      expect((await send(on, header + get('/keys/x', OFFICE, 'X-Forwarded-For: 203.0.113.1'))).statuses).toEqual([200]);
      expect((await send(on, header + get('/keys/x', NEAR))).statuses).toEqual([403]);
    }
    expect(new Set(on.arrived().flatMap((each) => valuesOf(each, 'x-forwarded-for')))).toEqual(
      new Set(['198.51.100.8', '2001:db8:5::8']),
    );
    const trusting = get('/keys/x', OFFICE, ...words('198.51.100.8'));
    for (const header of [V1_UNKNOWN, v2({ command: 0x20 })])
      expect((await send(on, header + trusting)).statuses).toEqual([403]);
    for (const header of ['', ...BROKEN.slice(0, 6).map(([, each]) => each)])
      expect((await send(on, header + trusting)).text).toBe('');
    expect(on.arrived()).toEqual([]);
  });
});

describe('G-08 the file of the socket', () => {
  const started: (Running | Server)[] = [];
  const log = quietLog();
  const start = async (path: string, mode = 0o600): Promise<Running> => {
    const timeouts = { readTimeoutMs: 5_000, writeTimeoutMs: 5_000, idleTimeoutMs: 5_000, maxHeaderBytes: 16_384 };
    const planned = { name: 'local', port: 0, protocol: 'http' as const, unix: { path, mode }, ...timeouts };
    const running = await listen(
      [planned],
      { request: (_req, res) => res.end('ok'), upgrade: () => undefined },
      { log },
    );
    started.push(running);
    return running;
  };
  const modeOf = (path: string): string => (lstatSync(path).mode & 0o777).toString(8);
  const statuses = async (path: string): Promise<readonly number[]> =>
    (await sendPieces({ path }, [get('/x')])).statuses;
  let folder: string;
  beforeEach(async () => {
    ({ folder } = await balanced(unix()));
  });
  afterEach(async () => {
    for (const each of started.splice(0))
      await ('stop' in each ? each.stop(0) : new Promise((done) => each.close(done)));
  });

  test('is never open to more users than the file says', async () => {
    const path = join(folder, 'a.sock');
    const umask = process.umask(0);
    try {
      await start(path);
      expect(modeOf(path)).toBe('600');
      await start(join(folder, 'b.sock'), 0o660);
      expect(modeOf(join(folder, 'b.sock'))).toBe('660');
      expect(process.umask(0)).toBe(0);
    } finally {
      process.umask(umask);
    }
  });

  test.each<[string, (path: string) => void]>([
    ['a file', (path) => writeFileSync(path, 'data')],
    ['a folder', (path) => void mkdirSync(path)],
    ['a link to a file', (path) => symlinkSync('/etc/hostname', path)],
  ])('is not put in place of %s', async (_which, make) => {
    const path = join(folder, 'other');
    make(path);
    await expect(start(path)).rejects.toThrow(/other exists, and is no socket that this user left behind/);
    expect(lstatSync(path).isSocket()).toBe(false);
  });

  test('is not taken from a process that answers, and that process still answers', async () => {
    const path = join(folder, 'a.sock');
    await start(path);
    await expect(start(path)).rejects.toThrow(PortError);
    await expect(start(path)).rejects.toThrow(/a\.sock is in use: another process answers/);
    expect(await statuses(path)).toEqual([200]);
  });

  test.each([
    ['missing/a.sock', /its folder does not exist/],
    ['file/a.sock', /cannot be listened on \(ENOTDIR\)/],
  ])('%s is an error that says why', async (name, message) => {
    writeFileSync(join(folder, 'file'), '');
    await expect(start(join(folder, name))).rejects.toThrow(message);
  });

  test('twin: a socket that a dead process has left is replaced, and is removed at the end', async () => {
    const path = join(folder, 'a.sock');
    // Node removes the name of a server that closes, so the second name stays as after SIGKILL.
    const dead = createServer();
    await new Promise<void>((done) => dead.listen(join(folder, 'first'), done));
    renameSync(join(folder, 'first'), path);
    await new Promise((done) => dead.close(done));
    expect(lstatSync(path).isSocket()).toBe(true);
    const running = await start(path);
    expect(await statuses(path)).toEqual([200]);
    await running.stop(0);
    expect(existsSync(path)).toBe(false);
  });

  test('is kept if another process has put its own at the path', async () => {
    const path = join(folder, 'a.sock');
    const running = await start(path);
    rmSync(path);
    const other = createServer((socket) => socket.end('the other one'));
    await new Promise<void>((done) => other.listen(path, done));
    const { ino } = lstatSync(path);
    await running.stop(0);
    expect(lstatSync(path).ino).toBe(ino);
    expect(readdirSync(folder).filter((name) => name.startsWith('a.sock'))).toEqual(['a.sock']);
    expect(await text(connect(path))).toBe('the other one');
    await new Promise((done) => other.close(done));
    // Twin: a stop without a file at the path is no fault.
    const second = await start(path);
    rmSync(path);
    await second.stop(0);
  });

  test('twin: the gateway of a file keeps its socket in a reload, changes it, and removes it at the end', async () => {
    const on = await balanced(unix());
    const path = join(on.folder, PATH);
    const { ino } = lstatSync(path);
    expect(on.gateway.listening[0]).toEqual({ name: 'local', protocol: 'http', host: `unix:${path}`, port: 0 });
    await on.edit((text) => text.replace('id: open', 'id: opened'));
    expect([lstatSync(path).ino, modeOf(path)]).toEqual([ino, '600']);
    expect((await send(on, get('/open/x'))).statuses).toEqual([200]);
    await on.edit((text) => text.replace('loom.sock"', 'loom.sock", mode: "0660"'));
    await until(() => existsSync(path) && modeOf(path) === '660');
    expect((await send(on, get('/open/x'))).statuses).toEqual([200]);
    await on.edit((text) => text.replace('loom.sock"', 'next.sock"'));
    await until(() => !existsSync(path));
    expect((await sendPieces({ path: join(on.folder, 'next.sock') }, [get('/open/x')])).statuses).toEqual([200]);
    on.arrived();
    await on.gateway.stop({ timeout: 0 });
    expect(existsSync(join(on.folder, 'next.sock'))).toBe(false);
  });
});
