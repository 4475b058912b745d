/** A reload while the gateway stops: no port stays open. */
import { createServer, type ServerResponse } from 'node:http';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { serve } from '../../../src/serve/serve.js';
import { ask } from '../../support/ask.js';
import { freePorts } from '../../support/ports.js';
import { quietLog } from '../../support/quiet-log.js';
import { closed, listening } from '../../support/recording-upstream.js';
import { until } from '../../support/until.js';

const folder = mkdtempSync(join(tmpdir(), 'loom-stopping-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test.each([
  ['a stop', true],
  ['twin: no stop', false],
])('a new listener beside %s', async (_name, stops) => {
  const held: ServerResponse[] = [];
  const backend = createServer((_req, res) => void held.push(res));
  const upstream = await listening(backend);
  const [one = 0, two = 0] = await freePorts(2);
  const file = join(folder, `${one}.yaml`);
  const write = (...ports: readonly number[]): void =>
    writeFileSync(
      file,
      `
listeners: [${ports.map((port) => `{ name: l${port}, address: "127.0.0.1:${port}", protocol: http }`).join(', ')}]
routes: [{ id: all, path: /*, upstream: backend, auth: none }]
upstreams: [{ name: backend, endpoints: ["127.0.0.1:${upstream}"] }]
`,
    );
  write(one);
  const gateway = await serve(file, { log: quietLog(), watch: false });
  const inFlight = ask({ port: one, path: '/' });
  await until(() => held.length === 1);
  write(one, two);
  const stopping = stops ? gateway.stop() : Promise.resolve();
  const reloaded = gateway.reload().then(
    () => 'taken',
    () => 'refused',
  );
  expect(await reloaded).toBe(stops ? 'refused' : 'taken');
  held.forEach((res) => res.end('in'));
  expect((await inFlight).status).toBe(200);
  await stopping;
  const late = ask({ port: two, path: '/' }).then(
    ({ status }) => status,
    () => 'refused',
  );
  if (!stops) await until(() => held.length === 2);
  held.at(-1)?.end('in');
  expect(await late).toBe(stops ? 'refused' : 200);
  await gateway.stop({ timeout: 0 });
  await closed(backend);
});
