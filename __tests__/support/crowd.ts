/**
 * Fifty callers with credentials of three kinds, and an upstream that answers after a delay with the identity it
 * received.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { hashSync } from 'bcryptjs';
import { request, type GroundOptions } from './attack-ground.js';
import { closed, listening } from './recording-upstream.js';
import { seconds, type TokenIssuer } from './token-issuer.js';

export interface Caller {
  readonly name: string;
  /** The path that requires this kind of credential. All of them pass at `/any`. */
  readonly path: string;
  readonly field: string;
}

const numbers = (count: number): readonly number[] => Array.from({ length: count }, (_, at) => at);
const keyOf = (at: number): string => `sk_live_of_caller_${at}`;
const PASSWORD = 'a password of many';

/** For `openGround`: all methods set the same header, so that any mix-up is visible. */
export function crowdOptions(upstreamPort: number): GroundOptions {
  const set = (claim: string): string => `claims_to_headers: { ${claim}: X-Caller }`;
  const keys = numbers(20).map((at) => `{ key: ${keyOf(at)}, name: key-${at} }`);
  const hash = hashSync(PASSWORD, 4);
  const users = numbers(10).map((at) => `{ username: user-${at}, password_hash: "${hash}" }`);
  const route = (name: string, auth: string): string => `  - { path: /${name}/*, upstream: slow, auth: ${auth} }`;
  return {
    replaceAuth: true,
    auth: `
    jwt: { issuer: "ISSUER", audience: api.example.com, jwks_url: "ISSUER/jwks", ${set('sub')} }
    api_key: { keys: [${keys.join(', ')}], ${set('name')} }
    basic: { users: [${users.join(', ')}], ${set('username')} }`,
    replaceRoutes: true,
    routes: [
      '',
      route('jwt', '{ jwt: true }'),
      route('key', '{ api_key: true }'),
      route('basic', '{ basic: true }'),
      route('any', '{ methods: [jwt, api_key, basic] }'),
    ].join('\n'),
    // Enough connections for the whole crowd, so that no request is refused for lack of one.
    upstreams: `  - { name: slow, endpoints: ["127.0.0.1:${upstreamPort}"], pool: { max_open: 2000 } }`,
  };
}

export async function callersOf(issuer: TokenIssuer): Promise<readonly Caller[]> {
  const tokens = await Promise.all(
    numbers(20).map((at) => issuer.token({ sub: `token-${at}`, exp: seconds() + 86_400 })),
  );
  const basic = (at: number): string => Buffer.from(`user-${at}:${PASSWORD}`).toString('base64');
  return [
    ...tokens.map((token, at) => ({ name: `token-${at}`, path: '/jwt', field: `Authorization: Bearer ${token}` })),
    ...numbers(20).map((at) => ({ name: `key-${at}`, path: '/key', field: `X-API-Key: ${keyOf(at)}` })),
    ...numbers(10).map((at) => ({ name: `user-${at}`, path: '/basic', field: `Authorization: Basic ${basic(at)}` })),
  ];
}

/** The sender as the upstream sees it: `caller request body`, all three from the received message. */
export const greeting = (caller: string, id: string, body: string): string => `${caller} ${id} ${body}`;

/** The bytes of one request of a caller, with the name of another caller in every place that a client can set. */
export function requestOf(caller: Caller, other: Caller, { id, random }: { id: string; random: () => number }): string {
  const target = `${random() < 0.5 ? caller.path : '/any'}/${id}`;
  const lines = [caller.field, `X-Request: ${id}`, `X-Caller: ${other.name}`, `x_caller: ${other.name}`];
  const body = `of ${caller.name}`;
  const kind = random();
  if (kind < 0.5) return request('GET', target, lines);
  if (kind < 0.75) return request('POST', target, [...lines, `Content-Length: ${body.length}`], body);
  const chunks = `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`;
  return request('POST', target, [...lines, 'Transfer-Encoding: chunked'], chunks);
}

export interface SlowUpstream {
  readonly port: number;
  /** What was wrong with a received request. It contains names and no credential. */
  readonly faults: string[];
  readonly seen: () => number;
  readonly connections: () => number;
  close(): Promise<void>;
}

/** Answers after up to `delayMs`, in one or two pieces. */
export async function slowUpstream(delayMs: number, random: () => number): Promise<SlowUpstream> {
  const faults: string[] = [];
  const sockets = new Set<Socket>();
  let seen = 0;
  const server = createServer((req, res) => {
    seen += 1;
    let body = '';
    req.setEncoding('latin1').on('data', (text: string) => (body += text));
    req.on('error', () => undefined);
    req.on('end', () => {
      const fault = faultOf(req, body);
      if (fault !== undefined) faults.push(fault);
      setTimeout(() => answer(req, res, { body, inTwo: random() < 0.3 }), random() * delayMs);
    });
  });
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  const port = await listening(server);
  return {
    port,
    faults,
    seen: () => seen,
    connections: () => sockets.size,
    close: () => closed(server, [...sockets]),
  };
}

const one = (value: string | string[] | undefined): string =>
  typeof value === 'string' ? value : `not one: ${String(value)}`;

/** A request names its caller three times: in its identity header, its id and its body. */
function faultOf(req: IncomingMessage, body: string): string | undefined {
  const caller = one(req.headers['x-caller']);
  const id = one(req.headers['x-request']);
  const meant = id.split('.')[1];
  const other = Object.keys(req.headers).find(
    (name) => name !== 'x-caller' && name.replace(/[^a-z]/g, '-') === 'x-caller',
  );
  if (caller !== meant || !req.url?.endsWith(`/${id}`)) return `${caller} instead of ${meant} at ${req.url}`;
  if (other !== undefined) return `${other} arrived`;
  return body === '' || body === `of ${meant}` ? undefined : `the body ${body} in the request of ${meant}`;
}

function answer(req: IncomingMessage, res: ServerResponse, { body, inTwo }: { body: string; inTwo: boolean }): void {
  const text = greeting(one(req.headers['x-caller']), one(req.headers['x-request']), body);
  if (!inTwo) {
    res.end(text);
    return;
  }
  res.write(text.slice(0, 5));
  setTimeout(() => res.end(text.slice(5)), 1);
}

/** The same numbers for the same seed (mulberry32), so that a failure can be repeated. */
export function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
