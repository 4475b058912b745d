/** Asks the admin address of a running gateway, as an operator. */
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { InputError, readSecret } from './secret-input.js';
import type { Terminal } from './terminal.js';

export interface GatewayQuestion {
  readonly path: string;
  /** Absent: GET. */
  readonly body?: object;
  /** The option that has the admin address. Default: `--admin`. */
  readonly option?: string;
}

/** The token is never an argument, because `ps` and the shell history show arguments. */
export const TOKEN = 'LOOM_ADMIN_TOKEN';
const TIMEOUT_MS = 30_000;
const LONGEST_ANSWER = 4_194_304;

/** Reads the operator token from the environment, or else from standard input. */
export async function operatorToken(terminal: Terminal): Promise<string> {
  return (
    terminal.env[TOKEN] ??
    (await readSecret(terminal, 'operator token', {
      empty: `set ${TOKEN}, or write the operator token to standard input`,
    }))
  );
}

/** @throws {InputError} The gateway does not answer, or refuses. The message has no part of the question. */
export async function askGateway(
  admin: string | undefined,
  { path, body, option = '--admin' }: GatewayQuestion,
  terminal: Terminal,
): Promise<unknown> {
  if (admin === undefined) throw new InputError('give the admin address of the gateway: --admin http://127.0.0.1:9091');
  if (!/^https?:\/\//i.test(admin) || !URL.canParse(admin))
    throw new InputError(`${option} must be an http:// or https:// URL`);
  const base = new URL(admin);
  if (base.username !== '' || base.password !== '')
    throw new InputError(`${option} must have no user and no password; set ${TOKEN}`);
  const token = await operatorToken(terminal);
  if (!/^[\x21-\x7e]+$/.test(token)) throw new InputError('the operator token must be visible ASCII without spaces');
  const { status, text } = await send(new URL(path, base), { token, body });
  const answer = parsed(text);
  if (status === 200) return answer;
  const { error } = (answer ?? {}) as { readonly error?: unknown };
  const why = typeof error === 'string' ? `: ${error.slice(0, 200)}` : '';
  throw new InputError(`the gateway answered ${status}${why}`);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw new InputError('the admin address answered with something that is not JSON');
  }
}

interface Sending {
  readonly token: string;
  readonly body: object | undefined;
}

function send(url: URL, { token, body }: Sending): Promise<{ readonly status: number; readonly text: string }> {
  const bytes = body === undefined ? undefined : Buffer.from(JSON.stringify(body));
  const about = bytes && { 'Content-Type': 'application/json', 'Content-Length': bytes.length };
  const start = url.protocol === 'https:' ? httpsRequest : httpRequest;
  return new Promise((resolve, reject) => {
    const sent = start(url, {
      method: bytes ? 'POST' : 'GET',
      agent: false,
      timeout: TIMEOUT_MS,
      headers: { Authorization: `Bearer ${token}`, ...about },
    });
    sent.on('timeout', () => sent.destroy(new Error('no answer in time')));
    sent.on('error', ({ message }) => reject(new InputError(`the admin address does not answer: ${message}`)));
    sent.on('response', (response) => {
      collect(response).then((text) => resolve({ status: response.statusCode ?? 0, text }), reject);
    });
    sent.end(bytes);
  });
}

async function collect(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > LONGEST_ANSWER) throw new InputError('the answer of the admin address is longer than 4 MiB');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}
