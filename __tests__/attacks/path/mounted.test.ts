/** Path confusion in hosts: their own routers decide after Loom, with their own reading of the URL. */
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import connect from 'connect';
import express5, { type Express } from 'express';
import { loom, type Loom } from '../../../src/loom.js';
import { askBytes, statusOf } from '../../support/ask.js';
import { get } from '../../support/attack-ground.js';
import { GADGETS } from '../../support/path-pieces.js';
import { quietLog } from '../../support/quiet-log.js';
import { closed } from '../../support/recording-upstream.js';
import { secretToken } from '../../support/token-issuer.js';

const SECRET = 'a secret of thirty-two bytes or so';
const FILE = `
middleware: { auth: { jwt: { algorithm: HS256, secret: "${SECRET}" } } }
routes:
  - { id: public, path: /public/*, auth: none }
  - { id: internal, path: /internal/*, auth: { jwt: true } }
  - { id: docs, path: /internal/docs/*, auth: none }
  - { id: app, path: /app/internal/*, auth: { jwt: true } }
`;

const express4 = createRequire(__filename)('express4') as typeof express5;

/** Answers with the handler that was reached. Handlers of the host's router below /internal report it. */
function expressApp(express: typeof express5, gate: Loom, mount: string): Express {
  const app = express();
  app.use(mount, gate);
  const router = express.Router();
  router.use('/docs', (_req, res) => void res.send('docs'));
  router.use((_req, res) => void res.send('internal'));
  app.use('/internal', router);
  app.use('/app/internal', router);
  app.use((_req, res) => void res.send('other'));
  return app;
}

function connectApp(gate: Loom, mount: string): connect.Server {
  const app = connect();
  app.use(mount, gate);
  app.use('/internal/docs', (_req, res) => res.end('docs'));
  app.use('/internal', (_req, res) => res.end('internal'));
  app.use('/app/internal', (_req, res) => res.end('internal'));
  app.use((_req, res) => res.end('other'));
  return app;
}

const APPS = {
  'Express 5': (gate: Loom, mount: string) => expressApp(express5, gate, mount),
  'Express 4': (gate: Loom, mount: string) => expressApp(express4, gate, mount),
  Connect: connectApp,
};

const payloads = [
  ...new Set(
    GADGETS.filter((gadget) => !/[\r\n]/.test(gadget)).flatMap((gadget) => [
      `/public${gadget}internal/secret`,
      `/public/${gadget}/internal/secret`,
      `/${gadget}internal/secret`,
      `/internal${gadget}secret`,
      `/INTERNAL${gadget}/docs`,
      `/internal/docs${gadget}../secret`,
      `/app${gadget}internal/x`,
      `/INTERNAL.x${gadget}`,
    ]),
  ),
  ...[
    '/INTERNAL/secret',
    '/Internal',
    '/%69nternal/x',
    '/iNTERNAL/docs./x',
    '/APP/internal/x',
    '/app/INTERNAL/',
    '/app//internal',
  ],
  ...['http://gw/internal/x', 'http://gw/public/../internal', '//gw/internal/x', 'http://other/internal/x'],
];

describe.each(Object.entries(APPS))('PATH-21 PATH-40 %s', (name, appOf) => {
  let gate: Loom;
  let server: Server;
  let port: number;

  beforeEach(() => {
    gate = loom({ text: FILE, file: 'loom.yaml' }, { log: quietLog() });
  });
  afterEach(async () => {
    server.closeAllConnections();
    await closed(server);
    await gate.close();
  });

  const mounted = async (mount: string): Promise<void> => {
    server = createServer(appOf(gate, mount));
    await once(server.listen(0, '127.0.0.1'), 'listening');
    ({ port } = server.address() as AddressInfo);
  };

  /** The status, and which handler answered. */
  const reached = async (target: string, ...lines: readonly string[]): Promise<[number, string]> => {
    const answer = await askBytes(port, get(target, ...lines));
    return [statusOf(answer), /\r\n\r\n(?:\w+\r\n)?(docs|internal|other)/.exec(answer)?.[1] ?? ''];
  };

  test('no payload reaches a guarded handler', async () => {
    await mounted('/');
    expect(payloads.length).toBeGreaterThan(400);
    const seen = new Set<number>();
    for (const payload of payloads) {
      const [status, handler] = await reached(payload);
      expect([payload, handler]).not.toEqual([payload, 'internal']);
      seen.add(status);
    }
    expect([...seen].sort()).toEqual([200, 400, 401, 404]);
  });

  test('nor if Loom is mounted below the root', async () => {
    await mounted('/app');
    for (const path of [
      '/app/internal/x',
      '/APP/internal/x',
      '/app/internal',
      '/App/INTERNAL',
      '/app/%69nternal/x',
      '/app/internal;/x',
    ]) {
      // Connect removes the mount from the URL. The rest is checked as well.
      const [status, handler] = await reached(path);
      expect([path, handler]).toEqual([path, '']);
      expect([400, 401, 404, 500]).toContain(status);
    }
  });

  test('twin: with a token the handlers are reached, open ones without', async () => {
    await mounted('/');
    const token = `Authorization: Bearer ${await secretToken(SECRET)}`;
    expect(await reached('/internal/secret?x', token)).toEqual([200, 'internal']);
    expect(await reached('/app/internal/a%20b', token)).toEqual([200, 'internal']);
    expect(await reached('/internal/docs/x')).toEqual([200, 'docs']);
    expect(await reached('/public/internal.x')).toEqual([200, 'other']);
    expect(await reached('/v1.2/internals.html')).toEqual([200, 'other']);
    expect(await reached('/internal/docs.html', token)).toEqual([200, name === 'Connect' ? 'docs' : 'internal']);
    expect([name, await reached('/elsewhere')]).toEqual([name, [200, 'other']]);
  });
});
