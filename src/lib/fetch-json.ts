/** Fetches one JSON document from an untrusted server, with a deadline, a size limit and no redirects. */
import type { IncomingMessage } from 'node:http';
import type { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';
import { AddressRefusedError, request, type PeerOptions } from './https-request.js';
import { ownLimitOf } from './own-limit.js';
import { parseStrictJson } from './strict-json.js';
import { urlProblem } from './tls-url.js';

export interface FetchJsonOptions extends PeerOptions {
  readonly method?: 'GET' | 'POST';
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** The limit of the whole exchange, including the last byte of the body. */
  readonly timeoutMs: number;
  /** The limit of the decoded body, so that a compressed body cannot expand without limit. */
  readonly maxBytes: number;
  readonly allowInsecureHttp: boolean;
}

export interface JsonAnswer {
  readonly status: number;
  readonly headers: Headers;
  /** The document of a 2xx response; undefined for any other status. The body of such a response is not read. */
  readonly body: unknown;
  /** The text of `body`, for callers that read the spelling of numbers. */
  readonly text?: string;
  /** The address of the server. Unknown behind a proxy. */
  readonly address?: string;
}

export type FetchJson = (url: string, options: FetchJsonOptions) => Promise<JsonAnswer>;

/** `own_limit`: this process or its machine has no resources left, so the error says nothing about the server. */
export type FetchJsonCode =
  'insecure_url' | 'refused_address' | 'timeout' | 'network' | 'own_limit' | 'redirect' | 'too_large' | 'not_json';

/** An exchange without a response. The message contains neither the URL nor data from the server. */
export class FetchJsonError extends Error {
  override readonly name = 'FetchJsonError';
  constructor(
    readonly code: FetchJsonCode,
    message: string,
  ) {
    super(message);
  }
}

/** Returns the JSON response of a server. Throws a FetchJsonError if there is none. */
export const fetchJson: FetchJson = async (url, options) => {
  const problem = urlProblem(url, options.allowInsecureHttp) ?? unverified(url);
  if (problem !== undefined) throw new FetchJsonError('insecure_url', `the URL ${problem}`);
  const deadline = AbortSignal.timeout(options.timeoutMs);
  try {
    return await exchange(url, options, deadline);
  } catch (cause) {
    if (cause instanceof FetchJsonError) throw cause;
    if (cause instanceof AddressRefusedError) throw new FetchJsonError('refused_address', cause.message);
    if (deadline.aborted) throw new FetchJsonError('timeout', `no answer within ${options.timeoutMs} ms`);
    if (isDecoderFault(cause)) throw new FetchJsonError('not_json', 'the body does not have its content coding');
    const own = ownLimitOf(cause);
    if (own) throw new FetchJsonError('own_limit', `${own.message} (${own.code})`);
    throw new FetchJsonError('network', `the exchange failed${systemCode(cause)}`);
  }
};

/** Node reads the variable at each handshake. A host or one of its libraries may have set it after the start. */
function unverified(url: string): string | undefined {
  return process.env.NODE_TLS_REJECT_UNAUTHORIZED === '0' && /^https:/i.test(url)
    ? 'is not asked while NODE_TLS_REJECT_UNAUTHORIZED=0 turns off every certificate check'
    : undefined;
}

async function exchange(url: string, options: FetchJsonOptions, signal: AbortSignal): Promise<JsonAnswer> {
  const { response, address } = await request(url, options, signal);
  const { statusCode: status = 0 } = response;
  const headers = headersOf(response);
  const answer = { status, headers, ...(address === undefined ? {} : { address }) };
  if (status >= 200 && status < 300) {
    const text = await readText(response, options.maxBytes);
    return { ...answer, body: parse(text), text };
  }
  response.destroy();
  if (status >= 300 && status < 400) {
    throw new FetchJsonError('redirect', `a redirect (${status}), which is never followed`);
  }
  return { ...answer, body: undefined };
}

function headersOf({ rawHeaders }: IncomingMessage): Headers {
  const headers = new Headers();
  for (let i = 0; i + 1 < rawHeaders.length; i += 2)
    headers.append(rawHeaders[i] as string, rawHeaders[i + 1] as string);
  return headers;
}

const DECODERS: Readonly<Record<string, () => Transform>> = {
  gzip: createGunzip,
  'x-gzip': createGunzip,
  deflate: createInflate,
  br: createBrotliDecompress,
};

async function readText(response: IncomingMessage, maxBytes: number): Promise<string> {
  const encoding = response.headers['content-encoding']?.trim().toLowerCase();
  const chunks: Buffer[] = [];
  let size = 0;
  const collect = async (body: AsyncIterable<Buffer>): Promise<void> => {
    for await (const chunk of body) {
      size += chunk.byteLength;
      if (size > maxBytes) throw new FetchJsonError('too_large', `the body has more than ${maxBytes} bytes`);
      chunks.push(chunk);
    }
  };
  // The pipeline destroys the response on a fault, and so closes the connection.
  if (encoding === undefined || encoding === '' || encoding === 'identity') await pipeline(response, collect);
  else await pipeline(response, decoderOf(encoding, response), collect);
  return decode(Buffer.concat(chunks));
}

function decoderOf(encoding: string, response: IncomingMessage): Transform {
  const create = Object.hasOwn(DECODERS, encoding) ? DECODERS[encoding] : undefined;
  if (create) return create();
  response.destroy();
  throw new FetchJsonError('not_json', 'the body has an unknown content coding');
}

/** Errors of gzip, deflate and Brotli. The server answered, so the exchange itself did not fail. */
function isDecoderFault(cause: unknown): boolean {
  const { code } = cause as { readonly code?: unknown };
  return typeof code === 'string' && /^(?:Z_|ERR__ERROR_|ERR_BROTLI_)/.test(code);
}

/** RFC 8259 §8.1: UTF-8 without a byte order mark. Invalid bytes are an error, not replaced. */
function decode(bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new FetchJsonError('not_json', 'the body is not UTF-8');
  }
}

function parse(text: string): unknown {
  try {
    return parseStrictJson(text);
  } catch (cause) {
    throw new FetchJsonError('not_json', `the body is refused: ${(cause as Error).message}`);
  }
}

/**
 * Returns a text such as ` (ECONNREFUSED)`. The code of the system is safe to log; the message of a library may quote
 * the peer.
 */
function systemCode(thrown: unknown): string {
  const { code } = thrown as { readonly code?: unknown };
  return typeof code === 'string' && /^[A-Z0-9_]{1,64}$/.test(code) ? ` (${code})` : '';
}
