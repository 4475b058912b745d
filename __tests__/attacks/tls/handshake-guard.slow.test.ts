/** `client_auth: require` is the only guard of a file's routes. A reload without it must not open them silently. */
import { createServer, type Server } from 'node:http';
import { request } from 'node:https';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { serve } from '../../../src/serve/serve.js';
import { makeTlsFiles, type TlsFiles } from '../../serve/tls-files.js';
import { freePorts } from '../../support/ports.js';
import { quietLog } from '../../support/quiet-log.js';
import { closed, listening } from '../../support/recording-upstream.js';
import { until } from '../../support/until.js';

const folder = mkdtempSync(join(tmpdir(), 'loom-handshake-'));
let files: TlsFiles;
let backend: Server;
let upstream = 0;
beforeAll(async () => {
  files = makeTlsFiles();
  backend = createServer((_req, res) => res.end('in'));
  upstream = await listening(backend);
});
afterAll(async () => {
  files.remove();
  rmSync(folder, { recursive: true, force: true });
  await closed(backend);
});

async function gateway() {
  const [port = 0] = await freePorts(1);
  const file = join(folder, `${port}.yaml`);
  const write = (client: string, auth = ''): void =>
    writeFileSync(
      file,
      `
listeners: [{ name: tls, address: "127.0.0.1:${port}", protocol: https, tls: { cert_file: ${files.path('server.crt')}, key_file: ${files.path('server.key')}${client} } }]
middleware: { auth: { api_key: { keys: [{ key: sk_handshake_guard_1, name: app }] } } }
routes: [{ id: all, path: /all/*, upstream: backend${auth} }, { id: key, path: /key, upstream: backend, auth: { api_key: true } }]
upstreams: [{ name: backend, endpoints: ["127.0.0.1:${upstream}"] }]
`,
    );
  write(`, client_auth: require, ca_file: ${files.path('ca.crt')}`);
  const running = await serve(file, { log: quietLog(), watch: false });
  const knock = (): Promise<number | 'no handshake'> =>
    new Promise((resolve) => {
      const asked = request({ port, host: '127.0.0.1', path: '/all/x', rejectUnauthorized: false, agent: false });
      asked.on('response', (res) => resolve(res.resume().statusCode ?? 0));
      asked.on('error', () => resolve('no handshake')).end();
    });
  return { running, write, knock };
}

test('a file that has lost its client_auth keeps the old one active', async () => {
  const { running, write, knock } = await gateway();
  try {
    write('');
    await expect(running.reload()).rejects.toThrow(/guarded by a client certificate and would be PUBLIC/);
    expect(await knock()).toBe('no handshake');
  } finally {
    await running.stop({ timeout: 0 });
  }
});

test('twin: one that opens the route explicitly is accepted', async () => {
  const { running, write, knock } = await gateway();
  try {
    write('', ', auth: none');
    await running.reload();
    await until(() => running.listening.length === 1);
    expect(await knock()).toBe(200);
  } finally {
    await running.stop({ timeout: 0 });
  }
});
