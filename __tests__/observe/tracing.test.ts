/** Spans through the OpenTelemetry API, with a real SDK in the process; and `traceparent` on its way through. */
import { createServer, type Server } from 'node:http';
import type { Socket } from 'node:net';
import { context, SpanKind, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base';
import { loom, type Loom } from '../../src/loom.js';
import { parseTraceParent } from '../../src/observe/tracing.js';
import { Tracing } from '../../src/observe/tracing.js';
import { ask } from '../support/ask.js';
import { quietLog } from '../support/quiet-log.js';
import { closed, echoUpstream, listening, type Echo, type Echoed } from '../support/recording-upstream.js';

const PARENT = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
const KEY = 'sk_of_the_tracing_test';

const exporter = new InMemorySpanExporter();
let upstream: Echo;
beforeAll(async () => {
  upstream = await echoUpstream();
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }));
});
afterAll(async () => {
  trace.disable();
  context.disable();
  await upstream.close();
});

interface Opened {
  readonly ask: (path: string, headers?: Record<string, string>) => ReturnType<typeof ask>;
  readonly close: () => Promise<void>;
}

async function open(tracing: string, handler?: () => void): Promise<Opened> {
  const text = `
${tracing}
middleware: { auth: { api_key: { keys: [{ key: ${KEY}, name: alice }] } } }
routes:
  - { id: keys, path: /keys/*, upstream: backend, auth: { api_key: true } }
  - { id: local, path: /local, auth: none }
upstreams: [{ name: backend, endpoints: ["127.0.0.1:${upstream.port}"] }]`;
  const gate: Loom = loom({ text, file: 'loom.yaml' }, { log: quietLog() });
  await gate.ready;
  const sockets: Socket[] = [];
  const server: Server = createServer((req, res) =>
    gate(req, res, () => {
      handler?.();
      res.end(req.headers.traceparent ?? 'none');
    }),
  );
  server.on('connection', (socket) => sockets.push(socket));
  const port = await listening(server);
  exporter.reset();
  return {
    ask: (path, headers = {}) => ask({ port, path, headers: { 'X-API-Key': KEY, ...headers } }),
    close: async () => {
      await closed(server, sockets);
      await gate.close();
    },
  };
}

const arrivedWith = (body: string): Echoed['headers'] => (JSON.parse(body) as Echoed).headers;
const spans = () => exporter.getFinishedSpans();

test('a request is a server span in the trace of its caller, its upstream call a client span that goes on', async () => {
  const gate = await open('tracing: { enabled: true }');
  const { body } = await gate.ask(`/keys/a?token=${KEY}`, { traceparent: PARENT, tracestate: 'vendor=1' });
  await gate.close();
  const [client, server] = [SpanKind.CLIENT, SpanKind.SERVER].map((kind) => spans().find((each) => each.kind === kind));
  expect(server).toMatchObject({
    name: 'GET keys',
    parentSpanContext: { traceId: '4bf92f3577b34da6a3ce929d0e0e4736', spanId: '00f067aa0ba902b7' },
    attributes: { 'loom.route': 'keys', 'loom.outcome': 'granted', 'http.response.status_code': 200 },
  });
  expect(client?.parentSpanContext?.spanId).toBe(server?.spanContext().spanId);
  const { traceparent, tracestate } = arrivedWith(body);
  expect(parseTraceParent(String(traceparent))).toMatchObject({
    traceId: '4bf92f3577b34da6a3ce929d0e0e4736',
    spanId: client?.spanContext().spanId,
  });
  expect(tracestate).toBe('vendor=1');
  expect(JSON.stringify(spans().map(({ name, attributes }) => [name, attributes]))).not.toMatch(/sk_of|alice|token/);
});

test('the trace goes on to the upstream, even if the Connection of the client names its fields', async () => {
  const gate = await open('tracing: { enabled: true }');
  const connection = 'close, Traceparent, tracestate';
  const { body } = await gate.ask('/keys/a', { traceparent: PARENT, tracestate: 'vendor=1', connection });
  await gate.close();
  const client = spans().find(({ kind }) => kind === SpanKind.CLIENT);
  const { traceparent, tracestate } = arrivedWith(body);
  expect(parseTraceParent(String(traceparent))?.spanId).toBe(client?.spanContext().spanId);
  expect(tracestate).toBe('vendor=1');
});

test.each([
  'garbage',
  '00-00000000000000000000000000000000-00f067aa0ba902b7-01',
  'ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
  `${PARENT}-more`,
  PARENT.toUpperCase(),
  `${PARENT}, ${PARENT}`,
  'x'.repeat(4_000),
])('a malformed traceparent breaks nothing, and begins a trace of its own: %.40s', async (traceparent) => {
  const gate = await open('tracing: {}');
  const answer = await gate.ask('/keys/a', { traceparent, tracestate: 'a=1,,=' });
  await gate.close();
  expect(answer.status).toBe(200);
  const sent = arrivedWith(answer.body);
  expect(parseTraceParent(String(sent['traceparent']))?.traceId).toMatch(/^(?!4bf92f35)[\da-f]{32}$/);
  expect(sent).not.toHaveProperty('tracestate');
});

test('a denial has a reason, a path without a route has a fixed name, and a 5xx is an error', async () => {
  const gate = await open('tracing: {}');
  await gate.ask('/keys/a', { 'X-API-Key': 'wrong' });
  await gate.ask('/elsewhere/../x');
  await gate.close();
  expect(spans().map(({ name, attributes }) => [name, attributes['loom.outcome'], attributes['loom.reason']])).toEqual([
    ['GET keys', 'rejected', 'credential_invalid'],
    ['GET (no route)', 'malformed', 'bad_target'],
  ]);
});

test("a host's handler runs within the span", async () => {
  let seen: string | undefined;
  const gate = await open('tracing: {}', () => (seen = trace.getActiveSpan()?.spanContext().spanId));
  await gate.ask('/local');
  await gate.close();
  expect(seen).toBe(spans()[0]?.spanContext().spanId);
});

test.each(['', 'tracing: { enabled: false }', 'tracing: { sample_rate: 0 }'])(
  'without a span (%j) the fields go on as they came',
  async (block) => {
    const gate = await open(block);
    const given = { traceparent: 'any bytes at all', tracestate: 'vendor=1' };
    expect(arrivedWith((await gate.ask('/keys/a', given)).body)).toMatchObject(given);
    await gate.close();
    expect(spans()).toEqual([]);
  },
);

test('sample_rate leaves the decision of a caller alone', async () => {
  const gate = await open('tracing: { sample_rate: 0 }');
  await gate.ask('/keys/a', { traceparent: PARENT });
  await gate.close();
  expect(spans()).toHaveLength(2);
});

test('without the package there are no spans, and the log says what to install', async () => {
  const log = quietLog();
  const tracing = new Tracing({ sampleRate: 1, log, load: () => Promise.reject(new Error('not found')) });
  await tracing.ready;
  expect(tracing.start({ headers: {}, method: 'GET' } as never)).toBeUndefined();
  expect(log.entries).toMatchObject([{ level: 'warn', words: expect.stringMatching(/npm install/) as string }]);
});
