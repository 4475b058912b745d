/** One RFC 7662 exchange: an authenticated client sends the token once, in a form field. */
import { fetchJson, FetchJsonError, type FetchJson, type JsonAnswer } from '../lib/fetch-json.js';
import type { Now } from '../lib/types.js';
import { oddNumbers } from './number-spelling.js';

export type IntrospectionResponse = Readonly<Record<string, unknown>>;

export type IntrospectionAnswer =
  | {
      readonly kind: 'active';
      readonly response: IntrospectionResponse;
      /** JSON pointers of the numbers that are not written as plain integers. Absent: none. */
      readonly oddNumbers?: readonly string[];
    }
  | { readonly kind: 'inactive' };

/**
 * What an introspection without a result says about the server: `answered` with something else, `silent`, or nothing at
 * all, because the call failed in this process (`not_asked`).
 */
export type ServerState = 'answered' | 'silent' | 'not_asked';

/** The server's answer decides nothing. The message is safe to log. */
export class IntrospectionUnavailableError extends Error {
  override readonly name = 'IntrospectionUnavailableError';
  constructor(
    message: string,
    /** Seconds to wait, as the server requested. */
    readonly retryAfter?: number,
    readonly server: ServerState = 'answered',
  ) {
    super(message);
  }
}

export interface IntrospectionClient {
  readonly clientId: string;
  readonly clientSecret: string;
  readonly authMethod: 'basic' | 'post';
  readonly timeoutMs: number;
  readonly allowInsecureHttp: boolean;
  readonly ca?: readonly string[] | undefined;
  readonly now: Now;
  readonly fetchJson?: FetchJson;
}

const MAX_BYTES = 65_536;
const MAX_RETRY_AFTER = 3_600;

export async function introspect(
  url: string,
  token: string,
  client: IntrospectionClient,
): Promise<IntrospectionAnswer> {
  const ask = client.fetchJson ?? fetchJson;
  const { timeoutMs, allowInsecureHttp, ca } = client;
  const request = {
    method: 'POST',
    ...message(token, client),
    timeoutMs,
    allowInsecureHttp,
    ca,
    maxBytes: MAX_BYTES,
  } as const;
  const answer = await ask(url, request).catch((cause: unknown) => {
    const words = `introspection: ${cause instanceof Error ? cause.message : 'failed'}`;
    throw new IntrospectionUnavailableError(words, undefined, serverStateOf(cause));
  });
  return read(answer, client.now());
}

function serverStateOf(cause: unknown): ServerState {
  if (!(cause instanceof FetchJsonError)) return 'answered';
  if (cause.code === 'own_limit') return 'not_asked';
  return cause.code === 'timeout' || cause.code === 'network' ? 'silent' : 'answered';
}

/** URLSearchParams escapes the token, so `&token=` in it stays inside the field. */
function message(token: string, { clientId, clientSecret, authMethod }: IntrospectionClient) {
  const form = new URLSearchParams({ token });
  const headers: Record<string, string> = { 'content-type': 'application/x-www-form-urlencoded' };
  if (authMethod === 'post') {
    form.set('client_id', clientId);
    form.set('client_secret', clientSecret);
  } else {
    const pair = `${formEncoded(clientId)}:${formEncoded(clientSecret)}`;
    headers['authorization'] = `Basic ${Buffer.from(pair, 'utf8').toString('base64')}`;
  }
  return { headers, body: form.toString() };
}

/**
 * RFC 6749 §2.3.1: both parts are form-encoded before Basic joins them, so that a colon in one cannot move the
 * separator.
 */
function formEncoded(text: string): string {
  return new URLSearchParams([['', text]]).toString().slice(1);
}

/** Only 200 with an object decides (RFC 7662 §2.2). A refusal or an overload says nothing about the token. */
function read({ status, headers, body, text = '' }: JsonAnswer, now: number): IntrospectionAnswer {
  if (status !== 200) {
    throw new IntrospectionUnavailableError(
      `introspection: status ${status}`,
      retryAfter(headers.get('retry-after'), now),
    );
  }
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw new IntrospectionUnavailableError('introspection: the answer is not a JSON object');
  }
  const response = body as Record<string, unknown>;
  if (response['active'] !== true) return { kind: 'inactive' };
  const odd = oddNumbers(text);
  return { kind: 'active', response: deepFrozen(response), ...(odd.length > 0 && { oddNumbers: odd }) };
}

/** Seconds or a date (RFC 9110 §10.2.3), within limits. */
function retryAfter(value: string | null, now: number): number | undefined {
  if (value === null) return undefined;
  const seconds = /^\d{1,9}$/.test(value) ? Number(value) : Math.ceil((Date.parse(value) - now) / 1_000);
  return Number.isNaN(seconds) ? undefined : Math.min(Math.max(seconds, 1), MAX_RETRY_AFTER);
}

/** All requests with the token share the answer, so it is frozen: a handler must not change the claims. */
export function deepFrozen<T extends object>(value: T): T {
  for (const each of Object.values(value) as unknown[]) if (typeof each === 'object' && each !== null) deepFrozen(each);
  return Object.freeze(value);
}
