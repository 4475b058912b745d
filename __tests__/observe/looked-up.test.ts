/** What is looked up when the numbers are read, and what plugins add to them: through `serve`, over TLS. */
import { X509Certificate } from 'node:crypto';
import { connect as connectTls } from 'node:tls';
import { resolve } from 'node:path';
import { serve } from '../../src/serve/serve.js';
import { makeTlsFiles, type TlsFiles } from '../serve/tls-files.js';
import { ask } from '../support/ask.js';
import { attentiveUpstream, echo } from '../support/attack-ground.js';
import { handshake } from '../support/handshake.js';
import { freePorts } from '../support/ports.js';
import { quietLog } from '../support/quiet-log.js';

let files: TlsFiles;
beforeAll(() => (files = makeTlsFiles()));
afterAll(() => files.remove());

const EXAMPLE = resolve(__dirname, '../../examples/wasm-plugin');

test('certificates, open sockets and plugins', async () => {
  const upstream = await attentiveUpstream(echo);
  const [port = 0, admin = 0] = await freePorts(2);
  const text = `
admin: { address: "127.0.0.1:${admin}" }
listeners:
  - { name: main, address: "127.0.0.1:${port}", tls: { cert_file: "${files.path('server.crt')}", key_file: "${files.path('server.key')}" } }
plugins:
  - { name: auth-as, path: auth-assemblyscript.wasm, timeout: 5s, credential_headers: [X-API-Key], identity_headers: [X-Authenticated-User] }
routes:
  - { id: live, path: /live, upstream: backend, auth: none }
  - { id: plugged, path: /plugged, upstream: backend, auth: { plugin: auth-as } }
upstreams: [{ name: backend, endpoints: ["127.0.0.1:${upstream.port}"] }]`;
  const gateway = await serve({ text, file: resolve(EXAMPLE, 'loom.yaml') }, { log: quietLog() });
  const ca = files.read('ca.crt');
  const numbers = async (): Promise<string> => (await ask({ port: admin, path: '/metrics' })).body;
  try {
    const end = new X509Certificate(files.read('server.crt')).validToDate.getTime() / 1_000;
    expect(await numbers()).toContain(`loom_certificate_expiry_timestamp_seconds{listener="main"} ${end}\n`);
    expect(await numbers()).toMatch(/^loom_live_sockets 0$/m);
    expect(await numbers()).toMatch(/^loom_accept_wait_seconds [\d.e-]+$/m);
    const socket = connectTls({ port, host: '127.0.0.1', ca, servername: 'localhost' });
    socket.write(handshake('/live'));
    await new Promise((done) => socket.once('data', done));
    expect(await numbers()).toMatch(/^loom_live_sockets 1$/m);
    socket.destroy();
    expect((await ask({ port, path: '/plugged', tls: { ca } })).status).toBe(401);
    const after = await numbers();
    expect(after).toMatch(/^loom_plugin_outcomes_total\{plugin="auth-as",outcome="rejected"\} 1$/m);
    expect(after).toMatch(/^loom_plugin_seconds_count\{plugin="auth-as"\} 1$/m);
    expect(after).toMatch(
      /^loom_decisions_total\{route="plugged",method="auth-as",outcome="rejected",reason="plugin_refused"\} 1$/m,
    );
  } finally {
    await gateway.stop({ timeout: 0 });
    await upstream.close();
  }
});
