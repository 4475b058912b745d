/** Real packages that call an application without a server: Fastify's `inject`, serverless adapters, mocks. */
import { EventEmitter } from 'node:events';
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import serverlessExpress from '@codegenie/serverless-express';
import express from 'express';
import fastify from 'fastify';
import httpMocks from 'node-mocks-http';
import serverlessHttp from 'serverless-http';
import { loom, type Loom, type LoomOptions } from '../src/loom.js';
import { quietLog } from './support/quiet-log.js';
import { closed, listening } from './support/recording-upstream.js';
import { createServer } from 'node:http';

const KEY = 'key-of-alice-1234';
const TEXT = `
middleware:
  auth:
    api_key: { keys: [{ key: ${KEY}, name: alice }], claims_to_headers: { name: X-User-Id } }
    basic: { users: [{ username: ada, password_hash: "$2b$10$4CuUbtpVRbM38wzDxpd2a.eMRHDEI0v6dbk.b4YiVmabz5y27gwA." }] }
    chain: [api_key, basic]
    require_any: true
metrics: {}
logging: { access: {} }
rate_limit: { rate: 100 }
cors: { allowed_origins: ["https://app.example.com"] }
routes: [{ id: public, path: /public/*, auth: none }, { id: all, path: /* }]
`;
const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  await Promise.all(closing.splice(0).map((close) => close()));
});

function gateOf(text = TEXT, options: LoomOptions = {}): Loom {
  const gate = loom({ text }, { log: quietLog(), ...options });
  closing.push(() => gate.close());
  return gate;
}

function expressOf(gate: Loom): express.Express {
  const app = express();
  app.use(gate);
  app.use(express.json());
  app.use((req, res) => void res.json(seen(req)));
  return app;
}

const seen = (req: IncomingMessage): object => ({
  caller: req.auth?.subject ?? null,
  header: req.headers['x-user-id'],
  body: (req as { body?: unknown }).body,
});

const HEADERS = { host: 'api.example.com', 'content-type': 'application/json', 'X-User-Id': 'admin' };
const WITH_KEY = { ...HEADERS, 'X-API-Key': KEY };
const BASIC = { ...HEADERS, Authorization: `Basic ${Buffer.from('ada:correct horse').toString('base64')}` };
const BODY = '{"id":1}';
const PASSED = { caller: 'alice', header: 'alice', body: { id: 1 } };

interface Answer {
  readonly status: number;
  readonly body: unknown;
}
interface Question {
  readonly headers: Readonly<Record<string, string>>;
  readonly path?: string;
}
type Ask = (gate: Loom, question: Question) => Promise<Answer>;

const parsed = (status: number, text: string): Answer => ({ status, body: JSON.parse(text) });

/** The events of API Gateway for REST (v1), with lists of values, and for HTTP (v2). */
const v1 = ({ headers, path = '/orders' }: Question): object => ({
  resource: '/{proxy+}',
  httpMethod: 'POST',
  path,
  headers,
  multiValueHeaders: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, [value]])),
  body: BODY,
  isBase64Encoded: false,
  requestContext: { identity: { sourceIp: '203.0.113.9' }, stage: 'prod' },
});
const v2 = ({ headers, path = '/orders' }: Question): object => ({
  version: '2.0',
  routeKey: '$default',
  rawPath: path,
  rawQueryString: '',
  headers,
  body: Buffer.from(BODY).toString('base64'),
  isBase64Encoded: true,
  requestContext: { http: { method: 'POST', path, sourceIp: '203.0.113.9', protocol: 'HTTP/1.1' }, stage: '$default' },
});

interface LambdaAnswer {
  readonly statusCode: number;
  readonly body: string;
}

const lambda =
  (
    adapter: (app: express.Express) => (event: object) => Promise<unknown>,
    event: (question: Question) => object,
  ): Ask =>
  async (gate, question) => {
    const { statusCode, body } = (await adapter(expressOf(gate))(event(question))) as LambdaAnswer;
    return parsed(statusCode, body);
  };
const withServerlessHttp = (app: express.Express) => {
  const handler = serverlessHttp(app);
  return (event: object): Promise<unknown> => handler(event, {});
};
const withServerlessExpress = (app: express.Express) => {
  const handler = serverlessExpress.configure({ app }) as unknown as (
    event: object,
    context: object,
  ) => Promise<unknown>;
  return (event: object): Promise<unknown> => handler(event, {});
};

const ADAPTERS: Readonly<Record<string, Ask>> = {
  'Fastify inject, with Loom as a hook': async (gate, { headers, path: url = '/orders' }) => {
    const app = fastify();
    app.addHook('onRequest', (request, reply, done) => gate(request.raw, reply.raw, () => done()));
    app.post('/*', (request) => Promise.resolve({ ...seen(request.raw), body: request.body }));
    const answer = await app.inject({ method: 'POST', url, headers, payload: BODY });
    return parsed(answer.statusCode, answer.payload);
  },
  'serverless-http, API Gateway v1': lambda(withServerlessHttp, v1),
  'serverless-http, API Gateway v2': lambda(withServerlessHttp, v2),
  '@codegenie/serverless-express, API Gateway v1': lambda(withServerlessExpress, v1),
  '@codegenie/serverless-express, API Gateway v2': lambda(withServerlessExpress, v2),
  'node-mocks-http': (gate, { headers, path: url = '/orders' }) => {
    const req = httpMocks.createRequest({ method: 'POST', url, headers, body: { id: 1 } });
    const res = httpMocks.createResponse({ eventEmitter: EventEmitter });
    return new Promise((resolve) => {
      res.on('end', () => resolve(parsed(res.statusCode, String(res._getData()) || res._getBuffer().toString())));
      gate(req, res as never, () => res.end(JSON.stringify(seen(req))));
    });
  },
};

describe.each(Object.entries(ADAPTERS))('%s', (_name, ask) => {
  test('a key passes, and the handler reads the identity of Loom and the body', async () => {
    expect(await ask(gateOf(), { headers: WITH_KEY })).toEqual({ status: 200, body: PASSED });
  });

  test('a password passes, after a wait for a thread', async () => {
    const { status, body } = await ask(gateOf(), { headers: BASIC });
    expect([status, (body as { caller: string }).caller]).toEqual([200, 'ada']);
  });

  test('a wrong key and no key are 401, and an open path is open', async () => {
    const gate = gateOf();
    expect(await ask(gate, { headers: { ...HEADERS, 'X-API-Key': 'wrong' } })).toMatchObject({ status: 401 });
    expect(await ask(gate, { headers: HEADERS })).toMatchObject({ status: 401, body: { code: 'unauthorized' } });
    expect(await ask(gate, { headers: HEADERS, path: '/public/x' })).toMatchObject({
      status: 200,
      body: { caller: null },
    });
  });

  test('two hosts in one header are 400', async () => {
    expect(await ask(gateOf(), { headers: { ...WITH_KEY, host: 'a.example, b.example' } })).toMatchObject({
      status: 400,
    });
  });
});

describe('a route with an upstream', () => {
  const listeners: Readonly<Record<string, (app: RequestListener) => Promise<[number, string]>>> = {
    'light-my-request': async (app) => {
      const { default: inject } = await import('light-my-request');
      const answer = await inject(app, { method: 'POST', url: '/orders', headers: WITH_KEY, payload: BODY });
      return [answer.statusCode, answer.payload];
    },
    'serverless-http': async (app) => {
      const answer = (await serverlessHttp(app)(v2({ headers: WITH_KEY }), {})) as LambdaAnswer;
      return [answer.statusCode, answer.body];
    },
    '@codegenie/serverless-express': async (app) => {
      const answer = (await withServerlessExpress(app as never)(v1({ headers: WITH_KEY }))) as LambdaAnswer;
      return [answer.statusCode, answer.body];
    },
  };

  test.each(Object.entries(listeners))('%s: the upstream gets the body and the identity', async (_name, ask) => {
    const upstream = createServer((req, res) => {
      let body = '';
      req.on('data', (part: Buffer) => (body += part.toString()));
      req.on('end', () => res.end(JSON.stringify([req.method, req.url, req.headers['x-user-id'], body])));
    });
    const port = await listening(upstream);
    closing.push(() => closed(upstream, []));
    const gate = gateOf(
      `${TEXT.replace(/routes:.*/, '')}upstreams: [{ name: up, endpoints: ["127.0.0.1:${port}"] }]\nroutes: [{ id: up, path: /*, upstream: up }]`,
    );
    const [status, body] = await ask((req: IncomingMessage, res: ServerResponse) => gate(req, res, () => res.end()));
    expect([status, JSON.parse(body)]).toEqual([200, ['POST', '/orders', 'alice', BODY]]);
  });
});

test('protect() and passport.authenticate() take a mock, and never throw on an empty one', async () => {
  const gate = gateOf();
  const guards = [gate, gate.protect('api_key'), gate.passport.authenticate('api_key')];
  for (const guard of guards) {
    const status = (given: object): Promise<number> => {
      const res = httpMocks.createResponse({ eventEmitter: EventEmitter });
      return new Promise((resolve) => {
        res.on('end', () => resolve(res.statusCode));
        guard(given as IncomingMessage, res as never, () => res.end());
      });
    };
    const url = '/orders';
    expect(await status(httpMocks.createRequest({ url, headers: { 'x-api-key': KEY } }))).toBe(200);
    expect(await status(httpMocks.createRequest({ url }))).toBe(401);
    expect(await status({})).toBe(500);
    expect(await status(Object.freeze({ url, method: 'GET', headers: { 'x-api-key': KEY } }))).toBe(500);
  }
});
