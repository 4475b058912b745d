/** The record of a denial is made after its response was written, so its cost does not delay the response. */
import { createServer } from 'node:http';
import type { Socket } from 'node:net';
import { DecisionRecords } from '../../src/admission/decision-records.js';
import { compileFile } from '../../src/config/index.js';
import type { ConfigSource } from '../../src/config/source.js';
import { compose } from '../../src/runtime/compose.js';
import { ask } from '../support/ask.js';
import { quietLog } from '../support/quiet-log.js';
import { closed, listening } from '../support/recording-upstream.js';

const TEXT = `
admin: {}
listeners: [{ name: main, address: "127.0.0.1:1", protocol: http }]
middleware: { auth: { api_key: { keys: [{ key: sk_of_the_caller_0001, name: alice }] }, basic: { users: [{ username: ops, password_hash: "$2y$04$abcdefghijklmnopqrstuuJ7i1w1y0Zc1c9wXv8u7t6s5r4q3p2o1" }] } } }
routes: [{ id: any, path: /any/*, upstream: backend, auth: { methods: [api_key, basic] } }]
upstreams: [{ name: backend, endpoints: ["127.0.0.1:1"] }]`;

const DENIALS: readonly (readonly [string, string, Record<string, string>])[] = [
  ['without a credential', '/any/a', {}],
  ['with a wrong key', '/any/a', { 'X-API-Key': 'sk_of_another_file_01' }],
  ['with a wrong password', '/any/a', { Authorization: `Basic ${btoa('ops:wrong')}` }],
  ['without a route', '/nothing', {}],
  ['with an ambiguous path', '/any/%2e%2e/a', {}],
];

test.each(DENIALS)('a denial %s', async (_what, path, headers) => {
  const records = new DecisionRecords({ capacity: 10, now: Date.now });
  const compile = (given: ConfigSource) => compileFile(given, { mode: 'serve', env: {} });
  const source = { text: TEXT, file: 'loom.yaml' };
  const shared = { strategies: {}, log: quietLog(), now: Date.now, standalone: true, records };
  const gate = compose(source, compile(source).plan, { shared, compiler: { compile, options: { mode: 'serve' } } });
  const server = createServer((req, res) => gate(req, res, () => res.destroy()));
  const sockets: Socket[] = [];
  server.on('connection', (socket) => void sockets.push(socket));
  const seen: object[] = [];
  records.follow(({ kind }) => {
    const [socket] = sockets as [Socket];
    // What waits in the process was not written.
    seen.push({ kind, isWritten: socket.bytesWritten > 100 && socket.writableLength === 0 });
  });
  const { status } = await ask({ port: await listening(server), path, headers });
  expect(status).toBeGreaterThanOrEqual(400);
  expect(seen).toEqual([{ kind: 'denied', isWritten: true }]);
  await closed(server);
  await gate.close();
});
