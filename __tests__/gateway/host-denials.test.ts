/** Denials that the host answers: `errors: 'next'` and `onDenied`, with Express 5, Express 4, Connect and node:http. */
import { createServer, type ServerResponse } from 'node:http';
import express from 'express';
import { DeniedError } from '../../src/gateway/denied-error.js';
import { loom, type Loom, type LoomOptions } from '../../src/loom.js';
import { ask, type Answer, type Question } from '../support/ask.js';
import { errorHandler, HOSTS, type Host, type HostKind } from '../support/hosts.js';
import { quietLog } from '../support/quiet-log.js';
import { closed, listening } from '../support/recording-upstream.js';
import { freePorts } from '../support/ports.js';

const KEY = { 'X-API-Key': 'key-of-alice-1234' };
const file = (port: number): string => `
middleware:
  auth:
    api_key: { keys: [{ key: key-of-alice-1234, name: alice }, { key: key-of-bob-12345, name: bob, rate_limit: { rate: 1, burst: 1 } }] }
    basic: { users: [{ username: ada, password_hash: "$2b$10$4CuUbtpVRbM38wzDxpd2a.eMRHDEI0v6dbk.b4YiVmabz5y27gwA." }] }
    chain: [api_key, basic]
    require_any: true
routes:
  - { id: public, path: /public/*, auth: none }
  - { id: alice, path: /alice, auth: { api_key: { names: [alice] } } }
  - { id: written, path: /written, methods: [POST] }
  - { id: down, path: /down, auth: none, upstream: down }
upstreams:
  - { name: down, endpoints: ["127.0.0.1:${port}"] }
`;

let deadPort: number;
beforeAll(async () => {
  [deadPort] = (await freePorts(1)) as [number];
});

interface Opened {
  readonly gate: Loom;
  readonly ask: (question?: Partial<Question>) => Promise<Answer>;
  readonly errors: unknown[];
  readonly reached: () => number;
  readonly log: ReturnType<typeof quietLog>;
}

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  await Promise.all(closing.splice(0).map((close) => close()));
});

async function open({ start }: HostKind, options: LoomOptions): Promise<Opened> {
  const log = quietLog();
  const gate = loom({ text: file(deadPort) }, { log, ...options });
  const errors: unknown[] = [];
  let reached = 0;
  const host: Host = await start({
    gate,
    handler: (_req, res) => {
      reached += 1;
      res.end('reached');
    },
    failed: (error, _req, res) => {
      errors.push(error);
      res.statusCode = (error as { status?: number }).status ?? 500;
      res.end(JSON.stringify(error));
    },
  });
  closing.push(
    () => host.close(),
    () => gate.close(),
  );
  return { gate, errors, log, reached: () => reached, ask: (question) => ask({ port: host.port, ...question }) };
}

describe.each(HOSTS)("errors: 'next' with $name", (kind) => {
  test('passes a typed error to the error handler, with status, code, headers and the id of the log', async () => {
    const { ask: send, errors, reached, log } = await open(kind, { errors: 'next' });
    const answer = await send();
    const [error] = errors;
    expect(error).toBeInstanceOf(DeniedError);
    expect(error).toBeInstanceOf(Error);
    expect(error).toMatchObject({
      name: 'DeniedError',
      status: 401,
      statusCode: 401,
      expose: true,
      code: 'unauthorized',
      reason: 'credential_missing',
      message: 'A valid credential is required',
      headers: { 'Cache-Control': 'no-store', 'WWW-Authenticate': [expect.any(String), expect.any(String)] },
    });
    const denied = log.entries.filter(({ facts }) => facts['event'] === 'denied');
    expect(denied.map(({ facts }) => facts['instance'])).toEqual([(error as DeniedError).instance]);
    expect(answer.status).toBe(401);
    expect(answer.headers).toMatchObject({ 'cache-control': 'no-store' });
    expect(answer.headers['www-authenticate']).toMatch(/ApiKey .*, ?Basic /);
    expect(reached()).toBe(0);
  });

  test.each<[string, Partial<Question>, number, string]>([
    ['a wrong key', { headers: { 'X-API-Key': 'wrong' } }, 401, 'unauthorized'],
    ['a key that may not', { path: '/alice', headers: { 'X-API-Key': 'key-of-bob-12345' } }, 403, 'forbidden'],
    ['an ambiguous path', { path: '/a%2fb' }, 400, 'bad_target'],
    ['another method', { path: '/written', headers: KEY }, 405, 'method_not_allowed'],
    ['an upstream that is down', { path: '/down' }, 502, 'upstream_unreachable'],
  ])('%s is an error with its status', async (_what, question, status, code) => {
    const { ask: send, errors, reached } = await open(kind, { errors: 'next' });
    expect((await send(question)).status).toBe(status);
    expect(errors).toEqual([expect.objectContaining({ status, code })]);
    expect(reached()).toBe(0);
  });

  test('a spent limit is an error with its headers', async () => {
    const { ask: send, errors } = await open(kind, { errors: 'next' });
    const headers = { 'X-API-Key': 'key-of-bob-12345' };
    expect((await send({ headers })).status).toBe(200);
    const { status, headers: sent } = await send({ headers });
    expect([status, sent['retry-after']]).toEqual([429, '1']);
    expect(errors).toMatchObject([{ status: 429, code: 'rate_limited', headers: { 'Retry-After': '1' } }]);
  });

  test('JSON of the error is the problem document, without the reason', async () => {
    const { ask: send, errors } = await open(kind, { errors: 'next' });
    const { body } = await send();
    const { instance } = errors[0] as DeniedError;
    expect(JSON.parse(body)).toEqual({
      type: 'urn:loom-auth:problem:unauthorized',
      title: 'A valid credential is required',
      status: 401,
      code: 'unauthorized',
      instance,
    });
  });

  test('an admitted request passes without an error', async () => {
    const { ask: send, errors, reached } = await open(kind, { errors: 'next' });
    expect((await send({ headers: KEY })).body).toBe('reached');
    expect((await send({ path: '/public/x' })).body).toBe('reached');
    expect([errors, reached()]).toEqual([[], 2]);
  });

  test('an onDenied answers, passes the denial on, or observes', async () => {
    const seen: [string, string | undefined][] = [];
    const answers = await open(kind, {
      onDenied: (denial, req, res) => {
        seen.push([denial.code, req.url]);
        res.statusCode = 418;
        res.end('mine');
      },
    });
    expect(await answers.ask({ path: '/x' })).toMatchObject({ status: 418, body: 'mine' });
    expect([seen, answers.errors, answers.reached()]).toEqual([[['unauthorized', '/x']], [], 0]);

    const passes = await open(kind, { onDenied: (_denial, _req, _res, next) => next() });
    expect((await passes.ask()).status).toBe(401);
    expect([passes.errors.length, passes.reached()]).toEqual([1, 0]);

    const observes = await open(kind, { onDenied: (denial) => seen.push([denial.code, undefined]) });
    const { status, headers } = await observes.ask();
    expect([status, headers['content-type']]).toEqual([401, 'application/problem+json']);
    expect([seen.length, observes.errors, observes.reached()]).toEqual([2, [], 0]);
  });

  test('an onDenied that only observes leaves the denial to errors', async () => {
    const { ask: send, errors } = await open(kind, {
      errors: 'next',
      onDenied: (denial) => Promise.resolve(denial.code),
    });
    expect((await send()).status).toBe(401);
    expect(errors).toHaveLength(1);
  });
});

test('protect() and passport.authenticate() pass their denials to the same handler', async () => {
  const gate = loom({ text: file(deadPort) }, { log: quietLog(), errors: 'next' });
  const app = express();
  app.get('/protected', gate.protect('basic'));
  app.get('/passport', gate.passport.authenticate('basic'));
  const errors: unknown[] = [];
  app.use(
    errorHandler((error, _req, res) => {
      errors.push(error);
      res.writeHead(418).end();
    }),
  );
  const server = app.listen(0);
  closing.push(
    () => new Promise((resolve) => server.close(resolve)),
    () => gate.close(),
  );
  const { port } = server.address() as { port: number };
  for (const path of ['/protected', '/passport']) expect((await ask({ port, path })).status).toBe(418);
  expect(errors).toMatchObject([{ status: 401 }, { status: 401 }]);
});

test('the headers of a configured 429 reach the error handler, without those of its body', async () => {
  const limit = `
rate_limit:
  rate: 1
  burst: 1
  response: { status: 420, headers: { X-Plan: free, Content-Type: text/html }, body: "<p>slow down</p>" }
`;
  const gate = loom({ text: file(deadPort) + limit }, { log: quietLog(), errors: 'next' });
  const errors: unknown[] = [];
  const server = createServer((req, res) =>
    gate(req, res, (error) => {
      if (error) errors.push(error);
      res.writeHead(error instanceof DeniedError ? error.status : 200).end();
    }),
  );
  const port = await listening(server);
  closing.push(
    () => closed(server, []),
    () => gate.close(),
  );
  const answers = [await ask({ port, path: '/public/x' }), await ask({ port, path: '/public/x' })];
  expect(answers.map(({ status }) => status)).toEqual([200, 420]);
  expect(answers[1]?.headers).toMatchObject({ 'x-plan': 'free', 'retry-after': '1', 'cache-control': 'no-store' });
  expect(answers[1]?.headers).not.toHaveProperty('content-type');
  expect(errors).toMatchObject([
    { status: 420, code: 'rate_limited', headers: { 'X-Plan': 'free', 'Retry-After': '1' } },
  ]);
});

test("Express's own error handler sends status and challenges, without a stack", async () => {
  const gate = loom({ text: file(deadPort) }, { log: quietLog(), errors: 'next' });
  const app = express();
  app.use(gate);
  const server = app.listen(0);
  closing.push(
    () => new Promise((resolve) => server.close(resolve)),
    () => gate.close(),
  );
  const { port } = server.address() as { port: number };
  const { status, headers, body } = await ask({ port });
  expect([status, headers['cache-control']]).toEqual([401, 'no-store']);
  expect(headers['www-authenticate']).toMatch(/^ApiKey /);
  expect(body).not.toMatch(/at |\.js|reason|credential_missing/);
});

test.each<[object | null, RegExp]>([
  [null, /options of loom\(\) must be an object/],
  [{ errors: 'throw' }, /errors must be 'answer' or 'next'/],
  [{ errors: null }, /errors must be/],
  [{ onDenied: true }, /onDenied must be a function/],
  [{ onDenied: null }, /onDenied must be a function/],
  [{ ondenied: () => undefined }, /no option "ondenied"; did you mean "onDenied"\?/],
  [{ error: 'next' }, /did you mean "errors"/],
])('the options %j are a TypeError', (options, words) => {
  const act = (): unknown => loom({ text: file(deadPort) }, options as LoomOptions);
  expect(act).toThrow(TypeError);
  expect(act).toThrow(words);
});

test('the response is an ordinary one: an asynchronous onDenied may answer later', async () => {
  const { ask: send, reached } = await open(HOSTS[0] as HostKind, {
    onDenied: async (denial, _req, res: ServerResponse) => {
      await new Promise((resolve) => setImmediate(resolve));
      res.writeHead(denial.status).end('later');
    },
  });
  expect(await send()).toMatchObject({ status: 401, body: 'later' });
  expect(reached()).toBe(0);
});
