/** Authorities and revocations that change under a running gateway: old connections, tickets, the next request. */
import { execFileSync } from 'node:child_process';
import { copyFileSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { Agent, request } from 'node:https';
import { connect, type TLSSocket } from 'node:tls';
import { built, NODE } from '../../support/built.js';
import { freePorts } from '../../support/ports.js';
import { Background } from '../../support/process.js';
import { closed, listening } from '../../support/recording-upstream.js';
import { until } from '../../support/until.js';
import { makeTlsFiles, type TlsFiles } from '../../serve/tls-files.js';

let files: TlsFiles;
let other: TlsFiles;
beforeAll(() => {
  files = makeTlsFiles();
  other = makeTlsFiles();
});
afterAll(() => {
  files.remove();
  other.remove();
});

const backend = createServer((_req, res) => res.end('ok'));
const running: Background[] = [];
beforeAll(() => listening(backend));
afterEach(() => Promise.all(running.splice(0).map((each) => each.stop('SIGKILL'))));
afterAll(() => closed(backend));

interface Gateway {
  readonly port: number;
  readonly process: Background;
}

async function gateway(tls: string): Promise<Gateway> {
  const [port = 0] = await freePorts(1);
  const upstream = (backend.address() as { readonly port: number }).port;
  copyFileSync(files.path('server.crt'), files.path('live.crt'));
  copyFileSync(files.path('server.key'), files.path('live.key'));
  const text = `
listeners: [{ address: "127.0.0.1:${port}", protocol: https, tls: { cert_file: live.crt, key_file: live.key${tls} } }]
middleware: { auth: { mtls: {} } }
routes: [{ id: all, path: /*, upstream: backend, auth: ${tls === '' ? 'none' : '{ mtls: true }'} }]
upstreams: [{ name: backend, endpoints: ["127.0.0.1:${upstream}"] }]
`.replace(tls === '' ? 'middleware: { auth: { mtls: {} } }\n' : '\0', '');
  const process = new Background(NODE, [built(), 'serve', files.write('loom.yaml', text)]);
  running.push(process);
  await process.until(/listening/);
  return { port, process };
}

/** One keep-alive connection, with a client's certificate. */
function client(port: number, name = 'client') {
  const agent = new Agent({
    keepAlive: true,
    maxSockets: 1,
    ca: files.read('ca.crt'),
    cert: files.read(`${name}.crt`),
    key: files.read(`${name}.key`),
  });
  const ask = (): Promise<{ status: number; reused: boolean }> =>
    new Promise((resolve, reject) => {
      const asking = request({ host: '127.0.0.1', port, servername: 'localhost', agent, path: '/x' });
      asking.on('response', (response) => {
        response.resume().on('end', () => resolve({ status: response.statusCode ?? 0, reused: asking.reusedSocket }));
      });
      asking.on('error', reject).end();
    });
  return { ask, close: () => agent.destroy() };
}

async function reloaded({ process }: Gateway, act: () => void): Promise<void> {
  const before = process.output.match(/configuration was reloaded/g)?.length ?? 0;
  act();
  await until(
    () => (process.output.match(/configuration was reloaded/g)?.length ?? 0) > before,
    () => process.output,
  );
}

describe('TLS-15 authorities that change', () => {
  test('a client of a removed CA is refused: on its old connection, and on a new one', async () => {
    copyFileSync(files.path('ca.crt'), files.path('trusted.crt'));
    const at = await gateway(', client_auth: require, ca_file: trusted.crt');
    const { ask, close } = client(at.port);
    expect(await ask()).toEqual({ status: 200, reused: false });
    expect(await ask()).toEqual({ status: 200, reused: true });
    await reloaded(at, () => files.write('trusted.crt', other.read('ca.crt')));
    await expect(ask()).rejects.toThrow();
    close();
  });

  test('a client that is revoked is refused on its old connection', async () => {
    files.write('lists.pem', files.read('crl.pem'));
    // First an empty list of the same authority.
    const empty = ['-config', 'ca.cnf', '-keyfile', 'ca.key', '-cert', 'ca.crt', '-gencrl', '-out', 'none.pem'];
    const index = readFileSync(files.path('index.txt'));
    files.write('index.txt', '');
    execFileSync('openssl', ['ca', ...empty], { cwd: files.path('.'), stdio: 'pipe' });
    files.write('index.txt', index.toString());
    files.write('lists.pem', files.read('none.pem'));
    const at = await gateway(', client_auth: require, ca_file: ca.crt, crl_file: lists.pem');
    const revoked = client(at.port, 'revoked');
    expect(await revoked.ask()).toMatchObject({ status: 200 });
    await reloaded(at, () => files.write('lists.pem', files.read('crl.pem')));
    await expect(revoked.ask()).rejects.toThrow();
    revoked.close();
  });

  test('twin: a client whose authority stays is served over a new connection', async () => {
    files.write('both.crt', files.read('ca.crt'));
    const at = await gateway(', client_auth: require, ca_file: both.crt');
    const { ask, close } = client(at.port);
    expect(await ask()).toEqual({ status: 200, reused: false });
    await reloaded(at, () => files.write('both.crt', `${files.read('ca.crt')}${other.read('ca.crt')}`));
    expect(await ask()).toEqual({ status: 200, reused: false });
    close();
  });

  test('twin: a new certificate of the gateway is sent on new connections, and old ones continue', async () => {
    const at = await gateway('');
    const old = client(at.port);
    expect(await old.ask()).toEqual({ status: 200, reused: false });
    const shown = (): Promise<string> =>
      new Promise((resolve, reject) => {
        const socket: TLSSocket = connect({
          host: '127.0.0.1',
          port: at.port,
          servername: 'localhost',
          rejectUnauthorized: false,
        });
        socket.on('error', reject).on('secureConnect', () => {
          resolve(socket.getPeerCertificate().fingerprint256);
          socket.destroy();
        });
      });
    const before = await shown();
    await reloaded(at, () => {
      files.write('live.crt', other.read('server.crt'));
      files.write('live.key', other.read('server.key'));
    });
    expect(await shown()).not.toBe(before);
    expect(await old.ask()).toEqual({ status: 200, reused: true });
    old.close();
  });
});
