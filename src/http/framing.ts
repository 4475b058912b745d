/** Refuses a request with ambiguous framing or an ambiguous `Host`, before any decision uses them. */
import type { IncomingMessage } from 'node:http';
import { familyOf, foldName } from './header-policy.js';
import { hasKnownVersion } from './http-version.js';
import type { DenialCode } from './problem.js';

export interface BadFraming {
  readonly status: 400 | 431;
  readonly code: Extract<DenialCode, 'bad_request' | 'too_many_headers'>;
  /** For the log. */
  readonly detail: () => string;
}

/**
 * Some Node versions silently drop fields after the first 1,000 (CVE-2026-58044). Loom's headers must never be dropped.
 */
export const MAX_FIELDS = 100;

const bad = (text: string): BadFraming => ({ status: 400, code: 'bad_request', detail: () => text });
const TOO_MANY: BadFraming = {
  status: 431,
  code: 'too_many_headers',
  detail: () => `the request has more than ${MAX_FIELDS} header fields`,
};
const BAD_METHOD = bad('the HTTP method or the HTTP version is unknown');
const BAD_CONNECTION = bad('Connection names a header of the framing, Host, or a header of a credential');
const BAD_SPELLING = bad('a header name is an unusual spelling of a header of the framing');
const BAD_HOST = bad('Host is missing, doubled or not a plain authority');
const BAD_LENGTH = bad('Content-Length and Transfer-Encoding are doubled, combined or not plain');

const REG_NAME = /^[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*\.?(?::\d{1,5})?$/;
/**
 * An HTTP/2 client may send `post`. It matches no route of `POST`, but Node's client and Express convert it to `POST`.
 */
const METHOD = /^[A-Z]+(?:-[A-Z]+)*$/;
const IPV6 = /^\[[0-9A-Fa-f:.]+\](?::\d{1,5})?$/;

/** `hostIsOptional`: without a connection no second parser reads the request. */
export type FramingCheck = (req: IncomingMessage, hostIsOptional?: boolean) => BadFraming | undefined;

/** Compiles the check. `credentialHeaders` are all headers from which a credential is read. */
export function createFramingCheck(credentialHeaders: readonly string[]): FramingCheck {
  const unnamable = new Set(credentialHeaders.map(foldName));
  return (req, hostIsOptional = false) => check(req, unnamable, hostIsOptional);
}

function check(req: IncomingMessage, unnamable: ReadonlySet<string>, hostIsOptional: boolean): BadFraming | undefined {
  if (!hasKnownVersion(req) || !METHOD.test(req.method ?? '')) return BAD_METHOD;
  const raw = req.rawHeaders;
  if (raw.length / 2 > MAX_FIELDS) return TOO_MANY;
  const hosts: string[] = [];
  const encodings: string[] = [];
  const lengths: string[] = [];
  for (let at = 0; at + 1 < raw.length; at += 2) {
    const name = (raw[at] as string).toLowerCase();
    const value = raw[at + 1] as string;
    // An HTTP/2 host shows `:authority` in addition to `host`. Two different values are two sites.
    if (name === 'host' || (name === ':authority' && value !== req.headers.host)) hosts.push(value);
    else if (name === 'transfer-encoding') encodings.push(value);
    else if (name === 'content-length') lengths.push(value);
    else if (name === 'connection') {
      if (namesAny(value, unnamable)) return BAD_CONNECTION;
    } else if (familyOf(name)?.oneSpelling === true && foldName(name) !== name) return BAD_SPELLING;
  }
  if (!isOneHost(hosts, hostIsOptional || req.httpVersion === '1.0')) return BAD_HOST;
  return isClear(encodings, lengths, req.httpVersion) ? undefined : BAD_LENGTH;
}

function namesAny(value: string, unnamable: ReadonlySet<string>): boolean {
  const names = value.split(',').map((token) => foldName(token.trim()));
  return names.some((name) => unnamable.has(name) || familyOf(name)?.unnamable === true);
}

/** RFC 9112 §3.2: requires exactly one `Host` with a plain authority. HTTP/1.0 may omit it. */
function isOneHost(hosts: readonly string[], isOptional: boolean): boolean {
  const [host] = hosts;
  if (host === undefined) return isOptional;
  return hosts.length === 1 && host.length <= 261 && (REG_NAME.test(host) || IPV6.test(host));
}

/** RFC 9112 §6: requires one framing, in the only spelling that all parsers read in the same way. */
function isClear(encodings: readonly string[], lengths: readonly string[], version: string): boolean {
  if (encodings.length === 0) return lengths.length <= 1 && lengths.every((length) => /^\d{1,15}$/.test(length));
  return (
    encodings.length === 1 && encodings[0]?.toLowerCase() === 'chunked' && lengths.length === 0 && version === '1.1'
  );
}
