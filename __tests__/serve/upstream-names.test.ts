/** `dns` of a file in a running gateway: pages, metrics and reloads. */
import { createServer } from 'node:http';
import type { EndpointStatus } from '../../src/proxy/upstream/endpoint-status.js';
import { serve, type Gatekeeper } from '../../src/serve/serve.js';
import { ask } from '../support/ask.js';
import { NameServer } from '../support/name-server.js';
import { freePorts } from '../support/ports.js';
import { quietLog } from '../support/quiet-log.js';
import { closed, listening } from '../support/recording-upstream.js';

let dns: NameServer;
let gateway: Gatekeeper;
let port = 0;
let admin = 0;
const backend = createServer((_req, res) => res.end('here'));

beforeAll(async () => {
  dns = await NameServer.open();
  dns.set('api.test', ['127.0.0.1']);
  const target = await listening(backend);
  [port = 0, admin = 0] = await freePorts(2);
  const text = `
listeners: [{ name: main, address: "127.0.0.1:${port}", protocol: http }]
admin: { address: "127.0.0.1:${admin}" }
dns: { refresh: 1s, servers: ["${dns.address}"] }
routes: [{ id: open, path: /*, upstream: backend, auth: none }]
upstreams: [{ name: backend, endpoints: ["api.test:${target}"] }]
`;
  gateway = await serve({ text, file: 'loom.yaml' }, { log: quietLog() });
});
afterAll(async () => {
  await gateway.stop({ timeout: 0 });
  await Promise.all([closed(backend), dns.close()]);
});

async function endpoints(): Promise<readonly EndpointStatus[]> {
  const { body } = await ask({ port: admin, path: '/upstreams' });
  return (JSON.parse(body) as { upstreams: { endpoints: EndpointStatus[] }[] }).upstreams.flatMap(
    (upstream) => upstream.endpoints,
  );
}

test('the address is on the page and in the metrics, and a reload keeps it', async () => {
  while ((await endpoints())[0]?.address === undefined) await new Promise((resolve) => setTimeout(resolve, 20));
  expect(await endpoints()).toMatchObject([
    { address: '127.0.0.1', up: true, name: { resolvedAt: expect.any(Number) as number } },
  ]);
  expect((await ask({ port, path: '/x' })).body).toBe('here');
  const { body } = await ask({ port: admin, path: '/metrics' });
  expect(body).toMatch(/^loom_upstream_addresses\{upstream="backend",endpoint="api.test:\d+"\} 1$/m);
  expect(body).toMatch(
    /^loom_upstream_resolutions_total\{upstream="backend",endpoint="api.test:\d+",outcome="resolved"\} \d+$/m,
  );
  await gateway.reload();
  expect(await endpoints()).toMatchObject([{ address: '127.0.0.1' }]);
  expect((await ask({ port, path: '/x' })).body).toBe('here');
});
