/** Requests for tests: one whole response, optionally with a client certificate, or raw bytes unchanged. */
import { request as httpRequest, type IncomingHttpHeaders, type OutgoingHttpHeaders } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { connect } from 'node:net';
import type { SecureContextOptions } from 'node:tls';

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface Question {
  readonly port: number;
  readonly path?: string;
  readonly method?: string;
  readonly headers?: OutgoingHttpHeaders;
  readonly body?: string;
  /** Over TLS, with this authority and optionally a client certificate. */
  readonly tls?: SecureContextOptions;
}

/** Rejects if the handshake or the connection fails. */
export function ask({ port, path = '/', method = 'GET', headers = {}, body, tls }: Question): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const to = { host: '127.0.0.1', port, path, method, headers, agent: false as const };
    const outgoing = tls ? httpsRequest({ ...to, ...tls, servername: 'localhost' }) : httpRequest(to);
    outgoing.on('error', reject);
    outgoing.on('response', (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      response.on('error', reject);
      response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text }));
    });
    outgoing.end(body);
  });
}

/**
 * The response of a server to these bytes (latin1): everything until its end, or until the end of its first response.
 */
export function askBytes(port: number, bytes: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(Buffer.from(bytes, 'latin1')));
    let text = '';
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1');
      if (isWhole(text)) socket.destroy();
    });
    socket.on('end', () => socket.end());
    // A server that refuses may reset a connection with unread bytes.
    socket.on('error', (error) => (text === '' ? reject(error) : socket.destroy()));
    socket.on('close', () => resolve(text));
  });
}

function isWhole(text: string): boolean {
  const end = text.indexOf('\r\n\r\n');
  if (end === -1) return false;
  const length = /^content-length: *(\d+)/im.exec(text.slice(0, end));
  if (/^HTTP\/1\.1 101 /.test(text)) return true;
  if (length) return text.length >= end + 4 + Number(length[1]);
  return /^transfer-encoding: *chunked/im.test(text.slice(0, end)) && text.endsWith('0\r\n\r\n');
}

export const statusOf = (answer: string): number => Number(/^HTTP\/1\.[01] (\d{3})/.exec(answer)?.[1] ?? 0);

/** From the response of the echoing upstream or of the application behind Loom. */
export const seen = <T>({ body }: Answer): T => JSON.parse(body) as T;
