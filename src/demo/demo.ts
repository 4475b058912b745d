/** Runs the demo on this machine: an issuer, two backends, a temporary CA and the gateway in front of them. */
import { createHash, randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { hash } from 'bcryptjs';
import type { Log } from '../lib/types.js';
import { serve } from '../serve/serve.js';
import { writeAuthority } from './authority.js';
import { demoFile } from './file.js';
import { closeServer, type DemoClient, type Issuer, startIssuer } from './issuer.js';
import { freePort, listenOn, LOOPBACK } from './ports.js';
import { formatExamples } from './curl-examples.js';

/** The console of the demo, and the tokens that it asks for. */
export interface DemoConsole {
  readonly url: string;
  readonly reader: string;
  readonly operator: string;
}

export interface Demo {
  /** The active configuration, for the access table. */
  readonly file: string;
  /** The printable list of requests to try. */
  readonly examples: string;
  readonly http: string;
  readonly https: string;
  readonly console: DemoConsole;
  stop(): Promise<void>;
}

const AUDIENCE = 'api.example.com';
const PREFERRED = { http: 8080, https: 8443, admin: 9091 } as const;
const BCRYPT_COST = 10;
/** The time of open requests when the demo stops. */
export const STOP_MS = 1_000;
/** Long enough to try the demo for an afternoon. */
const TOKEN_SECONDS = 12 * 3_600;

type Act = () => Promise<void> | void;

/** Starts all parts or none. If one part fails to start, the other parts are stopped. */
export async function startDemo({ log }: { readonly log: Log }): Promise<Demo> {
  const directory = await mkdtemp(join(tmpdir(), 'loom-demo-'));
  const remove = (): void => rmSync(directory, { recursive: true, force: true });
  const undo: Act[] = [remove];
  // Removes the keys in every case in which the process exits.
  process.once('exit', remove);
  const stop = async (): Promise<void> => {
    for (const act of undo.splice(0).reverse()) await act();
    process.off('exit', remove);
  };
  try {
    return { ...(await startParts({ directory, log, undo })), stop };
  } catch (cause) {
    await stop();
    throw cause;
  }
}

interface Stage {
  readonly directory: string;
  readonly log: Log;
  readonly undo: Act[];
}

async function startParts({ directory, log, undo }: Stage): Promise<Omit<Demo, 'stop'>> {
  const secrets = newSecrets();
  const [orders, reports, issuer] = await Promise.all([
    startUpstream('orders'),
    startUpstream('reports'),
    startIssuer({ clients: [secrets.client], introspector: secrets.introspector, audience: AUDIENCE }),
  ]);
  undo.push(
    () => orders.close(),
    () => reports.close(),
    () => issuer.close(),
  );
  const [certificates, passwordHash, httpPort, httpsPort, adminPort] = await Promise.all([
    writeAuthority(directory),
    hash(secrets.password, BCRYPT_COST),
    freePort(PREFERRED.http),
    freePort(PREFERRED.https),
    freePort(PREFERRED.admin),
    writeTokens(directory, issuer),
  ]);
  const file = join(directory, 'loom.yaml');
  const facts = { httpPort, httpsPort, certificates, passwordHash, issuer: issuer.url, audience: AUDIENCE };
  const { introspector, keyHash, reader, operator } = secrets;
  const admin = { port: adminPort, reader, operator };
  const text = demoFile({ ...facts, admin, introspector, keyHash, orders: orders.endpoint, reports: reports.endpoint });
  await writeFile(file, text, { mode: 0o600 });
  const running = await serve(file, { log });
  undo.push(() => running.stop({ timeout: STOP_MS }));
  const http = `http://${LOOPBACK}:${httpPort}`;
  const https = `https://${LOOPBACK}:${httpsPort}`;
  const { apiKey, password, client } = secrets;
  return {
    file,
    http,
    https,
    console: { url: `http://${LOOPBACK}:${adminPort}/`, reader, operator },
    examples: formatExamples({ http, https, issuer: issuer.url, directory, apiKey, password, client }),
  };
}

function newSecrets() {
  const apiKey = `sk_demo_${randomBytes(12).toString('base64url')}`;
  const client: DemoClient = { id: 'demo-app', secret: newSecret(), tokens: 'jwt', scope: 'orders:read' };
  return {
    apiKey,
    keyHash: `sha256:${createHash('sha256').update(apiKey).digest('hex')}`,
    password: randomBytes(9).toString('base64url'),
    client,
    introspector: { id: 'loom-gateway', secret: newSecret() },
    reader: newSecret(),
    operator: newSecret(),
  };
}

function newSecret(): string {
  return randomBytes(18).toString('base64url');
}

async function writeTokens(directory: string, { tokens }: Issuer): Promise<void> {
  const write = (name: string, token: string): Promise<void> =>
    writeFile(join(directory, name), token, { mode: 0o600 });
  const scope = 'orders:read';
  await Promise.all([
    write('alice.jwt', tokens.sign({ sub: 'alice', scope, seconds: TOKEN_SECONDS })),
    write('expired.jwt', tokens.sign({ sub: 'alice', scope, seconds: -3_600 })),
    write(
      'partner.token',
      tokens.remember({ sub: 'partner', client_id: 'partner', scope: 'reports:read', seconds: TOKEN_SECONDS }),
    ),
    write(
      'visitor.token',
      tokens.remember({ sub: 'visitor', client_id: 'visitor', scope: 'orders:read', seconds: TOKEN_SECONDS }),
    ),
  ]);
}

interface DemoUpstream {
  readonly endpoint: string;
  close(): Promise<void>;
}

/**
 * Starts a backend on a free loopback port. It returns the request that it received, to show which headers the gateway
 * set and removed.
 */
async function startUpstream(name: string): Promise<DemoUpstream> {
  const server = createServer((req, res) => echo(name, req, res));
  const port = await listenOn(server, 0);
  return { endpoint: `127.0.0.1:${port}`, close: () => closeServer(server) };
}

/** The response omits tokens, because terminals are shared and keep their output. */
const HIDDEN = new Set(['authorization', 'cookie', 'x-api-key']);

function echo(name: string, req: IncomingMessage, res: ServerResponse): void {
  req.resume();
  const headers = Object.fromEntries(
    Object.entries(req.headers).map(([key, value]) => [key, HIDDEN.has(key) ? '(sent)' : value]),
  );
  res.writeHead(200, { 'content-type': 'application/json' });
  res.end(`${JSON.stringify({ upstream: name, method: req.method, path: req.url, headers }, null, 2)}\n`);
}
