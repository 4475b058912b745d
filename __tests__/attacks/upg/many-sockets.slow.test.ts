/** Many sockets of one identity: each handshake counts as a request, and no socket outlives its identity. */
import { connect, type Socket } from 'node:net';
import { statusOf } from '../../support/ask.js';
import { closeGrounds, echo, get, openGround, type Ground } from '../../support/attack-ground.js';
import { handshake } from '../../support/handshake.js';
import { seconds } from '../../support/token-issuer.js';

afterEach(closeGrounds);

interface Opened {
  readonly socket: Socket;
  readonly status: number;
  readonly closed: Promise<void>;
}

/** A socket that the client keeps open. */
function open(port: number, path: string, ...lines: readonly string[]): Promise<Opened> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(handshake(path, ...lines)));
    const closed = new Promise<void>((done) => socket.once('close', () => done()));
    socket.on('error', () => undefined);
    socket.once('data', (chunk) => resolve({ socket, status: statusOf(chunk.toString('latin1')), closed }));
    void closed.then(() => reject(new Error('closed without an answer')));
    socket.on('end', () => socket.end());
  });
}

async function openMany(count: number, port: number, path: string, ...lines: readonly string[]): Promise<Opened[]> {
  const all: Opened[] = [];
  while (all.length < count) {
    const batch = Math.min(100, count - all.length);
    all.push(...(await Promise.all(Array.from({ length: batch }, () => open(port, path, ...lines)))));
  }
  return all;
}

/** The upstream keeps the sockets that it switched. `left` waits until all of them are closed. */
async function groundOf(options: Parameters<typeof openGround>[0] = {}) {
  const held = new Set<Socket>();
  const ground: Ground = await openGround({
    ...options,
    answer: (message, socket) => {
      held.add(socket);
      socket.once('close', () => held.delete(socket));
      return echo(message);
    },
  });
  const left = async (): Promise<void> => {
    while ([...held].some((socket) => !socket.destroyed)) await new Promise((done) => setTimeout(done, 20));
  };
  return { ground, held, left };
}

const SOCKETS = 400;

// The specification has no cap on sockets for one identity. The limit on handshakes and the expiry bound them.
describe('UPG-04 many idle sockets of one identity', () => {
  test('count in its limit, each handshake as a request', async () => {
    const { ground } = await groundOf({ top: 'rate_limit: { enabled: true, rate: 0.001, burst: 50 }' });
    const alice = `Authorization: Bearer ${await ground.issuer.token({ sub: 'alice' })}`;
    const all = await openMany(200, ground.port, '/internal/x', alice);
    expect(all.filter(({ status }) => status === 101)).toHaveLength(50);
    const refused = all.filter(({ status }) => status === 429);
    expect(refused).toHaveLength(150);
    await Promise.all(refused.map(({ closed }) => closed));
    expect(ground.arrived()).toHaveLength(50);
    // A request draws from the same bucket. Other callers are not delayed by the open sockets.
    expect(statusOf(await ground.send(get('/internal/x', alice)))).toBe(429);
    const bob = `Authorization: Bearer ${await ground.issuer.token({ sub: 'bob' })}`;
    expect(statusOf(await ground.send(get('/internal/x', bob)))).toBe(200);
    for (const { socket } of all) socket.destroy();
  });

  test('end when it expires, on both sides', async () => {
    const { ground, left } = await groundOf();
    const expiry = seconds() + 6;
    const token = await ground.issuer.token({ sub: 'alice', exp: expiry });
    const all = await openMany(SOCKETS, ground.port, '/internal/x', `Authorization: Bearer ${token}`);
    expect(all.filter(({ status }) => status === 101)).toHaveLength(SOCKETS);
    await Promise.all(all.map(({ closed }) => closed));
    // Not before, and at once: the leeway is for clocks, not for sockets.
    expect(Date.now()).toBeGreaterThanOrEqual(expiry * 1_000 - 50);
    expect(Date.now()).toBeLessThan(expiry * 1_000 + 20_000);
    await left();
  });

  test('end after max_session if nothing expires, and at once when everything stops', async () => {
    const routes = '  - { id: short, path: /short/*, upstream: backend, auth: { api_key: true }, max_session: 2s }';
    const { ground, left } = await groundOf({ routes });
    const key = 'X-API-Key: sk_live_attack_ground_1';
    const started = Date.now();
    const all = await openMany(100, ground.port, '/short/x', key);
    expect(all.filter(({ status }) => status === 101)).toHaveLength(100);
    await Promise.all(all.map(({ closed }) => closed));
    expect(Date.now() - started).toBeGreaterThanOrEqual(1_950);
    // A client that breaks off also closes its upstream socket.
    for (const { socket } of await openMany(100, ground.port, '/api/v1/x', key)) socket.destroy();
    await left();
  });

  test('twin: one that has not expired stays open and carries bytes', async () => {
    const { ground } = await groundOf();
    const token = `Authorization: Bearer ${await ground.issuer.token({ sub: 'alice' })}`;
    const all = await openMany(100, ground.port, '/internal/x', token);
    await new Promise((done) => setTimeout(done, 1_000));
    expect(all.filter(({ status, socket }) => status === 101 && !socket.destroyed)).toHaveLength(100);
    all[0]?.socket.write('frames');
    while (!ground.received().some((bytes) => bytes.endsWith('frames')))
      await new Promise((done) => setTimeout(done, 20));
    for (const { socket } of all) socket.destroy();
  });
});
