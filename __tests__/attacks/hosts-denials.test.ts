/** Denials in the code of a host: nothing that the code does lets a refused request continue. */
import { connect } from 'node:net';
import { createServer, type RequestListener, type Server } from 'node:http';
import express from 'express';
import type { OnDenied } from '../../src/gateway/host-denials.js';
import { identitiesOf } from '../../src/admission/identities.js';
import { loom, type Loom, type LoomOptions } from '../../src/loom.js';
import { ask, askBytes } from '../support/ask.js';
import { errorHandler, HOSTS } from '../support/hosts.js';
import { quietLog } from '../support/quiet-log.js';
import { closed, listening } from '../support/recording-upstream.js';

const KEY = { 'X-API-Key': 'key-of-alice-1234' };
const TEXT = `
middleware:
  auth:
    api_key: { keys: [{ key: key-of-alice-1234, name: alice }] }
    basic: { users: [{ username: ada, password_hash: "$2b$10$4CuUbtpVRbM38wzDxpd2a.eMRHDEI0v6dbk.b4YiVmabz5y27gwA." }] }
    chain: [api_key]
`;

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  await Promise.all(closing.splice(0).map((close) => close()));
});

function gateWith(options: LoomOptions): { gate: Loom; log: ReturnType<typeof quietLog> } {
  const log = quietLog();
  const gate = loom({ text: TEXT }, { log, ...options });
  closing.push(() => gate.close());
  return { gate, log };
}

async function serverOf(listener: RequestListener): Promise<{ port: number; server: Server }> {
  const server = createServer(listener);
  closing.push(() => closed(server, []));
  return { port: await listening(server), server };
}

/** Ways in which an `onDenied` may fail or try to let a request continue. */
const HANDLERS: Readonly<Record<string, OnDenied>> = {
  'calls next()': (_denial, _req, _res, next) => next(),
  'calls next twice': (_denial, _req, _res, next) => {
    next();
    next();
  },
  "calls next('route')": (_denial, _req, _res, next) => next('route'),
  "calls next('router')": (_denial, _req, _res, next) => next('router'),
  'calls next(null)': (_denial, _req, _res, next) => next(null),
  'passes another error': (_denial, _req, _res, next) => next(new Error('mine')),
  throws: (denial, req, res) => {
    res.setHeader('X-Denied', `${denial.code} ${req.url}`);
    throw new Error('mine');
  },
  'throws after next()': (_denial, _req, _res, next) => {
    next();
    throw new Error('mine');
  },
  rejects: async (denial, req, res) => {
    await Promise.resolve();
    res.setHeader('X-Denied', `${denial.code} ${req.url}`);
    throw new Error('mine');
  },
  'rejects without an error': (denial, req, res) => {
    res.setHeader('X-Denied', `${denial.code} ${req.url}`);
    // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors
    return Promise.reject();
  },
  'calls next() later': async (_denial, _req, _res, next) => {
    await new Promise((resolve) => setImmediate(resolve));
    next();
  },
  'only observes': () => undefined,
  'only observes, and throws': () => {
    throw new Error('mine');
  },
  'returns a thenable that throws': () => ({
    then: () => {
      throw new Error('mine');
    },
  }),
  'answers and calls next()': (_denial, _req, res, next) => {
    res.writeHead(403).end('mine');
    next();
  },
};

describe('G-32 an onDenied that continues the request', () => {
  describe.each(HOSTS)('$name', ({ start }) => {
    test.each(Object.keys(HANDLERS))('never reaches the handler if it %s', async (name) => {
      const { gate } = gateWith({ onDenied: HANDLERS[name] });
      let reached = 0;
      const errors: unknown[] = [];
      const host = await start({
        gate,
        handler: (_req, res) => {
          reached += 1;
          res.end();
        },
        failed: (error, _req, res) => {
          errors.push(error);
          res.statusCode = (error as { status: number }).status;
          res.end();
        },
      });
      closing.push(() => host.close());
      const { status } = await ask({ port: host.port });
      expect([401, 403]).toContain(status);
      expect(errors.length).toBeLessThanOrEqual(1);
      for (const error of errors) expect(error).toMatchObject({ name: 'DeniedError', code: 'unauthorized' });
      expect(reached).toBe(0);
    });

    test('the honest twin: an admitted request reaches the handler, after a refused one on the same connection', async () => {
      const { gate } = gateWith({ onDenied: (denial, _req, res) => res.writeHead(denial.status).end('mine') });
      const host = await start({ gate, handler: (req, res) => res.end(req.auth?.subject) });
      closing.push(() => host.close());
      const agent = { headers: { Connection: 'keep-alive' } };
      expect(await (await fetch(host.url, agent)).text()).toBe('mine');
      expect(await (await fetch(host.url, { headers: { ...agent.headers, ...KEY } })).text()).toBe('alice');
    });
  });

  test('an error that it passes becomes the cause', async () => {
    const { gate } = gateWith({ onDenied: HANDLERS['passes another error'] });
    const errors: unknown[] = [];
    const { port } = await serverOf((req, res) => {
      gate(req, res, (error) => {
        errors.push(error);
        res.writeHead((error as { status: number }).status).end();
      });
    });
    expect((await ask({ port })).status).toBe(401);
    expect(errors).toMatchObject([{ name: 'DeniedError', cause: { message: 'mine' } }]);
  });

  const IGNORANT: Readonly<Record<string, (gate: Loom, handler: () => void) => RequestListener>> = {
    'a next without parameters': (gate, handler) => (req, res) => gate(req, res, () => handler()),
    'no next': (gate) => (req, res) => void Reflect.apply(gate, undefined, [req, res]),
    'null as next': (gate) => (req, res) => void Reflect.apply(gate, undefined, [req, res, null]),
    'a next with a rest parameter': (gate, handler) => (req, res) =>
      gate(req, res, (...rest) => {
        expect(rest).toEqual([]);
        handler();
      }),
  };

  test.each(Object.keys(IGNORANT))('with %s Loom answers, and says so once', async (name) => {
    const { gate, log } = gateWith({ errors: 'next' });
    let reached = 0;
    const listener = IGNORANT[name]?.(gate, () => (reached += 1)) as RequestListener;
    const { port } = await serverOf(listener);
    for (let i = 0; i < 2; i += 1) {
      const { status, headers } = await ask({ port });
      expect([status, headers['content-type']]).toEqual([401, 'application/problem+json']);
    }
    expect(reached).toBe(0);
    expect(log.entries.filter(({ words }) => words.includes('takes no error'))).toHaveLength(1);
  });

  test('a middleware around the gate that ignores the error does not continue the request', async () => {
    const { gate } = gateWith({ errors: 'next' });
    const app = express();
    app.use((req, res, next) => gate(req, res, () => next()));
    let reached = 0;
    app.use((_req, res) => {
      reached += 1;
      res.end();
    });
    const errors: unknown[] = [];
    app.use(
      errorHandler((error, _req, res) => {
        errors.push(error);
        res.writeHead((error as { status: number }).status).end();
      }),
    );
    const { port } = await serverOf(app);
    expect((await ask({ port })).status).toBe(401);
    expect([reached, errors.length]).toEqual([0, 1]);
    // Tools for traces wrap next in a function without parameters. Honest requests pass.
    expect((await ask({ port, headers: KEY })).status).toBe(200);
    expect(reached).toBe(1);
  });

  test.each([
    ['without a credential', {}, 401],
    ['with a wrong key', { 'X-API-Key': 'wrong' }, 401],
    ['with a credential', KEY, 200],
  ])('failWithError of Passport and a next that ignores errors, %s', async (_name, headers, status) => {
    const { gate } = gateWith({});
    const guard = gate.passport.authenticate('api_key', { failWithError: true });
    const { port } = await serverOf((req, res) => guard(req, res, () => res.end('reached')));
    const answer = await ask({ port, headers });
    expect([answer.status, answer.body.includes('reached')]).toEqual([status, status === 200]);
  });

  test('a next that throws gets no second call, and the client gets the denial', async () => {
    const { gate } = gateWith({ errors: 'next' });
    let calls = 0;
    const { port } = await serverOf((req, res) =>
      gate(req, res, (error) => {
        calls += 1;
        expect(error).toBeDefined();
        throw new Error('mine');
      }),
    );
    expect((await ask({ port })).status).toBe(401);
    expect(calls).toBe(1);
  });

  test('a handler that throws after admission gets no denial as an error', async () => {
    const { gate } = gateWith({ errors: 'next' });
    const calls: unknown[] = [];
    const { port } = await serverOf((req, res) =>
      gate(req, res, (error) => {
        calls.push(error);
        throw new Error('mine');
      }),
    );
    expect((await ask({ port, headers: KEY })).status).toBe(500);
    expect(calls).toEqual([undefined]);
  });

  test('an earlier response stays as it is', async () => {
    let onDenied = 0;
    const { gate } = gateWith({ onDenied: () => (onDenied += 1) });
    const { port } = await serverOf((req, res) => {
      res.end('earlier');
      gate(req, res, (error) => expect(error).toBeUndefined());
    });
    expect(await ask({ port })).toMatchObject({ status: 200, body: 'earlier' });
    expect(onDenied).toBe(0);
  });

  test('a guard that denies removes the identity of an earlier guard', async () => {
    const { gate } = gateWith({ errors: 'next' });
    const app = express();
    app.use(gate);
    const seen: unknown[] = [];
    app.get('/', gate.protect('basic'), (_req, res) => void res.end());
    app.use(
      errorHandler((_error, req, res) => {
        seen.push(req.auth, identitiesOf(req));
        res.writeHead(401).end();
      }),
    );
    const { port } = await serverOf(app);
    expect((await ask({ port, headers: KEY })).status).toBe(401);
    expect(seen).toEqual([null, []]);
  });

  test('an ambiguous request ends its connection, whatever the host answers', async () => {
    const { gate } = gateWith({ onDenied: (_denial, _req, res) => res.writeHead(200).end('mine') });
    const { port } = await serverOf((req, res) => gate(req, res, () => res.end('reached')));
    const answer = await askBytes(
      port,
      'GET / HTTP/1.1\r\nHost: a\r\nX-API-Key: a\r\nX-API-Key: b\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n',
    );
    expect(answer).toMatch(/^HTTP\/1\.1 200 OK\r\n[^]*connection: close\r\n/i);
    expect(answer.match(/HTTP\/1\.1 /g)).toHaveLength(1);
  });

  test('an upgrade is answered by Loom', async () => {
    let asked = 0;
    const { gate } = gateWith({ errors: 'next', onDenied: (_denial, _req, _res, next) => next((asked += 1)) });
    const { port, server } = await serverOf((req, res) => gate(req, res, (error) => res.end(String(error))));
    gate.attach(server);
    server.on('upgrade', (_req, socket) => socket.end('HTTP/1.1 101 Reached\r\n\r\n'));
    const lines = ['GET / HTTP/1.1', 'Host: a', 'Connection: Upgrade', 'Upgrade: websocket'];
    const rest = ['Sec-WebSocket-Version: 13', 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==', '', ''];
    const text = await new Promise<string>((resolve, reject) => {
      const socket = connect(port, '127.0.0.1', () => socket.write([...lines, ...rest].join('\r\n')));
      let got = '';
      socket.on('data', (chunk) => (got += chunk.toString()));
      socket.on('end', () => resolve(got)).on('error', reject);
    });
    expect(text).toMatch(/^HTTP\/1\.1 401 /);
    expect(asked).toBe(0);
  });
});
