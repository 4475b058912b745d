/** No byte of a client reaches an identity header: upstream identity headers are exactly those of the principal. */
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { Socket } from 'node:net';
import { duplexPair } from 'node:stream';
import fc from 'fast-check';
import { contextOf } from '../../../src/context/request-context.js';
import { MethodsInUse } from '../../../src/auth/methods-in-use.js';
import { admit } from '../../../src/admission/admit.js';
import { AdmissionPolicy } from '../../../src/admission/policy.js';
import { prepareLocal, prepareOutbound } from '../../../src/admission/outbound.js';
import { checkUpgrade } from '../../../src/http/upgrade-check.js';
import { serve } from '../../../src/serve/serve.js';
import { compile } from '../../config/files.js';
import { ENGINE_BLOCK } from '../../support/engine.js';
import { askBytes, statusOf } from '../../support/ask.js';
import { attentiveUpstream, echo } from '../../support/attack-ground.js';
import { cases, credentials, FILE, identityAmong, type Case, type Credentials } from '../../support/client-bytes.js';
import { drained } from '../../support/judge.js';
import { freePorts } from '../../support/ports.js';
import { quietLog } from '../../support/quiet-log.js';

const configured = fc.readConfigureGlobal()?.numRuns;
const UPSTREAMS = `upstreams: [{ name: backend, endpoints: ["127.0.0.1:PORT"] }]\n${ENGINE_BLOCK}\n`;

let known: Credentials;
beforeAll(async () => (known = await credentials()));

/** The headers and trailers of a request at the upstream or the host. `undefined` if the request was refused. */
type Judged = (bytes: string, forHost: boolean) => Promise<IncomingMessage | undefined>;

interface Waiting {
  readonly done: (req: IncomingMessage | undefined) => void;
  readonly failed: (error: Error) => void;
}

const SILENCE_MS = 20_000;

/** Node's own parser on a pair of streams, and the gateway's own steps up to the proxy. */
function inProcess(): { readonly judged: Judged; readonly server: Server } {
  const { plan } = compile(`${FILE}${UPSTREAMS.replace('PORT', '9')}`);
  const deps = { now: Date.now, log: quietLog() };
  const methods = new MethodsInUse(plan.methods, {}, deps).compiled;
  const policy = new AdmissionPolicy(plan, { ...deps, methods, standalone: true });
  const waiting = new WeakMap<object, Waiting>();
  const hosts = new WeakSet<object>();
  const server = createServer();

  const judge = async (req: IncomingMessage, upgrade: boolean): Promise<IncomingMessage | undefined> => {
    if (upgrade && checkUpgrade(req)) return undefined;
    const context = contextOf(req);
    context.begin(upgrade ? 'upgrade' : 'request');
    const denial = await admit(policy, context);
    if (denial) return undefined;
    const { route } = context;
    if (!route) throw new TypeError('no route');
    if (hosts.has(req.socket)) prepareLocal(policy, context);
    else prepareOutbound(policy, context, route);
    return upgrade ? req : drained(req);
  };
  const settle = (req: IncomingMessage, upgrade: boolean): void => {
    const from = waiting.get(req.socket);
    void judge(req, upgrade).then(from?.done, (error: Error) => {
      // An upstream does not accept a body that breaks off as a request.
      if ((error as NodeJS.ErrnoException).code === 'ECONNRESET') from?.done(undefined);
      else from?.failed(error);
    });
  };
  server.on('request', (req) => settle(req, false));
  server.on('upgrade', (req: IncomingMessage) => settle(req, true));
  server.on('clientError', (_error, socket) => {
    waiting.get(socket)?.done(undefined);
    socket.destroy();
  });
  const judged: Judged = (bytes, forHost) =>
    new Promise((resolve, reject) => {
      const [client, side] = duplexPair();
      Object.assign(side, { remoteAddress: '127.0.0.1', localPort: 80 });
      const late = setTimeout(() => reject(new Error(`silence on ${JSON.stringify(bytes)}`)), SILENCE_MS);
      const done = (req: IncomingMessage | undefined): void => {
        clearTimeout(late);
        resolve(req);
        side.destroy();
        client.destroy();
      };
      waiting.set(side, { done, failed: (error) => (reject(error), done(undefined)) });
      if (forHost) hosts.add(side);
      client.on('error', () => undefined).on('close', () => done(undefined));
      server.emit('connection', side as Socket);
      client.write(bytes, 'latin1');
    });
  return { judged, server };
}

function pairs(raw: readonly string[]): [string, string][] {
  return raw.flatMap((name, at) => (at % 2 === 0 ? [[name, raw[at + 1] as string] as [string, string]] : []));
}

/** Jest's own comparison, a million times, would take most of the time. */
function expectSame(found: Case['expected'] | readonly unknown[], expected: Case['expected']): void {
  if (expected === undefined || JSON.stringify(found) !== JSON.stringify(expected))
    expect(found).toEqual(expected ?? 'refused');
}

/** In every view that Node gives. */
function expectIdentity(req: IncomingMessage, expected: Case['expected']): void {
  const distinct = Object.entries(req.headersDistinct).map(([name, values]) => [name, values?.join('\n')] as const);
  for (const view of [pairs(req.rawHeaders), Object.entries(req.headers), distinct]) {
    expectSame(identityAmong(view), expected);
  }
  const trailers = [pairs(req.rawTrailers), Object.entries(req.trailers), Object.entries(req.trailersDistinct)];
  for (const view of trailers) expectSame(identityAmong(view), []);
  const nominated = (req.headers.connection ?? '').split(',').map((each) => [each.trim(), ''] as const);
  expectSame(identityAmong(nominated), []);
}

test('HDR-01 HDR-02 HDR-03 HDR-04 HDR-06 HDR-07 HDR-08 UPG-03 no client byte reaches an identity header, in process', async () => {
  const { judged } = inProcess();
  const numRuns = configured ?? 1_500;
  let admitted = 0;
  const property = fc.asyncProperty(cases(known), fc.boolean(), async ({ bytes, expected }, forHost) => {
    const req = await judged(bytes, forHost);
    if (!req) return;
    admitted++;
    expectIdentity(req, expected);
  });
  await fc.assert(property, { numRuns });
  // A property of requests that are all refused would prove nothing.
  expect(admitted).toBeGreaterThan(numRuns / 5);
});

/** A reset may destroy the response to a refused request. */
async function answerTo(port: number, bytes: string): Promise<string> {
  let late: NodeJS.Timeout | undefined;
  const silence = new Promise<never>((_resolve, reject) => {
    late = setTimeout(() => reject(new Error(`silence on ${JSON.stringify(bytes)}`)), SILENCE_MS);
  });
  return Promise.race([askBytes(port, bytes).catch(() => ''), silence]).finally(() => clearTimeout(late));
}

test('HDR-01 HDR-02 HDR-03 HDR-04 HDR-06 HDR-07 HDR-08 UPG-03 no client byte reaches an identity header, over sockets to an upstream', async () => {
  const upstream = await attentiveUpstream(echo);
  const [port = 0] = await freePorts(1);
  const listeners = `listeners: [{ name: main, address: "127.0.0.1:${port}", protocol: http }]\n`;
  const text = `${listeners}${FILE}${UPSTREAMS.replace('PORT', String(upstream.port))}`;
  const running = await serve({ text, file: 'loom.yaml' }, { log: quietLog() });
  const numRuns = Math.min(configured ?? 200, 20_000);
  let arrived = 0;
  const property = fc.asyncProperty(cases(known), async ({ bytes, expected, upgrade }) => {
    const status = statusOf(await answerTo(port, bytes));
    for (const message of upstream.arrived()) {
      arrived++;
      expect(expected).toBeDefined();
      expect(identityAmong(message.fields)).toEqual(expected);
      // In every case nothing was read as a second request, and no trailer was forwarded.
      expect(message.body).toBe(message.method === 'POST' ? 'abc' : '');
      expect([200, upgrade ? 101 : 200, 400]).toContain(status);
    }
  });
  try {
    await fc.assert(property, { numRuns });
    expect(arrived).toBeGreaterThan(numRuns / 5);
  } finally {
    await running.stop({ timeout: 0 });
    await upstream.close();
  }
});

test('HDR-01 HDR-02 UPG-03 twin: an honest request of each holder gets its own identity', async () => {
  const { judged } = inProcess();
  for (const { text, headers } of known.tokens.slice(0, -1)) {
    const bytes = `GET /jwt/x HTTP/1.1\r\nHost: gw\r\nAuthorization: Bearer ${text}\r\n\r\n`;
    const req = await judged(bytes, false);
    expect(req && Object.fromEntries(identityAmong(Object.entries(req.headers)))).toEqual(headers);
  }
});
