/** The only writer of denials: problem+json (RFC 9457) on a response, or the same as raw bytes on a socket. */
import { STATUS_CODES, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { mergeChallenges } from '../auth/combine.js';
import type { Challenge } from '../auth/verdict.js';
import { TITLES, type Denial } from './problem.js';

type Fields = readonly (readonly [string, string])[];

interface Message {
  readonly status: number;
  readonly fields: Fields;
  readonly body: Buffer;
}

/** Answers a request. `instance` is the request id. A request whose body is unread also loses its connection. */
export function deny(response: ServerResponse, denial: Denial, instance: string): void {
  if (response.headersSent || response.destroyed) {
    response.destroy();
    return;
  }
  const { status, fields, body } = messageOf(denial, instance);
  const close: Fields = response.req.complete ? [] : [['Connection', 'close']];
  response.writeHead(status, [...fields, ...close].flat());
  response.end(response.req.method === 'HEAD' ? undefined : body);
}

/** Answers an upgrade and ends its socket. */
export function denySocket(socket: Duplex, denial: Denial, instance: string): void {
  const { status, fields, body } = messageOf(denial, instance);
  const lines = [...fields, ['Connection', 'close']].map(([name, value]) => `${name}: ${value}\r\n`);
  const head = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n${lines.join('')}\r\n`;
  socket.on('error', () => socket.destroy());
  socket.end(Buffer.concat([Buffer.from(head, 'latin1'), body]));
}

function messageOf(denial: Denial, instance: string): Message {
  if (denial.response) return rawMessage(denial.response);
  const { status, code } = denial;
  const problem = { type: `urn:loom-auth:problem:${code}`, title: TITLES[code], status, code, instance };
  const body = Buffer.from(`${JSON.stringify(problem)}\n`);
  const fields: [string, string][] = [
    ['Content-Type', 'application/problem+json'],
    ['Content-Length', String(body.length)],
    ['Cache-Control', 'no-store'],
    ...mergeChallenges(denial.challenges ?? []).map((each): [string, string] => [
      'WWW-Authenticate',
      formatChallenge(each),
    ]),
    ...Object.entries(denial.headers ?? {}),
  ];
  if (denial.allow) fields.push(['Allow', denial.allow.join(', ')]);
  return { status, fields, body };
}

function rawMessage({ status, headers, body }: NonNullable<Denial['response']>): Message {
  const own = headers.filter(([name]) => !/^(?:content-length|transfer-encoding|connection)$/i.test(name));
  return { status, fields: [...own, ['Content-Length', String(body.length)]], body };
}

/** RFC 9110 §11.2: every value as a quoted string. */
function formatChallenge({ scheme, params }: Challenge): string {
  const list = Object.entries(params).map(([name, value]) => `${name}="${value.replace(/["\\]/g, '\\$&')}"`);
  return list.length === 0 ? scheme : `${scheme} ${list.join(', ')}`;
}
