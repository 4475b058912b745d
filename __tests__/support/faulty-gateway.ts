/** A gateway with one fault for each alert of `examples/observability`, and a host that reads a body before Loom. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import bcrypt from 'bcryptjs';
import type { KeyRecord } from '../../src/auth/methods/api-key/store/key-record.js';
import { KeyStoreError, type KeyNotice, type KeyStore } from '../../src/auth/methods/api-key/store/key-store.js';
import type { ConfigSource } from '../../src/config/source.js';
import { loom } from '../../src/loom.js';
import { serve } from '../../src/serve/serve.js';
import { makeTlsFiles } from '../serve/tls-files.js';
import { ask } from './ask.js';
import { freePorts } from './ports.js';
import { quietLog } from './quiet-log.js';
import { closed, listening } from './recording-upstream.js';
import { RedisServer } from './redis-server.js';
import { bearer, tokenIssuer } from './token-issuer.js';
import { fromWat, pluginWat } from './wat.js';

export interface FaultyGateway {
  /** `host:port` of each page of metrics: the admin address and the page of the host. */
  readonly targets: readonly string[];
  /** Returns the metrics of each target in text format. */
  scrape(): Promise<readonly string[]>;
  /** Sends requests that no fault touches. */
  askQuietly(): Promise<void>;
  /** Sends requests that meet the faults of issuers, plugins, endpoints and of the host. */
  askFailing(): Promise<void>;
  /** Causes every fault once. Resolves while `loom_bcrypt_waiting` is still high. */
  fail(): Promise<void>;
  close(): Promise<void>;
}

const HASH_COST = 12;
const LATE_MS = 900;
const PASSWORDS = 14;
/** More than one a second in an interval of 15 s. */
const GUESSES = 40;
const BLOCKED_MS = 400;

/** Knows no key. Each unknown key gets a record without a name, until the database is down. */
class FaultyStore implements KeyStore {
  down = false;

  find(digest: string): Promise<KeyRecord> {
    return this.down
      ? Promise.reject(new KeyStoreError('unavailable', 'the database is down'))
      : Promise.resolve({ digest } as KeyRecord);
  }
  watch(listener: (notice: KeyNotice) => void): () => void {
    listener({ kind: 'live' });
    return () => undefined;
  }
  list = (): Promise<readonly KeyRecord[]> => Promise.resolve([]);
  revoke = (): Promise<readonly KeyRecord[]> => Promise.resolve([]);
  add = (): Promise<void> => Promise.resolve();
  touch = (): Promise<void> => Promise.resolve();
  close = (): Promise<void> => Promise.resolve();
}

export async function faultyGateway(): Promise<FaultyGateway> {
  const folder = mkdtempSync(join(tmpdir(), 'loom-faulty-'));
  const path = join(folder, 'loom.yaml');
  // The certificates end in nine days.
  const tls = makeTlsFiles();
  writeFileSync(join(folder, 'trap.wasm'), await fromWat(pluginWat({ onRequest: '(unreachable)' })));

  const issuer = await tokenIssuer();
  const backend = createServer((_req, res) => res.end('ok'));
  const redis = await RedisServer.start();
  const slowIssuer = createServer((_req, res) => setTimeout(() => res.end('{"active":false}'), LATE_MS));
  const [upstream, introspection] = [await listening(backend), await listening(slowIssuer)];
  const [port = 0, secure = 0, admin = 0, down = 0, silent = 0, balanced = 0] = await freePorts(6);
  const file = `
listeners:
  - { address: "127.0.0.1:${port}" }
  - { name: balanced, address: "127.0.0.1:${balanced}", proxy_protocol: { from: [127.0.0.1] } }
  - { name: soon, address: "127.0.0.1:${secure}", tls: { cert_file: ${tls.path('server.crt')}, key_file: ${tls.path('server.key')}, client_auth: request, ca_file: ${tls.path('ca.crt')}, crl_file: ${tls.path('crl.pem')} } }
admin: { address: "127.0.0.1:${admin}" }
metrics: { enabled: true }
rate_limit: { rate: 10000, key: ip, distributed: { type: redis, address: "127.0.0.1:${redis.port}" } }
middleware:
  auth:
    api_key: { keys: [{ key: key-of-the-quiet-client, name: quiet }], claims_to_headers: { name: X-Client } }
    basic: { users: [{ username: ada, password_hash: "${bcrypt.hashSync('right', HASH_COST)}" }], throttle: { failures: ${PASSWORDS}, per: 1m } }
    jwt:
      audience: api.example.com
      issuers:
        - { issuer: "${issuer.origin}", jwks_url: "${issuer.origin}/jwks" }
        - { issuer: "http://127.0.0.1:${silent}", jwks_url: "http://127.0.0.1:${silent}/jwks" }
    oauth: { introspection_url: "http://127.0.0.1:${introspection}/", client_id: us, client_secret: "our-own-secret", throttle: false }
plugins: [{ name: trap, path: trap.wasm, isolation: inline }]
routes:
  - { id: key, path: /key, upstream: backend, auth: { api_key: true } }
  - { id: password, path: /password, upstream: backend, auth: { basic: true } }
  - { id: token, path: /token, upstream: backend, auth: { jwt: true } }
  - { id: opaque, path: /opaque, upstream: backend, auth: { oauth: true } }
  - { id: plugin, path: /plugin, upstream: backend, auth: { trap: true } }
  - { id: dead, path: /dead, upstream: dead, auth: { api_key: true } }
  - { id: retried, path: /retried, upstream: retried, auth: { api_key: true } }
upstreams:
  - { name: backend, endpoints: ["127.0.0.1:${upstream}"] }
  - name: dead
    endpoints: ["127.0.0.1:${down}"]
    health_check: { interval: 200ms, timeout: 100ms, unhealthy_threshold: 2 }
  - { name: retried, endpoints: ["127.0.0.1:${down}"], retry: { max_retries: 1, backoff_base: 1ms }, circuit_breaker: {} }
`;
  writeFileSync(path, file);
  const gateway = await serve(path, { log: quietLog(), watch: false });
  const hostFile = (apiKey: string): ConfigSource => ({
    file: join(folder, 'host.yaml'),
    text: `
metrics: { enabled: true }
middleware: { auth: { api_key: ${apiKey} } }
routes: [{ id: host, path: /*, upstream: backend, auth: { api_key: true } }]
upstreams: [{ name: backend, endpoints: ["127.0.0.1:${upstream}"] }]
`,
  });
  const keyStore = new FaultyStore();
  const gate = loom(hostFile('{ store: { type: host }, keys: [{ key: k-of-the-host, name: host }] }'), {
    log: quietLog(),
    keyStore,
    shadow: hostFile('{ keys: [{ key: next-key-of-the-host, name: host }] }'),
  });
  const host = createServer((req, res) => {
    if (req.url === '/metrics') return void gate.metrics().then((text) => res.end(text));
    req.on('data', () => undefined).on('end', () => gate(req, res, () => res.end('passed')));
  });
  const hostPort = await listening(host);

  const get = async (target: string, headers: Readonly<Record<string, string>> = {}): Promise<number> =>
    (await ask({ port, path: target, headers })).status;
  const strange = { ca: tls.read('ca.crt'), cert: tls.read('stranger.crt'), key: tls.read('stranger.key') };
  const withKey = { 'X-API-Key': 'key-of-the-quiet-client' };
  const good = bearer(await issuer.token()).headers;
  const dead = bearer(await issuer.token({ iss: `http://127.0.0.1:${silent}` })).headers;
  const guess = (password: string): Promise<number> =>
    get('/password', { Authorization: `Basic ${btoa(`ada:${password}`)}` });
  const guesses = (): Promise<number>[] => Array.from({ length: PASSWORDS }, (_each, at) => guess(`wrong ${at}`));
  let tokens = 0;
  const waiting: Promise<unknown>[] = [];
  const page = async (at: number): Promise<string> => (await ask({ port: at, path: '/metrics' })).body;
  const askQuietly = async (): Promise<void> => void (await Promise.all([get('/key', withKey), get('/token', good)]));
  const askStore = (): Promise<unknown> => ask({ port: hostPort, headers: { 'X-API-Key': `stored-${++tokens}` } });
  const askFailing = async (): Promise<void> => {
    await Promise.all([get('/token', dead), get('/opaque', bearer(`opaque-${++tokens}`).headers), get('/plugin')]);
    await Promise.all([
      get('/opaque', bearer(`opaque-${++tokens}`).headers),
      get('/dead', withKey),
      get('/retried', withKey),
    ]);
    waiting.push(guess(`late ${++tokens}`));
    await ask({ port: hostPort, method: 'POST', headers: { 'X-API-Key': 'k-of-the-host' }, body: 'read' });
    await askStore();
    await ask({ port: secure, tls: strange }).catch(() => undefined);
    await ask({ port: balanced }).catch(() => undefined);
  };
  return {
    targets: [`127.0.0.1:${admin}`, `127.0.0.1:${hostPort}`],
    scrape: () => Promise.all([page(admin), page(hostPort)]),
    askQuietly,
    askFailing,
    fail: async () => {
      writeFileSync(path, 'routes: nonsense');
      await gateway.reload().catch(() => undefined);
      redis.signal('SIGSTOP');
      for (let at = 0; at < GUESSES; at++) await get('/key', { 'X-API-Key': 'guessed' });
      await askFailing();
      keyStore.down = true;
      await askStore();
      waiting.push(...guesses());
      await askQuietly();
      const start = Date.now();
      while (Date.now() - start < BLOCKED_MS);
    },
    close: async () => {
      await Promise.allSettled(waiting);
      redis.signal('SIGCONT');
      await Promise.all([gateway.stop({ timeout: 0 }), gate.close(), redis.close()]);
      await Promise.all([closed(host), closed(backend), closed(slowIssuer), issuer.close()]);
      tls.remove();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
