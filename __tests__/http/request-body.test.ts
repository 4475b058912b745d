/** A body that was read is forwarded whole. A body that is too long, late or aborted has a result of its own. */
import { createServer, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { BodyRoom, isBodyConsumed, readBody, type BodyLimits, type BodyRead } from '../../src/http/request-body.js';
import { awaitContinue } from '../../src/http/expect-continue.js';
import { closed, listening } from '../support/recording-upstream.js';

const LIMITS: BodyLimits = { maxBytes: 1_000, idleMs: 30_000 };

interface Told {
  readonly read: BodyRead;
  readonly consumed: boolean;
  /** What a reader after the look gets. */
  readonly rest: string;
}

/** Sends the pieces one after the other, and returns what the server read of the body. */
async function look(pieces: readonly string[], limits = LIMITS, prepare?: (req: IncomingMessage) => Promise<void>) {
  const answered: string[] = [];
  const told = await new Promise<Told>((resolve, reject) => {
    const server = createServer();
    const take = async (req: IncomingMessage): Promise<void> => {
      await prepare?.(req);
      const read = await readBody(req, limits);
      const consumed = isBodyConsumed(req);
      let rest = '';
      if (read.kind === 'whole')
        for await (const chunk of req as AsyncIterable<Buffer>) rest += chunk.toString('latin1');
      resolve({ read, consumed, rest });
    };
    server.on('request', (req: IncomingMessage) => void take(req).catch(reject));
    server.on('checkContinue', (req, res) => {
      awaitContinue(req, res);
      void take(req).catch(reject);
    });
    void listening(server).then((port) => {
      const socket = connect(port, '127.0.0.1');
      socket.on('error', () => undefined);
      socket.on('data', (chunk) => answered.push(chunk.toString('latin1')));
      socket.on('close', () => void closed(server));
      const send = (at: number): void => {
        const piece = pieces[at];
        if (piece === 'GONE') socket.destroy();
        else if (piece !== undefined) socket.write(piece, () => setTimeout(() => send(at + 1), 20));
      };
      send(0);
      cleanups.push(async () => {
        socket.destroy();
        await closed(server);
      });
    });
  });
  return { ...told, answered };
}

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const clean of cleanups.splice(0)) await clean().catch(() => undefined);
});

const head = (...lines: string[]): string => ['POST / HTTP/1.1', 'Host: x', ...lines, '', ''].join('\r\n');

test.each([
  ['with a length, at once', [`${head('Content-Length: 5')}hello`], 'hello'],
  ['with a length, in pieces', [head('Content-Length: 5'), 'he', 'll', 'o'], 'hello'],
  ['in chunks', [head('Transfer-Encoding: chunked'), '3\r\nhel\r\n', '2\r\nlo\r\n', '0\r\n\r\n'], 'hello'],
  ['of no bytes', [head('Content-Length: 0')], ''],
  ['in no chunk', [head('Transfer-Encoding: chunked'), '0\r\n\r\n'], ''],
])('a body %s is read and still there', async (_what, pieces, body) => {
  const told = await look(pieces);
  expect(told.read).toEqual({ kind: 'whole', body: Buffer.from(body) });
  expect(told.consumed).toBe(false);
  expect(told.rest).toBe(body);
});

test('a body is asked for with 100 when it is about to be read', async () => {
  const told = await look([head('Content-Length: 5', 'Expect: 100-continue'), 'hello']);
  expect(told.rest).toBe('hello');
  expect(told.answered.join('')).toMatch(/^HTTP\/1.1 100 Continue/);
});

test.each([
  ['by its length', [head('Content-Length: 1001')]],
  ['by its chunks', [head('Transfer-Encoding: chunked'), `400\r\n${'x'.repeat(1024)}\r\n`]],
])('a body that is too long %s is not read to its end', async (_what, pieces) => {
  expect((await look(pieces)).read).toEqual({ kind: 'too_large' });
});

test('a body of the greatest length is no longer than that', async () => {
  expect((await look([`${head('Content-Length: 1000')}${'x'.repeat(1000)}`])).rest).toHaveLength(1000);
});

test('a body that does not come is late, and one whose sender leaves is gone', async () => {
  expect((await look([head('Content-Length: 5'), 'he'], { ...LIMITS, idleMs: 200 })).read).toEqual({ kind: 'late' });
  expect((await look([head('Content-Length: 5'), 'he', 'GONE'])).read).toEqual({ kind: 'aborted' });
});

test('a body that another handler has read is reported as consumed', async () => {
  const drain = async (req: IncomingMessage): Promise<void> => {
    for await (const chunk of req) void chunk;
  };
  expect((await look([`${head('Content-Length: 5')}hello`], LIMITS, drain)).read).toEqual({ kind: 'consumed' });
});

test('bodies share a room: one for which none is left is crowded out, and gives back what it took', async () => {
  const room = new BodyRoom(1_000);
  const body = (length: number): readonly string[] => [
    `POST / HTTP/1.1\r\nHost: x\r\nContent-Length: ${length}\r\n\r\n${'a'.repeat(length / 2)}`,
    'a'.repeat(length / 2),
  ];
  const limits = { ...LIMITS, room };
  expect((await look(body(800), limits)).read.kind).toBe('whole');
  expect((await look(body(400), limits)).read.kind).toBe('crowded');
  expect((await look(body(200), limits)).read.kind).toBe('whole');
  room.give(1_000);
  expect((await look(body(1_000), limits)).read.kind).toBe('whole');
});
