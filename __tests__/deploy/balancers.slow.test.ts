/**
 * HAProxy and nginx in front of the gateway, with the blocks of deploying.md: who is the client, and what a balancer that is
 * not named can do.
 *
 * @needs haproxy nginx curl
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { balanced, closeBalanced, NEAR, OFFICE, type Balanced } from '../support/balanced.js';
import { makeCertificates, type Certificates } from '../support/certificates.js';
import { freePorts } from '../support/ports.js';
import { handshake } from '../support/handshake.js';
import { get } from '../support/attack-ground.js';
import { valuesOf } from '../support/messages.js';
import { runProcess } from '../support/process.js';
import { sendPieces, V1 } from '../support/proxy-headers.js';
import { until } from '../support/until.js';
import { pageOf } from '../docs/pages.js';

let certificates: Certificates;
let folder: string;
const running: ChildProcess[] = [];
beforeAll(async () => {
  certificates = await makeCertificates();
});
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'loom-proxies-'));
});
afterEach(async () => {
  for (const child of running.splice(0)) {
    const ended = new Promise((done) => child.once('close', done));
    child.kill('SIGTERM');
    await ended;
  }
  await closeBalanced();
  rmSync(folder, { recursive: true });
});
afterAll(() => certificates.remove());

/** The block of the page below this heading that contains the word. */
function blockOf(heading: string, word: string): string {
  const block = pageOf('docs/deploying.md').blocks.find((each) => each.heading === heading && each.text.includes(word));
  if (!block) throw new Error(`deploying.md has no block with ${word} below ${heading}`);
  return block.text;
}

/** Starts a program that stays in the foreground, and waits until its port answers. */
async function start(command: string, args: readonly string[], port: number): Promise<void> {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  running.push(child);
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text: Buffer) => (output += text.toString()));
  await until(
    () => {
      const probe = connect(port, '127.0.0.1', () => (open = true));
      probe.on('error', () => undefined).on('connect', () => probe.destroy());
      return open || child.exitCode !== null;
    },
    () => output,
  );
  if (child.exitCode !== null) throw new Error(`${command} ended:\n${output}`);
}
let open = false;
beforeEach(() => (open = false));

async function haproxy(text: string, port: number): Promise<void> {
  const file = join(folder, 'haproxy.cfg');
  writeFileSync(file, `defaults\n    timeout client 20s\n    timeout server 20s\n    timeout connect 5s\n${text}`);
  await start('haproxy', ['-db', '-f', file], port);
}

async function nginx(server: string, port: number): Promise<void> {
  const paths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (name) => `${name}_temp_path ${folder}/${name};`,
  );
  const conf = `daemon off; master_process off; pid ${folder}/nginx.pid; error_log stderr;
events { worker_connections 64; }
http { access_log off; ${paths.join(' ')}
${server}
}`;
  writeFileSync(join(folder, 'nginx.conf'), conf);
  await start('nginx', ['-p', folder, '-e', 'stderr', '-c', join(folder, 'nginx.conf')], port);
}

const at = (port: number) => ({ host: '127.0.0.1', port });
const clients = (on: Balanced): readonly string[] => on.arrived().flatMap((each) => valuesOf(each, 'x-forwarded-for'));

/** The status and the body of curl through TLS, with the client certificate. */
async function curl(port: number, ...more: string[]): Promise<string> {
  const { cert, key } = certificates.client;
  const tls = ['--cacert', certificates.ca, '--cert', cert, '--key', key];
  const url = `https://localhost:${port}/both/x`;
  const { stdout } = await runProcess('curl', [
    '-s',
    '-o',
    join(folder, 'body'),
    '-w',
    '%{http_code}',
    ...tls,
    ...more,
    url,
  ]);
  return stdout;
}

const MTLS = {
  auth: `middleware: { auth: { mtls: { claims_to_headers: { subject: X-Subject } }, api_key: { keys: [{ key: key-of-the-office-1234, name: office, allowed_ips: [127.0.0.9] }] } } }`,
  routes: `routes: [{ id: both, path: /both/*, upstream: backend, auth: { methods: [mtls, api_key], require_any: false } }, { id: open, path: /open/*, upstream: backend, auth: none }]`,
  top: 'health: { path: /healthz }',
};

describe('HAProxy in mode tcp', () => {
  test('passes TLS and client certificates on, and announces the client, as the page says', async () => {
    const { server } = certificates;
    const listener = `  - { name: https, address: "127.0.0.1:PORT1", proxy_protocol: { from: [127.0.0.1] }, tls: { cert_file: ${server.cert}, key_file: ${server.key}, client_auth: request, ca_file: ${certificates.ca} } }`;
    const on = await balanced(listener, MTLS);
    const [port = 0] = await freePorts(1);
    const text = blockOf('HAProxy', 'send-proxy-v2')
      .replace('bind :443', `bind 127.0.0.1:${port}`)
      .replaceAll('inter 2s', 'inter 20ms')
      .replace('10.0.2.10:8443', `127.0.0.1:${on.ports[0]}`)
      .replace('10.0.2.11:8443', `127.0.0.1:${on.ports[0]}`);
    await haproxy(text, port);
    expect(await curl(port, '-H', OFFICE, '--interface', '127.0.0.9')).toBe('200');
    const [message] = on.arrived();
    expect(message && [valuesOf(message, 'x-forwarded-for'), valuesOf(message, 'x-subject').length]).toEqual([
      ['127.0.0.9'],
      1,
    ]);
    expect(await curl(port, '-H', OFFICE, '--interface', '127.0.0.8')).toBe('403');
    // The checks of HAProxy are LOCAL connections that end at once, and cause no line.
    await until(() => on.arrived().length === 0);
    const noise = on.log.filter(({ words }) => /PROXY|handshake/.test(words));
    expect(noise).toEqual([]);
    expect((await on.page('/metrics')).body).not.toMatch(/(?:proxy_protocol|client_tls)_faults_total\{/);
  });

  const FORMS: readonly (readonly [words: string, bind: string])[] = [
    ['send-proxy', ''],
    ['send-proxy-v2', ''],
    ['send-proxy-v2 proxy-v2-options crc32c,unique-id', ''],
    ['send-proxy-v2-ssl-cn proxy-v2-options ssl,cert-cn,ssl-cipher,crc32c', ' ssl crt PEM ca-file CA verify required'],
  ];
  test.each(FORMS)('%s names the client of plain HTTP', async (words, bind) => {
    const on = await balanced('  - { name: web, address: "127.0.0.1:PORT1", proxy_protocol: { from: [127.0.0.1] } }', {
      ...MTLS,
      auth: 'middleware: { auth: { api_key: { keys: [{ key: key-of-the-office-1234, name: office, allowed_ips: [127.0.0.9] }] } } }',
      routes: 'routes: [{ id: keys, path: /*, upstream: backend, auth: { api_key: true } }]',
    });
    const [port = 0] = await freePorts(1);
    const { server, ca } = certificates;
    writeFileSync(join(folder, 'pem'), readFileSync(server.cert, 'utf8') + readFileSync(server.key, 'utf8'));
    const tls = bind.replace('PEM', join(folder, 'pem')).replace('CA', ca);
    await haproxy(
      `frontend web
    mode tcp
    bind 127.0.0.1:${port}${tls}
    default_backend loom
backend loom
    mode tcp
    server one 127.0.0.1:${on.ports[0]} ${words}
`,
      port,
    );
    if (tls === '') {
      for (const [from, status] of [
        ['127.0.0.9', 200],
        ['127.0.0.8', 403],
      ] as const) {
        const sent = await sendPieces({ ...at(port), localAddress: from }, [get('/x', OFFICE)]);
        expect([from, sent.statuses]).toEqual([from, [status]]);
      }
      expect(
        (await sendPieces({ ...at(port), localAddress: '127.0.0.9' }, [handshake('/x', OFFICE)])).statuses,
      ).toEqual([101]);
      // A header that the client sends behind the header of HAProxy.
      expect((await sendPieces({ ...at(port), localAddress: '127.0.0.8' }, [V1 + get('/x', OFFICE)])).statuses).toEqual(
        [400],
      );
    } else {
      expect(await curl(port, '-H', OFFICE, '--interface', '127.0.0.9')).toBe('200');
      expect(await curl(port, '-H', OFFICE, '--interface', '127.0.0.8')).toBe('403');
    }
    expect(new Set(clients(on))).toEqual(new Set(['127.0.0.9']));
  });

  test('over a Unix socket announces the client, too', async () => {
    const on = await balanced(
      '  - { name: local, address: "unix:FOLDER/loom.sock", proxy_protocol: { from: [unix] } }',
    );
    const [port = 0] = await freePorts(1);
    await haproxy(
      `frontend web
    mode tcp
    bind 127.0.0.1:${port}
    default_backend loom
backend loom
    mode tcp
    server one unix@${on.folder}/loom.sock send-proxy-v2
`,
      port,
    );
    expect((await sendPieces({ ...at(port), localAddress: '127.0.0.9' }, [get('/keys/x', NEAR)])).statuses).toEqual([
      200,
    ]);
    expect(clients(on)).toEqual(['127.0.0.9']);
  });
});

test('HAProxy in mode http names its client, even if the client writes names into Connection', async () => {
  const on = await balanced('  - { name: web, address: "127.0.0.1:PORT1" }', { top: 'trusted_proxies: [127.0.0.1]' });
  const [port = 0] = await freePorts(1);
  await haproxy(
    `frontend web
    mode http
    bind 127.0.0.1:${port}
    option forwardfor
    http-request set-header X-Real-IP %[src]
    default_backend loom
backend loom
    mode http
    server one 127.0.0.1:${on.ports[0]}
`,
    port,
  );
  for (const line of ['Accept: */*', 'Connection: X-Forwarded-For, X-Real-IP', 'Connection: close, x-forwarded-for']) {
    const sent = await sendPieces({ ...at(port), localAddress: '127.0.0.9' }, [get('/keys/x', NEAR, line)]);
    expect([line, sent.statuses]).toEqual([line, [200]]);
    const [message] = on.arrived();
    const values = ['x-forwarded-for', 'x-real-ip'].map((name) => message && valuesOf(message, name));
    expect([line, values]).toEqual([line, [['127.0.0.9, 127.0.0.1'], ['127.0.0.9']]]);
  }
});

test('curl writes the header as HAProxy does', async () => {
  const on = await balanced('  - { name: web, address: "127.0.0.1:PORT1", proxy_protocol: { from: [127.0.0.1] } }');
  const url = `http://127.0.0.1:${on.ports[0]}/keys/x`;
  const { stdout } = await runProcess('curl', [
    '-s',
    '-o',
    '-',
    '-w',
    '%{http_code}',
    '--haproxy-protocol',
    '-H',
    NEAR,
    url,
  ]);
  expect(stdout).toMatch(/200$/);
  expect(clients(on)).toEqual(['127.0.0.1']);
});

test('nginx in front of a Unix socket names its client, as the page says', async () => {
  const on = await balanced('  - { name: local, address: "unix:FOLDER/loom.sock", mode: "0666" }', {
    top: 'trusted_proxies: [unix]',
  });
  // The worker of nginx may be another user than this one.
  chmodSync(on.folder, 0o755);
  const [port = 0] = await freePorts(1);
  const { server } = certificates;
  const socket = /server (unix:[^;]+);/.exec(pageOf('docs/deploying.md').text)?.[1];
  expect(socket).toBe('unix:/run/loom-auth/loom.sock');
  const text = blockOf('nginx', 'proxy_pass')
    .replace('server 10.0.2.10:8080;', `server unix:${on.folder}/loom.sock;`)
    .replace('server 10.0.2.11:8080;', '')
    .replace('listen 443 ssl;', `listen 127.0.0.1:${port};`)
    .replace('/etc/nginx/tls/cert.pem', server.cert)
    .replace('/etc/nginx/tls/key.pem', server.key);
  await nginx(text, port);
  const from = { ...at(port), localAddress: '127.0.0.9' };
  expect((await sendPieces(from, [get('/keys/x', NEAR, 'X-Forwarded-For: 198.51.100.8')])).statuses).toEqual([200]);
  expect(clients(on)).toEqual(['127.0.0.9']);
  expect((await sendPieces(from, [get('/keys/x', OFFICE, 'X-Forwarded-For: 198.51.100.8')])).statuses).toEqual([403]);
  expect((await sendPieces(from, [handshake('/keys/x', NEAR)])).statuses).toEqual([101]);
  on.arrived();
});
