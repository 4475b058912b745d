/** The harness for attacks: `serve` as a separate process, with an upstream that records every byte. */
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hashSync } from 'bcryptjs';
import { askedServer, json, type AskedServer } from '../tokens/introspection-server.js';
import { ask, askBytes, type Answer, type Question } from './ask.js';
import { built, NODE } from './built.js';
import { ENGINE_BLOCK } from './engine.js';
import { Malformed, readMessages, valuesOf, type Message } from './messages.js';
import { freePorts } from './ports.js';
import { Background } from './process.js';
import { recordingUpstream } from './recording-upstream.js';
import { seconds, tokenIssuer, type TokenIssuer } from './token-issuer.js';

export const KEY = 'sk_live_attack_ground_1';
export const PASSWORD = 'correct horse battery';
export const CLIENT_SECRET = 'client-secret-of-the-ground';

/** Credentials that must pass, as header fields. */
export const ALICE_KEY = { 'X-API-Key': KEY };
export const ADMIN_BASIC = { Authorization: `Basic ${Buffer.from(`admin:${PASSWORD}`).toString('base64')}` };

export interface GroundOptions {
  /**
   * YAML that replaces (`replace`) or extends (default) the harness's YAML. Flow style, without the surrounding
   * brackets.
   */
  readonly auth?: string;
  readonly replaceAuth?: boolean;
  readonly routes?: string;
  readonly replaceRoutes?: boolean;
  readonly upstreams?: string;
  /** Further listeners, such as one with TLS. `PORT2` and `PORT3` are replaced by free ports. */
  readonly listeners?: string;
  /** Further top-level blocks. */
  readonly top?: string;
  /** The upstream's response to a whole request. Default: 200 with the request as JSON, 101 to a handshake. */
  readonly answer?: (message: Message, socket: Socket) => string | undefined;
  readonly env?: Readonly<Record<string, string>>;
}

export interface Ground {
  readonly port: number;
  /** The ports for `PORT2` and `PORT3`. */
  readonly morePorts: readonly number[];
  readonly pid: number;
  /** The Loom file, for tests that change it. */
  readonly file: string;
  readonly issuer: TokenIssuer;
  /** The introspection endpoint. By default any token is active with `sub: bob`, `scope: read`. */
  readonly introspection: AskedServer;
  readonly upstreamPort: number;
  /** Texts that must not occur in the output of the gateway. Tests add their tokens and keys. */
  readonly secrets: string[];
  /** Sends raw bytes (latin1) over a fresh socket. Returns the bytes until the end of the first response. */
  send(bytes: string): Promise<string>;
  ask(path: string, question?: Omit<Question, 'port' | 'path'>): Promise<Answer>;
  /** Requests that have reached the upstream since the last call. Throws if the bytes are not whole strict messages. */
  arrived(): readonly Message[];
  /** Every byte on every connection to the upstream (latin1). */
  received(): readonly string[];
  /** The output of the process so far. */
  output(): string;
  /** Fails if the process has died, has met a bug, or has printed a secret. */
  close(): Promise<void>;
}

const opened: Ground[] = [];

/** For `afterAll` or `afterEach`: closes every harness, with the checks of `close`. */
export async function closeGrounds(): Promise<void> {
  const failures: unknown[] = [];
  for (const ground of opened.splice(0)) await ground.close().catch((error: unknown) => failures.push(error));
  if (failures.length > 0) throw failures[0];
}

interface Ends {
  readonly ports: readonly number[];
  readonly upstream: number;
  readonly issuer: string;
  readonly introspection: string;
}

const AUTH = ({ issuer, introspection }: Ends): string => `
    jwt: { issuer: "${issuer}", audience: api.example.com, jwks_url: "${issuer}/jwks", claims_to_headers: { sub: X-User-ID, email: X-User-Email, scope: X-User-Scopes } }
    api_key: { query_param: api_key, keys: [{ key: ${KEY}, name: alice }], claims_to_headers: { name: X-Key-Name } }
    basic: { realm: ops, users: [{ username: admin, password_hash: "${hashSync(PASSWORD, 4)}" }], claims_to_headers: { username: X-Operator } }
    oauth: { introspection_url: "${introspection}/introspect", client_id: loom, client_secret: ${CLIENT_SECRET}, claims_to_headers: { username: X-Account } }`;

const ROUTES = `
  - { id: public, path: /public/*, upstream: backend, auth: none }
  - { id: internal, path: /internal/*, upstream: backend, auth: { jwt: true } }
  - { id: api, path: /api/v1/*, upstream: backend, auth: { api_key: true } }
  - { id: ops, path: /ops/*, upstream: backend, auth: { basic: true } }
  - { id: oauth, path: /oauth/*, upstream: backend, auth: { oauth: true } }
  - { id: any, path: /any/*, upstream: backend, auth: { methods: [jwt, api_key] } }
  - { id: all, path: /all/*, upstream: backend, auth: { methods: [jwt, api_key], require_any: false } }
  - { id: optional, path: /optional/*, upstream: backend, auth: { require: false, methods: [jwt] } }`;

function fileOf(ends: Ends, options: GroundOptions): string {
  const [port, ...more] = ends.ports;
  const text = `
listeners:
  - { name: main, address: "127.0.0.1:${port}", protocol: http }
${options.listeners ?? ''}
middleware:
  auth:${options.replaceAuth ? '' : AUTH(ends)}
${options.auth ?? ''}
routes:${options.replaceRoutes ? '' : ROUTES}
${options.routes ?? ''}
upstreams:
  - { name: backend, endpoints: ["127.0.0.1:${ends.upstream}"] }
${options.upstreams ?? ''}
${options.top ?? ''}
${ENGINE_BLOCK}
`;
  return text
    .replace(/PORT([23])\b/g, (_all, n: string) => String(more[Number(n) - 2]))
    .replaceAll('ISSUER', ends.issuer)
    .replaceAll('INTROSPECTION', ends.introspection)
    .replaceAll('UPSTREAM', String(ends.upstream));
}

/**
 * Starts one. `ISSUER`, `INTROSPECTION` and `UPSTREAM` in the given YAML are replaced by two origins and a port.
 *
 * @example const ground = await openGround(); expect(statusOf(await ground.send('GET /internal HTTP/1.1\r\nHost:
 * gw\r\n\r\n'))).toBe(401); expect(ground.arrived()).toEqual([]);
 */
export async function openGround(options: GroundOptions = {}): Promise<Ground> {
  const issuer = await tokenIssuer();
  const introspection = await askedServer(
    json({ active: true, sub: 'bob', username: 'bob', scope: 'read', exp: seconds() + 600 }),
  );
  const upstream = await attentiveUpstream(options.answer ?? echo);
  const ports = await freePorts(3);
  const [port = 0, ...morePorts] = ports;
  const folder = mkdtempSync(join(tmpdir(), 'loom-ground-'));
  const file = join(folder, 'loom.yaml');
  const ends = { ports, upstream: upstream.port, issuer: issuer.origin, introspection: introspection.origin };
  writeFileSync(file, fileOf(ends, options));
  const running = new Background(NODE, [built(), 'serve', file], options.env);
  let end: number | null | undefined;
  void running.ended.then((code) => (end = code));
  const secrets = [KEY, PASSWORD, CLIENT_SECRET];
  const close = async (): Promise<void> => {
    const died = end !== undefined;
    await running.stop('SIGKILL');
    await Promise.all([upstream.close(), issuer.close(), introspection.close()]);
    rmSync(folder, { recursive: true });
    if (died) throw new Error(`the gateway ended with ${String(end)}:\n${running.output}`);
    const bug = /.*(?:the gateway failed on a request|handler threw|unhandled|uncaught).*/i.exec(running.output)?.[0];
    if (bug !== undefined) throw new Error(`a bug, answered 500: ${bug}`);
    const told = secrets.find((secret) => running.output.includes(secret));
    if (told !== undefined) throw new Error(`the gateway printed the secret ${told}`);
  };
  const ground: Ground = {
    port,
    morePorts,
    pid: running.pid,
    file,
    issuer,
    introspection,
    upstreamPort: upstream.port,
    secrets,
    send: (bytes) => askBytes(port, bytes),
    ask: (path, question) => ask({ ...question, port, path }),
    arrived: upstream.arrived,
    received: () => upstream.received,
    output: () => running.output,
    close,
  };
  opened.push(ground);
  await running.until(/listening/);
  return ground;
}

/** Answers each whole request once. A message that is not strict ends the connection and fails the next `arrived()`. */
export async function attentiveUpstream(answer: NonNullable<GroundOptions['answer']>) {
  const read = new WeakMap<Socket, number>();
  const messages: Message[] = [];
  const broken: Error[] = [];
  const upstream = await recordingUpstream((received, socket) => {
    const from = read.get(socket) ?? 0;
    if (from === Infinity) return undefined;
    try {
      const found = readMessages(received.slice(from));
      messages.push(...found.messages);
      const switched = found.messages.some((message) => valuesOf(message, 'upgrade').length > 0);
      read.set(socket, switched ? Infinity : received.length - found.rest.length);
      const answers = found.messages.map((message) => answer(message, socket));
      return answers.every((each) => each === undefined) ? undefined : Buffer.from(answers.join(''), 'latin1');
    } catch (error) {
      if (!(error instanceof Malformed)) throw error;
      broken.push(error);
      socket.destroy();
      return undefined;
    }
  });
  const arrived = (): readonly Message[] => {
    const [first] = broken.splice(0);
    if (first) throw first;
    return messages.splice(0);
  };
  return { ...upstream, arrived };
}

const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

/** 101 to a handshake, otherwise the request as JSON. */
export function echo(message: Message): string {
  const [nonce] = valuesOf(message, 'sec-websocket-key');
  if (valuesOf(message, 'upgrade').length > 0 && nonce !== undefined) {
    const accept = createHash('sha1').update(`${nonce}${GUID}`).digest('base64');
    const lines = ['Upgrade: websocket', 'Connection: Upgrade', `Sec-WebSocket-Accept: ${accept}`];
    return ['HTTP/1.1 101 Switching Protocols', ...lines, '', ''].join('\r\n');
  }
  const { method, target, fields, body } = message;
  const text = method === 'HEAD' ? '' : JSON.stringify({ method, target, fields, body });
  return `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(text, 'latin1')}\r\n\r\n${text}`;
}

/** The bytes of a GET with further header lines, unchanged. */
export const get = (target: string, ...lines: readonly string[]): string => request('GET', target, lines);

/** The bytes of a request with these header lines and this body. The lines must contain the framing. */
export const request = (method: string, target: string, lines: readonly string[] = [], body = ''): string =>
  [`${method} ${target} HTTP/1.1`, 'Host: gw', ...lines, '', body].join('\r\n');
