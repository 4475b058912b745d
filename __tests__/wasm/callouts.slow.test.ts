/** Calls of a plugin to the upstreams of its file: each result, or its absence, is delivered exactly once. */
import { once } from 'node:events';
import { Agent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { collectGarbage } from '../../src/lib/collect-garbage.js';
import { LIMITS } from '../../src/wasm/abi.js';
import { CallOuts } from '../../src/wasm/callouts.js';
import { closeRunners, ISOLATIONS, outcome, run, type RunSettings } from '../support/plugin-runner.js';
import { until } from '../support/until.js';
import { callback, i32, made, PAUSE, type CallOptions, type Kit } from '../support/wat-plugin.js';
import type { Parts } from '../support/wat.js';

interface Called {
  readonly port: number;
  readonly received: string[];
  /** The number of open connections with a call. An agent keeps a connection whose call ended before it was open. */
  readonly connections: () => number;
  close(): Promise<void>;
}

/** Answers each connection's first bytes as configured. */
async function called(answer: (socket: Socket) => void): Promise<Called> {
  const received: string[] = [];
  const open = new Set<Socket>();
  const asked = new Set<Socket>();
  const server: Server = createServer((socket) => {
    open.add(socket.on('error', () => socket.destroy()));
    socket.on('close', () => [open, asked].forEach((each) => each.delete(socket)));
    socket.on('data', (bytes) => {
      asked.add(socket);
      received.push(bytes.toString('latin1'));
      answer(socket);
    });
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    received,
    connections: () => asked.size,
    close: async () => {
      open.forEach((socket) => socket.destroy());
      server.close();
      await once(server, 'close');
    },
  };
}

const servers: Called[] = [];
afterEach(async () => {
  await closeRunners();
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

const serve = async (answer: (socket: Socket) => void): Promise<Called> => {
  const server = await called(answer);
  servers.push(server);
  return server;
};

const says = (text: string) => (socket: Socket) => void socket.write(Buffer.from(text, 'latin1'));
const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-User: carol\r\n\r\nhello';

/**
 * Sends a call, logs the result as `status sizes`, and responds with the body and 200, or with 403 if there is no body.
 */
const caller =
  (options: CallOptions = {}) =>
  (kit: Kit): Parts => ({
    body: callback(
      'proxy_on_http_call_response',
      5,
      `${kit.log('answer')} ${kit.header(':status', 6)} ${kit.do('proxy_log', i32(2), kit.given)}
       ${kit.do('proxy_set_effective_context', i32(2))}
       (if (i32.eqz (local.get 2)) (then ${kit.respond(403)} (return)))
       ${kit.header('x-user', 6)} ${kit.do('proxy_replace_header_map_value', i32(0), kit.text('X-Authenticated-User'), kit.given)}
       ${kit.do('proxy_continue_stream', i32(0))}`,
      false,
    ),
    onRequest: `(if ${kit.call('authz', options)} (then ${kit.respond(500)})) ${PAUSE}`,
  });

async function asked(options: CallOptions, settings: RunSettings) {
  const plugin = await run(await made(caller(options)), { pauseTimeoutMs: 20_000, ...settings });
  const decision = outcome(await plugin.ask());
  await new Promise((resolve) => setTimeout(resolve, 30));
  return { decision, said: plugin.said };
}

describe.each(ISOLATIONS)('%s:', (isolation) => {
  test('a response is delivered with its fields, and resumes the request', async () => {
    const { port, received } = await serve(says(OK));
    const more = [
      ['X-Key', 'one'],
      ['x-key', 'two'],
      ['Connection', 'x-key'],
      ['Content-Length', '4711'],
      ['Transfer-Encoding', 'chunked'],
      ['Host', 'elsewhere'],
      ['Upgrade', 'h2c'],
      [':scheme', 'http'],
    ] as const;
    const { decision, said } = await asked(
      { method: 'POST', path: '/check?a=1', body: 'body', more },
      { isolation, port },
    );
    expect(decision).toBe('x-authenticated-user=carol');
    expect(said).toEqual(['answer', '200']);
    const lines = received.join('').split('\r\n');
    expect(lines.slice(0, 4)).toEqual(['POST /check?a=1 HTTP/1.1', 'x-key: one', 'x-key: two', 'host: authz.example']);
    expect(lines.filter((line) => /^(?:upgrade|transfer-encoding|:)/i.test(line))).toEqual([]);
    expect(lines.filter((line) => /^content-length/i.test(line))).toEqual(['content-length: 4']);
    expect(lines.at(-1)).toBe('body');
  });

  const large = 'x'.repeat(LIMITS.callResponseBytes + 1);
  const FAILURES: Readonly<Record<string, (socket: Socket) => void>> = {
    'that hangs': () => undefined,
    'that resets': (socket) => void socket.resetAndDestroy(),
    'that ends': (socket) => void socket.end(),
    'that hangs after its head': says('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe'),
    'that ends within its body': (socket) => void socket.end('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe'),
    'that is not HTTP': says('SSH-2.0-OpenSSH_9\r\n\r\n'),
    'that is too long': says(`HTTP/1.1 200 OK\r\nContent-Length: ${large.length}\r\n\r\n${large}`),
    'that has no end': (socket) => {
      socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n');
      const timer = setInterval(() => socket.write(`10000\r\n${'x'.repeat(65_536)}\r\n`), 1);
      socket.once('close', () => clearInterval(timer));
    },
    'that drips': (socket) => {
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 500000\r\n\r\n');
      const timer = setInterval(() => socket.write('x'), 10);
      socket.once('close', () => clearInterval(timer));
    },
    'that switches protocols': says('HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n'),
    'that has a head without end': (socket) => {
      socket.write('HTTP/1.1 200 OK\r\n');
      const timer = setInterval(() => socket.write(`a: ${'x'.repeat(4_096)}\r\n`), 1);
      socket.once('close', () => clearInterval(timer));
    },
  };

  test.each(Object.keys(FAILURES))('a response %s is a failure, delivered once', async (name) => {
    const { port } = await serve(FAILURES[name] as (socket: Socket) => void);
    const { decision, said } = await asked({ timeoutMs: 700 }, { isolation, port });
    expect(decision).toBe('403');
    expect(said).toEqual(['answer', '']);
  });
});

test('an unreachable upstream is a failure, delivered once', async () => {
  const { port } = await serve(says(OK));
  await servers.pop()?.close();
  expect(await asked({}, { port })).toEqual({ decision: '403', said: ['answer', ''] });
});

test.each([301, 302, 307])('a redirect is a response: %d is not followed', async (status) => {
  const there = await serve(says(OK));
  const { port } = await serve(
    says(`HTTP/1.1 ${status} Moved\r\nLocation: http://127.0.0.1:${there.port}/\r\nContent-Length: 0\r\n\r\n`),
  );
  expect((await asked({}, { port })).said).toEqual(['answer', String(status)]);
  expect(there.received).toEqual([]);
});

test('informational responses are skipped', async () => {
  const { port } = await serve(says(`HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n${OK}`));
  expect((await asked({}, { port })).said).toEqual(['answer', '200']);
});

test.each([
  ['a path that is absolute', { path: 'http://elsewhere/' }],
  ['a path with a space', { path: '/a b' }],
  ['a path with a tab', { path: '/a\tb' }],
  ['an empty path', { path: '' }],
  ['an invalid method', { method: 'GET /x HTTP/1.1' }],
  ['a field that HTTP cannot carry', { more: [['a', 'x\u0001']] as const }],
  ['CONNECT', { method: 'CONNECT' }],
])('%s reaches only the upstream, and is answered once', async (_what, options) => {
  const { port, received } = await serve((socket) => void socket.end(OK));
  const { decision, said } = await asked({ ...options, timeoutMs: 700 }, { port });
  expect([decision, said]).toEqual(['403', ['answer', '']]);
  if (!('method' in options)) expect(received).toEqual([]);
});

test('an upstream that the file does not allow is BAD_ARGUMENT, and no request is sent', async () => {
  const { port, received } = await serve(says(OK));
  const { decision } = await asked({}, { port, upstreams: [] });
  expect([decision, received]).toEqual(['500', []]);
});

test('a request has a limited number of open calls', async () => {
  const { port, received } = await serve(() => undefined);
  const bytes = await made((kit) => ({
    body: '(global $n (mut i32) (i32.const 20))',
    onRequest: `(loop $more (if ${kit.call('authz')} (then ${kit.log('refused')}))
      (global.set $n (i32.sub (global.get $n) (i32.const 1))) (br_if $more (global.get $n))) ${PAUSE}`,
  }));
  const { ask, said } = await run(bytes, { port, pauseTimeoutMs: 500 });
  expect(outcome(await ask())).toBe('pause_timeout');
  expect(said.filter((words) => words === 'refused')).toHaveLength(20 - LIMITS.callsPerStream);
  expect(received).toHaveLength(LIMITS.callsPerStream);
});

test('responses after the end of the request are ignored, and release their slots', async () => {
  const { port, connections } = await serve(() => undefined);
  const { ask } = await run(await made(caller({ timeoutMs: 1_500 })), { port, pauseTimeoutMs: 50 });
  for (let round = 0; round < 3; round += 1) {
    const asks = Array.from({ length: 400 }, () => ask());
    expect(new Set((await Promise.all(asks)).map(outcome))).toEqual(new Set(['pause_timeout']));
    await until(() => connections() === 0);
  }
});

test('calls that are still to start when their time ends end too, although memory is reclaimed meanwhile', async () => {
  const { port, received } = await serve(() => undefined);
  const agent = new Agent({ keepAlive: true });
  const url = new URL(`http://127.0.0.1:${port}`);
  const calls = new CallOuts(new Map([['authz', () => ({ url })]]), { http: agent, https: new HttpsAgent() });
  const pairs = [[':method', 'GET'] as const, [':path', '/'] as const, [':authority', 'authz'] as const];
  const call = { token: 1, upstream: 'authz', pairs, body: Buffer.alloc(0), timeoutMs: 5 };
  let ended = 0;
  for (let n = 0; n < 400; n += 1) calls.start(call, () => (ended += 1));
  // The timeouts fire while most calls wait for their turn.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 50);
  setTimeout(collectGarbage, 0);
  await until(() => ended === 400);
  // The calls of the first turns may start in time.
  expect(received.length).toBeLessThan(100);
  calls.close();
});
