/** Another CA while a client disconnects: the change of authorities still applies to all connections. */
import { createServer } from 'node:https';
import { connect, type TLSSocket } from 'node:tls';
import { Connections } from '../../../src/serve/connections.js';
import { Refusals } from '../../../src/serve/refusals.js';
import type { PlannedListener } from '../../../src/config/plan-types.js';
import { makeTlsFiles, type TlsFiles } from '../../serve/tls-files.js';
import { quietLog } from '../../support/quiet-log.js';
import { closed, listening } from '../../support/recording-upstream.js';
import { until } from '../../support/until.js';
import { readFileSync } from 'node:fs';

let files: TlsFiles;
beforeAll(() => (files = makeTlsFiles()));
afterAll(() => files.remove());
const pem = (name: string): string => readFileSync(files.path(name), 'utf8');

test('a connection that was just destroyed keeps none of the others alive', async () => {
  const server = createServer({
    ...{ cert: pem('server.crt'), key: pem('server.key'), ca: pem('ca.crt') },
    ...{ requestCert: true, rejectUnauthorized: false },
  });
  const planned = { name: 'tls', protocol: 'https' } as PlannedListener;
  const log = quietLog();
  const connections = new Connections(server, planned, { log, refusals: new Refusals(planned, { log }) });
  const shaken: TLSSocket[] = [];
  server.on('secureConnection', (socket: TLSSocket) => shaken.push(socket));
  const port = await listening(server);
  const pair = { cert: pem('client.crt'), key: pem('client.key') };
  const clients = [0, 1].map(() => connect({ port, host: '127.0.0.1', rejectUnauthorized: false, ...pair }));
  const ended = clients.map(
    (client) => new Promise((resolve) => client.on('error', () => undefined).on('close', resolve)),
  );
  await until(() => shaken.length === 2);
  shaken[0]?.destroy();
  expect(() => connections.retireCertified()).not.toThrow();
  expect(shaken.map(({ destroyed }) => destroyed)).toEqual([true, true]);
  await Promise.all(ended);
  await closed(server);
});
