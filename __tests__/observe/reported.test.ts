/** That the numbers of the catalogue are reported by somebody, and those of sockets, certificates and plugins rightly. */
import { readdirSync, readFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { X509Certificate } from 'node:crypto';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { WebSocket, WebSocketServer } from 'ws';
import { METRICS } from '../../src/lib/metrics.js';
import { serve } from '../../src/serve/serve.js';
import { ask } from '../support/ask.js';
import { freePorts } from '../support/ports.js';
import { quietLog } from '../support/quiet-log.js';
import { closed, listening } from '../support/recording-upstream.js';
import { data, fromWat, pluginWat } from '../support/wat.js';
import { makeTlsFiles } from '../serve/tls-files.js';

const breath = () => new Promise((resolve) => setTimeout(resolve, 20));

test('every metric of the catalogue is reported by some layer', () => {
  const src = resolve(__dirname, '../../src');
  const texts = readdirSync(src, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts') && !path.endsWith('lib/metrics.ts'))
    .map((path) => readFileSync(join(src, path), 'utf8'));
  const silent = Object.keys(METRICS).filter((name) => !texts.some((text) => text.includes(`'${name}'`)));
  expect(silent).toEqual([]);
});

test('open sockets, the end of a certificate, and what plugins took and decided', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'loom-metrics-'));
  const files = makeTlsFiles();
  const backend = createServer((_req, res) => res.end('ok'));
  const sockets = new WebSocketServer({ server: backend });
  const [[port = 0, secure = 0, admin = 0], upstream] = [await freePorts(3), await listening(backend)];
  const naming = pluginWat({
    imports: '(import "env" "proxy_add_header_map_value" (func $add (param i32 i32 i32 i32 i32) (result i32)))',
    body: [data(1024, 'x-authenticated-user'), data(1064, 'ada')].join('\n'),
    onRequest:
      '(drop (call $add (i32.const 0) (i32.const 1024) (i32.const 20) (i32.const 1064) (i32.const 3))) (i32.const 0)',
  });
  writeFileSync(join(folder, 'naming.wasm'), await fromWat(naming));
  writeFileSync(join(folder, 'trap.wasm'), await fromWat(pluginWat({ onRequest: 'unreachable' })));
  const file = join(folder, 'loom.yaml');
  writeFileSync(
    file,
    `
listeners:
  - { address: "127.0.0.1:${port}" }
  - { name: secure, address: "127.0.0.1:${secure}", tls: { cert_file: "${files.path('server.crt')}", key_file: "${files.path('server.key')}" } }
plugins: [{ name: naming, path: naming.wasm }, { name: broken, path: trap.wasm }]
routes:
  - { id: live, path: /live, upstream: backend, auth: none }
  - { id: named, path: /named, upstream: backend, auth: { naming: true } }
  - { id: broken, path: /broken, upstream: backend, auth: { broken: true } }
upstreams: [{ name: backend, endpoints: ["127.0.0.1:${upstream}"] }]
admin: { enabled: true, address: "127.0.0.1:${admin}" }
metrics: { enabled: true }
`,
  );
  const gateway = await serve(file, { log: quietLog(), watch: false });
  const metrics = async (): Promise<string> =>
    (await ask({ port: admin, path: '/metrics', headers: { Host: `127.0.0.1:${admin}` } })).body;
  try {
    const socket = new WebSocket(`ws://127.0.0.1:${port}/live`);
    await new Promise((resolve) => socket.once('open', resolve));
    expect((await ask({ port, path: '/named' })).status).toBe(200);
    expect((await ask({ port, path: '/broken' })).status).toBe(503);
    const text = await metrics();
    const ends = Date.parse(new X509Certificate(files.read('server.crt')).validTo) / 1_000;
    expect(text).toContain(`loom_certificate_expiry_timestamp_seconds{listener="secure"} ${ends}\n`);
    expect(text).toMatch(/^loom_live_sockets 1$/m);
    expect(text).toContain('loom_plugin_outcomes_total{plugin="naming",outcome="continue"} 1\n');
    expect(text).toContain('loom_plugin_outcomes_total{plugin="broken",outcome="trap"} 1\n');
    expect(text).toContain('loom_plugin_seconds_count{plugin="naming"} 1\n');
    // A reload hands the socket over: it is one all along.
    await gateway.reload();
    expect(await metrics()).toMatch(/^loom_live_sockets 1$/m);
    socket.terminate();
    for (let tries = 0; tries < 200 && !/^loom_live_sockets 0$/m.test(await metrics()); tries++) await breath();
    expect(await metrics()).toMatch(/^loom_live_sockets 0$/m);
  } finally {
    await gateway.stop(0);
    sockets.close();
    await closed(backend);
    files.remove();
    rmSync(folder, { recursive: true });
  }
});
