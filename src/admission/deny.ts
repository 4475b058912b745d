/** The only module that writes denials: problem+json (RFC 9457), on a response or as raw bytes on a socket. */
import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { mergeChallenges } from '../auth/combine.js';
import type { Challenge } from '../auth/verdict.js';
import { hasBody } from '../http/request-body.js';
import { STATUS_CODES, validateHeaderName, validateHeaderValue } from '../http/node-http.js';
import { endConnection } from '../http/connection-end.js';
import type { Denial } from './denial.js';
import { TITLES } from '../http/problem.js';

type Fields = readonly (readonly [string, string])[];

interface Message {
  readonly status: number;
  readonly fields: Fields;
  readonly body: Buffer;
}

/**
 * Returns a new id for one denial. The response body and the log contain the id, so that an operator can find the log
 * line.
 */
export function newInstance(): string {
  return `urn:uuid:${randomUUID()}`;
}

/**
 * Writes the denial of a request. `instance` is the request id or a new id. The connection closes after the response if
 * the request is ambiguous (400) or its body is unread.
 */
export function deny(response: ServerResponse, denial: Denial, instance: string): void {
  if (response.headersSent || response.destroyed) {
    response.destroy();
    return;
  }
  const { status, fields, body } = messageOf(denial, instance);
  // Headers that a host set for its own response (length, type, encoding) do not describe this body.
  for (const name of ABOUT_BODY) if (response.hasHeader(name)) response.removeHeader(name);
  fields.forEach(([name, value], at) => {
    const isRepeated = fields.some(([other], before) => before < at && isSame(other, name));
    if (isRepeated) response.appendHeader(name, value);
    else response.setHeader(name, value);
  });
  endIfAmbiguous(response, denial);
  response.writeHead(status);
  if (requestOf(response)?.method === 'HEAD') response.end();
  else endWith(response, body);
}

function isSame(left: string, right: string): boolean {
  return left.length === right.length && left.toLowerCase() === right.toLowerCase();
}

/**
 * Node writes a head and a text in one piece, and a head and a buffer in two. A host that has replaced `end` receives the
 * buffer.
 */
function endWith(response: ServerResponse, body: Buffer): void {
  if (Object.hasOwn(response, 'end') || body.length > SMALL) response.end(body);
  else response.end(body.toString('latin1'), 'latin1');
}

/** A larger body is not copied into a text. */
const SMALL = 8_192;

function endIfAmbiguous(response: ServerResponse, { status }: Denial): void {
  const req = requestOf(response);
  if (req && (status === 400 || hasUnreadBody(req))) endConnection(response);
}

/** Undefined for the response of a mock, and for a request without headers. */
function requestOf({ req }: { readonly req?: Partial<IncomingMessage> }): IncomingMessage | undefined {
  return req?.headers && req.socket ? (req as IncomingMessage) : undefined;
}

const ABOUT_BODY = [
  'Content-Length',
  'Content-Encoding',
  'Transfer-Encoding',
  'ETag',
  'Last-Modified',
  'WWW-Authenticate',
];

/** `complete` alone is not sufficient: it is false for every request that is checked while its head is parsed. */
function hasUnreadBody(req: IncomingMessage): boolean {
  return hasBody(req) && !req.complete;
}

/** Writes the denial of an upgrade and ends its socket. */
export function denySocket(socket: Duplex, denial: Denial, instance: string): void {
  const { status, fields, body } = messageOf(denial, instance);
  const lines = [...fields, ['Connection', 'close']].map(([name, value]) => `${name}: ${value}\r\n`);
  const head = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n${lines.join('')}\r\n`;
  socket.on('error', () => socket.destroy());
  socket.end(Buffer.concat([Buffer.from(head, 'latin1'), body]));
  // A client may never close its side. Its data is discarded until the timeout destroys the socket.
  const late = setTimeout(() => socket.destroy(), LINGER_MS);
  late.unref();
  socket.once('close', () => clearTimeout(late));
  socket.resume();
}

const LINGER_MS = 2_000;

function messageOf(denial: Denial, instance: string): Message {
  if (denial.response) return rawMessage(denial.response);
  const body = Buffer.from(`${JSON.stringify(problemOf(denial, instance))}\n`);
  const about: Fields = [
    ['Content-Type', 'application/problem+json'],
    ['Content-Length', String(body.length)],
  ];
  return { status: denial.status, fields: [...about, ...fieldsOf(denial)], body };
}

/** Returns the problem document of a denial (RFC 9457). */
export function problemOf({ status, code }: Pick<Denial, 'status' | 'code'>, instance: string | undefined): object {
  return { type: `urn:loom-auth:problem:${code}`, title: TITLES[code], status, code, instance };
}

/** The fields of a denial that do not depend on its body. */
function fieldsOf(denial: Denial): Fields {
  return [
    ['Cache-Control', 'no-store'],
    ...challengesOf(denial).map((each) => ['WWW-Authenticate', each] as const),
    ...Object.entries(denial.headers ?? {}),
    ...(denial.allow ? [['Allow', denial.allow.join(', ')] as const] : []),
  ];
}

/** Returns the headers of a denial for a host that writes the response. Several challenges are a list. */
export function headersOf(denial: Denial): Record<string, string | string[]> {
  const headers = new Map<string, readonly [name: string, value: string | string[]]>();
  for (const [given, value] of denial.response ? rawMessage(denial.response).fields : fieldsOf(denial)) {
    if (DESCRIBES_BODY.test(given)) continue;
    const key = given.toLowerCase();
    const [name, before] = headers.get(key) ?? [given];
    headers.set(key, [name, before === undefined ? value : [before, value].flat()]);
  }
  return Object.fromEntries(headers.values());
}

/** Fields of a plugin's response that do not describe the body of a host. */
const DESCRIBES_BODY = /^(?:content-.*|etag|last-modified|accept-ranges)$/i;

/** Prepares a response that the host writes instead of Loom: the headers of the denial, and the end of the connection. */
export function prepareDenial(response: ServerResponse, denial: Denial): void {
  for (const [name, value] of Object.entries(headersOf(denial))) response.setHeader(name, value);
  endIfAmbiguous(response, denial);
}

/** Returns the values of `WWW-Authenticate`. */
export function challengesOf({ challenges = NO_CHALLENGES }: Denial): readonly string[] {
  // The challenges of a missing credential are one list for all requests.
  if (last?.challenges !== challenges)
    last = { challenges, values: mergeChallenges(challenges).filter(isChallenge).map(formatChallenge) };
  return last.values;
}

const NO_CHALLENGES: readonly Challenge[] = [];
let last: { readonly challenges: readonly Challenge[]; readonly values: readonly string[] } | undefined;

/**
 * The response of a plugin, without framing headers and without fields that HTTP cannot carry. Node throws on such
 * fields.
 */
function rawMessage({ status, headers, body }: NonNullable<Denial['response']>): Message {
  const own = headers.filter(([name, value]) => !HOP.test(name) && isField(name, value));
  const cached: Fields = own.some(([name]) => /^cache-control$/i.test(name)) ? [] : [['Cache-Control', 'no-store']];
  const known = Number.isInteger(status) && status >= 200 && status <= 599;
  const bodiless = status === 204 || status === 304;
  const sent = bodiless ? Buffer.alloc(0) : body;
  const length: Fields = bodiless ? [] : [['Content-Length', String(sent.length)]];
  return { status: known ? status : 500, fields: [...own, ...cached, ...length], body: sent };
}

const HOP = /^(?:content-length|transfer-encoding|connection|keep-alive|proxy-connection|te|trailer|upgrade)$/i;

function isField(name: string, value: string): boolean {
  try {
    validateHeaderName(name);
    validateHeaderValue(name, value);
    return true;
  } catch {
    return false;
  }
}

const TOKEN = /^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/;

/** A host's strategy may return any text. On a raw socket no other check prevents header injection. */
function isChallenge({ scheme, params }: Challenge): boolean {
  return [scheme, ...Object.keys(params)].every((name) => TOKEN.test(name));
}

/**
 * RFC 9110 §11.2: writes every value as a quoted string. A character that a quoted string cannot contain becomes `?`.
 */
function formatChallenge({ scheme, params }: Challenge): string {
  const list = Object.entries(params).map(([name, value]) => {
    const text = value.replace(/[^\t\x20-\x7e]/g, '?').replace(/["\\]/g, '\\$&');
    return `${name}="${text}"`;
  });
  return list.length === 0 ? scheme : `${scheme} ${list.join(', ')}`;
}
