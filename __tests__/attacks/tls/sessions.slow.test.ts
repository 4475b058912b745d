/**
 * Sessions that were opened without a certificate, or at another listener, and are resumed where a certificate counts.
 */
import { connect, type ConnectionOptions, type TLSSocket } from 'node:tls';
import { readFileSync } from 'node:fs';
import { statusOf } from '../../support/ask.js';
import { closeGrounds, get } from '../../support/attack-ground.js';
import { freePorts } from '../../support/ports.js';
import { holding, openTlsGround, type TlsGround } from '../../support/tls-ground.js';

let tls: TlsGround;
let open = 0;
beforeAll(async () => {
  [open = 0] = await freePorts(1);
  tls = await openTlsGround({
    listeners: `  - { name: open, address: "127.0.0.1:${open}", protocol: https, tls: { SERVER } }`,
  });
});
afterAll(async () => {
  await closeGrounds();
  await tls.made.remove();
});

interface Visit {
  readonly status: number;
  readonly reused: boolean;
  readonly sessions: readonly Buffer[];
}

/** One request, and every session and ticket that the server sends. Rejects if the handshake fails. */
function visit(port: number, path: string, options: ConnectionOptions = {}): Promise<Visit> {
  return new Promise((resolve, reject) => {
    const ca = readFileSync(tls.made.ca);
    const socket: TLSSocket = connect({ port, host: '127.0.0.1', servername: 'localhost', ca, ...options });
    const sessions: Buffer[] = [];
    let text = '';
    let reused = false;
    socket.on('secureConnect', () => {
      reused = socket.isSessionReused();
      const now = socket.getSession();
      if (now) sessions.push(now);
      socket.write(get(path, 'Connection: close'));
    });
    socket.on('session', (session: Buffer) => sessions.push(session));
    socket.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')));
    socket.on('error', reject);
    socket.on('close', () => {
      if (text === '') reject(new Error('closed without an answer'));
      else resolve({ status: statusOf(text), reused, sessions });
    });
  });
}

const VERSIONS = ['TLSv1.2', 'TLSv1.3'] as const;
const only = (version: (typeof VERSIONS)[number]) => ({ minVersion: version, maxVersion: version });
const outcome = (port: number, path: string, options: ConnectionOptions): Promise<Visit | 'refused'> =>
  visit(port, path, options).catch(() => 'refused' as const);

describe('TLS-01 a session that began without a certificate', () => {
  const CASES = VERSIONS.flatMap((version) =>
    (['nobody', 'wrongCa', 'selfSigned', 'expired'] as const).map((who) => [version, who] as const),
  );

  test.each(CASES)('%s of %s is never resumed into an identity', async (version, who) => {
    const own = who === 'nobody' ? {} : holding(tls.made[who]);
    const first = await visit(tls.asking, '/service/x', { ...only(version), ...own });
    expect(first.status).toBe(401);
    for (const session of first.sessions) {
      for (const certificate of [{}, own]) {
        const second = await visit(tls.asking, '/service/x', { ...only(version), ...certificate, session });
        expect(second).toMatchObject({ status: 401, reused: false });
      }
    }
    expect(tls.ground.arrived()).toEqual([]);
  });

  test.each(VERSIONS)('twin: %s with a certificate passes, and again with its session offered', async (version) => {
    const own = holding(tls.made.client);
    const first = await visit(tls.asking, '/service/x', { ...only(version), ...own });
    expect(first.status).toBe(200);
    for (const session of first.sessions) {
      const again = await visit(tls.asking, '/service/x', { ...only(version), ...own, session });
      expect(again.status).toBe(200);
      // A stolen session is useless without the key.
      expect((await visit(tls.asking, '/service/x', { ...only(version), session })).status).toBe(401);
    }
    tls.ground.arrived();
  });
});

describe('TLS-02 a session of one listener at another', () => {
  const pairs = VERSIONS.flatMap((version) =>
    (['open', 'asking'] as const).flatMap((from) =>
      (['asking', 'demanding'] as const).filter((to) => to !== from).map((to) => [version, from, to] as const),
    ),
  );

  test.each(pairs)('%s of the %s listener is not accepted at the %s one', async (version, from, to) => {
    const source = from === 'open' ? open : tls[from];
    const first = await visit(source, '/open/x', only(version));
    expect(first.status).toBe(200);
    tls.ground.arrived();
    for (const session of first.sessions) {
      const second = await outcome(tls[to], '/service/x', { ...only(version), session });
      if (to === 'demanding') expect(second).toBe('refused');
      else expect(second).toMatchObject({ status: 401, reused: false });
    }
    expect(tls.ground.arrived()).toEqual([]);
  });

  test.each(VERSIONS)('%s of a client with a certificate carries no identity to another listener', async (version) => {
    const first = await visit(tls.demanding, '/service/x', { ...only(version), ...holding(tls.made.client) });
    tls.ground.arrived();
    for (const session of first.sessions) {
      for (const port of [tls.asking, tls.demanding]) {
        const second = await outcome(port, '/service/x', { ...only(version), session });
        expect(second === 'refused' ? second : second.status).toBe(port === tls.demanding ? 'refused' : 401);
      }
    }
    expect(tls.ground.arrived()).toEqual([]);
  });

  test.each(VERSIONS)('twin: %s is resumed if no certificate counts', async (version) => {
    const first = await visit(open, '/open/x', only(version));
    const session = first.sessions.at(-1);
    expect(await visit(open, '/open/x', { ...only(version), ...(session && { session }) })).toMatchObject({
      status: 200,
      reused: true,
    });
    tls.ground.arrived();
  });
});
