/** The memory after a reload: replaced routes are garbage-collected, whatever is open at that moment. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, get, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { join } from 'node:path';
import { text as textOf } from 'node:stream/consumers';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { WebSocket, WebSocketServer } from 'ws';
import { loom, type Loom } from '../../../src/loom.js';
import { ask } from '../../support/ask.js';
import { built, NODE } from '../../support/built.js';
import { makeCertificates } from '../../support/certificates.js';
import { quietLog } from '../../support/quiet-log.js';
import { closed, listening } from '../../support/recording-upstream.js';
import { until } from '../../support/until.js';

const RELOADS = 8;
const headers = { 'X-API-Key': 'key-of-the-only-caller' };
const script = join(__dirname, '../../support/retained.mjs');

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** Plans that some part of the product still references. */
class Plans {
  readonly #known = new Set<WeakRef<object>>();

  note(plan: object): void {
    this.#known.add(new WeakRef(plan));
  }

  async left(most: number): Promise<void> {
    const living = (): number => {
      collectGarbage();
      return [...this.#known].filter((each) => each.deref() !== undefined).length;
    };
    await until(
      () => living() <= most,
      () => `${living()} of ${this.#known.size} plans are left, and not ${most}`,
    );
  }
}

let backend: Server;
let upstream = 0;
/** Requests that the backend does not answer. */
const unanswered: ServerResponse[] = [];
const closing: (() => Promise<unknown> | void)[] = [];

beforeAll(async () => {
  backend = createServer(answer);
  const sockets = new WebSocketServer({ server: backend });
  sockets.on('connection', (socket) => socket.on('message', (data) => socket.send(data)));
  upstream = await listening(backend);
});
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
  unanswered.length = 0;
});
afterAll(async () => {
  backend.closeAllConnections();
  await closed(backend);
});

function answer({ url = '' }: IncomingMessage, res: ServerResponse): void {
  if (url.includes('stream')) res.writeHead(200, { 'Content-Type': 'text/event-stream' }).write('data: 1\n\n');
  else if (url.includes('slow')) unanswered.push(res);
  else res.end('in');
}

interface Running {
  readonly port: number;
  /** Reloads the file. `turn` is a number that the file may contain. */
  reload(turn: number): Promise<unknown>;
}

type Text = (turn: number) => string;

/** Every part of the file is the same in each turn. */
const same: Text = () => rest('', '').replace('MORE', '');
/** A key, an upstream and a route change in each turn. What the caller uses stays. */
const other: Text = (turn) =>
  rest(
    `, { name: caller${turn}, key: key-of-caller-number-${turn} }`,
    `, timeout: { connect: ${1_000 + turn}ms }`,
  ).replace('MORE', `- { id: more${turn}, path: /more${turn}, auth: { api_key: true } }`);

function rest(keys: string, more: string): string {
  return `
middleware: { auth: { chain: [api_key], api_key: { keys: [{ name: caller, key: key-of-the-only-caller }${keys}] }, basic: { users: [{ username: ann, password_hash: "$2b$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy" }] } } }
metrics: {}
routes:
  - { id: host, path: /host/*, auth: { api_key: true } }
  MORE
  - { id: all, path: /*, upstream: backend, auth: { api_key: true } }
upstreams: [{ name: backend, endpoints: ["127.0.0.1:${upstream}"]${more} }]
`;
}

async function middleware(
  text: Text,
): Promise<Running & { readonly gate: Loom; readonly server: Server; readonly plans: Plans }> {
  const source = (turn: number): { text: string; file: string } => ({
    text: text(turn),
    file: 'loom.yaml',
  });
  const gate = loom(source(0), { log: quietLog() });
  const guard = gate.protect(['api_key', 'basic']);
  const server = createServer((req, res) => {
    const local = (): void => answer(req, res);
    if (req.url?.startsWith('/guarded')) guard(req, res, local);
    else gate(req, res, local);
  });
  const sockets = new WebSocketServer({ server });
  sockets.on('connection', (socket) => socket.on('message', (data) => socket.send(data)));
  gate.attach(server);
  const port = await listening(server);
  closing.push(
    () => (server.closeAllConnections(), closed(server)),
    () => gate.close(),
  );
  const plans = new Plans();
  const reload = async (turn: number): Promise<void> => {
    plans.note(gate.plan);
    await gate.reload(source(turn));
  };
  return { port, gate, server, plans, reload };
}

interface Counted {
  readonly name: string;
  readonly changes?: boolean;
  readonly lasting?: boolean;
  readonly during: unknown;
  readonly after?: unknown;
}

type Opening = (running: Running, path: string) => Promise<unknown>;

const openWebSocket: Opening = async ({ port }, path) => {
  const socket = new WebSocket(`ws://127.0.0.1:${port}${path}/socket`, { headers });
  closing.push(() => {
    expect(socket.readyState).toBe(WebSocket.OPEN);
    socket.terminate();
  });
  await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
};
const openStream: Opening = async ({ port }, path) => {
  const request = get({ port, host: '127.0.0.1', path: `${path}/stream`, headers });
  request.on('error', () => undefined);
  closing.push(() => void request.destroy());
  await new Promise((resolve, reject) => {
    request.once('response', (message) => message.once('data', resolve)).once('error', reject);
  });
};
const askSlowly: Opening = async ({ port }, path) => {
  const before = unanswered.length;
  const request = get({ port, host: '127.0.0.1', path: `${path}/slow`, headers });
  request.on('error', () => undefined);
  closing.push(() => void request.destroy());
  await until(() => unanswered.length > before);
};
const askTwice: Opening = async ({ port }, path) => {
  const asked = ['/x', '/y'].map((more) => ask({ port, path: path + more, headers }));
  expect((await Promise.all(asked)).map(({ status }) => status)).toEqual([200, 200]);
};

const OPENINGS: readonly (readonly [string, Opening])[] = [
  ['nothing', () => Promise.resolve()],
  ['answered requests', askTwice],
  ['an open WebSocket', openWebSocket],
  ['an open event stream', openStream],
  ['a request without a response', askSlowly],
];

describe('CFG-18 a replaced route table is garbage-collected', () => {
  test('of a gateway, whatever of each table is open', async () => {
    const [main, made] = [built(), await makeCertificates()];
    const child = spawn(NODE, ['--expose-gc', script, join(main, '../..'), made.server.cert, made.server.key, made.ca]);
    const [output, errors, code] = await Promise.all([
      textOf(child.stdout),
      textOf(child.stderr),
      once(child, 'close'),
    ]);
    expect([errors, code]).toEqual(['', [0, null]]);
    const told = output
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Counted);
    expect(told).toHaveLength(14);
    const none = { tables: 0, endpoints: 0, listeners: 0 };
    for (const { name, changes, lasting, ...counts } of told.slice(0, -1)) {
      // An endpoint lives for as long as a connection to it is in use.
      const during = lasting === true ? { ...none, endpoints: 8 } : none;
      expect({ name, changes, ...counts }).toMatchObject({ name, changes, during, after: none });
    }
    expect(told.at(-1)).toEqual({ name: 'refused', refused: 8, during: none });
  });

  test.each(
    OPENINGS.flatMap(([name, open]) => ['', '/host', '/guarded'].map((path) => [name, path || '/', open] as const)),
  )('of a middleware with %s of each table, at %s', async (_name, path, open) => {
    for (const text of [same, other]) {
      const running = await middleware(text);
      for (let turn = 1; turn <= RELOADS; turn++) {
        await open(running, path === '/' ? '' : path);
        await running.reload(turn);
      }
      await running.plans.left(0);
      expect((await ask({ port: running.port, path: '/x', headers })).status).toBe(200);
      expect((await ask({ port: running.port, path: '/x' })).status).toBe(401);
      for (const close of closing.splice(0).reverse()) await close();
    }
  });

  test('a pending decision keeps its own table, and no later one', async () => {
    const issuer = createServer((_req, res) => void unanswered.push(res));
    const introspection = `http://127.0.0.1:${await listening(issuer)}/introspect`;
    closing.push(() => (issuer.closeAllConnections(), closed(issuer)));
    const running = await middleware((turn) =>
      other(turn)
        .replace(
          'basic: {',
          `oauth: { introspection_url: "${introspection}", client_id: a, client_secret: b-long-enough-secret-of-a-client, audience: here, timeout: 30s }, basic: {`,
        )
        .replace(
          'path: /*, upstream: backend, auth: { api_key: true }',
          'path: /*, upstream: backend, auth: { oauth: true }',
        ),
    );
    const asked = ask({ port: running.port, path: '/x', headers: { Authorization: 'Bearer an-opaque-token' } });
    await until(() => unanswered.length > 0);
    for (let turn = 1; turn <= RELOADS; turn++) await running.reload(turn);
    await running.plans.left(1);
    for (const res of unanswered) res.writeHead(200, { 'Content-Type': 'application/json' }).end('{"active":false}');
    expect((await asked).status).toBe(401);
    await running.plans.left(0);
  });

  test('replaced upstreams leave no listener on the server', async () => {
    const running = await middleware(other);
    const before = running.server.listenerCount('close');
    for (let turn = 1; turn <= RELOADS; turn++) {
      await askTwice(running, '');
      await running.reload(turn);
    }
    expect(running.server.listenerCount('close')).toBe(before);
  });
});
