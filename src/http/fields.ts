/** Edits the headers of a request in every view of Node: `headers`, `headersDistinct`, `rawHeaders`. */
import type { IncomingMessage } from 'node:http';
import { IncomingMessage as NodeRequest } from './node-http.js';

/**
 * A request of Loom's own server. No other code has a reference to its `headers`, so the object may be replaced.
 * `headersDistinct` is derived from `rawHeaders` on access, so the two views never differ.
 */
export class OwnRequest extends NodeRequest {}

Object.defineProperty(OwnRequest.prototype, 'headersDistinct', {
  get: function (this: IncomingMessage) {
    return distinctIn(this.rawHeaders);
  },
});

/** Headers of which Node's `headers` keeps only the first line. */
const FIRST_ONLY = new Set(
  (
    'age authorization content-length content-type etag expires from host if-modified-since if-unmodified-since ' +
    'last-modified location max-forwards proxy-authorization referer retry-after server user-agent'
  ).split(' '),
);

/** Returns the value of a field line, a new value, or undefined to remove the line. The name is in lower case. */
export type FieldEdit = (name: string, value: string) => string | undefined;

/**
 * Keeps or changes each field line. A field named `__proto__` is always removed: it breaks `headersDistinct`
 * (CVE-2026-21710).
 */
export function editFields(req: IncomingMessage, edit: FieldEdit): void {
  const raw = req.rawHeaders;
  let edited: Edited | undefined;
  for (let at = 0; at + 1 < raw.length; at += 2) {
    const field = raw[at] as string;
    const value = raw[at + 1] as string;
    const name = field.toLowerCase();
    const next = name === '__proto__' ? undefined : edit(name, value);
    if (next === value) {
      edited?.fields.push(field, value);
      continue;
    }
    edited ??= { fields: raw.slice(0, at), touched: new Set() };
    edited.touched.add(name);
    if (next !== undefined) edited.fields.push(field, next);
  }
  if (edited) replaceFields(req, edited);
}

/** Removes headers that an earlier middleware added to `headers` only. No middleware has a request of Loom's own server. */
export function dropUnsent(req: IncomingMessage, drops: (name: string) => boolean): void {
  if (req instanceof OwnRequest) return;
  let sent: Set<string> | undefined;
  for (const name of Object.keys(req.headers)) {
    if (!drops(name)) continue;
    sent ??= new Set(req.rawHeaders.flatMap((field, at) => (at % 2 === 0 ? [field.toLowerCase()] : [])));
    if (!sent.has(name)) delete req.headers[name];
  }
}

interface Edited {
  readonly fields: string[];
  readonly touched: Set<string>;
}

/** Sets a header to one value and replaces earlier values. */
export function setField(req: IncomingMessage, name: string, value: string): void {
  const key = name.toLowerCase();
  // Checks `rawHeaders`, because an earlier middleware may have deleted the header from `headers` only.
  if (isSent(req.rawHeaders, key)) editFields(req, (each, sent) => (each === key ? undefined : sent));
  req.headers[key] = value;
  if (!(req instanceof OwnRequest)) distinctOf(req)[key] = [value];
  req.rawHeaders.push(name, value);
}

function isSent(raw: readonly string[], key: string): boolean {
  for (let at = 0; at < raw.length; at += 2) {
    const name = raw[at] as string;
    if (name.length === key.length && name.toLowerCase() === key) return true;
  }
  return false;
}

function replaceFields(req: IncomingMessage, { fields, touched }: Edited): void {
  if (req instanceof OwnRequest) {
    req.headers = withTouched(req.headers, { fields, touched });
    req.rawHeaders = fields;
    return;
  }
  // Reads both views before the change. Node builds them on first use, with a field count from the time when the head
  // arrived.
  const headers = req.headers;
  const distinct = distinctOf(req);
  req.rawHeaders.length = 0;
  for (const part of fields) req.rawHeaders.push(part);
  for (const [name, values] of valuesOf(touched, fields)) {
    if (values.length === 0) {
      delete headers[name];
      delete distinct[name];
      continue;
    }
    headers[name] = combined(name, values);
    distinct[name] = [...values];
  }
}

/** Creates a new object. An object with deleted members is slow to copy, and the proxy copies it. */
function withTouched(headers: IncomingMessage['headers'], { fields, touched }: Edited): IncomingMessage['headers'] {
  const left: IncomingMessage['headers'] = {};
  for (const name of Object.keys(headers)) if (!touched.has(name)) left[name] = headers[name];
  // The usual edit removes the only lines of a few fields.
  if (touched.size <= FEW && !areSent(fields, touched)) return left;
  for (const [name, values] of valuesOf(touched, fields)) if (values.length > 0) left[name] = combined(name, values);
  return left;
}

const FEW = 4;

function areSent(raw: readonly string[], keys: ReadonlySet<string>): boolean {
  for (const key of keys) if (isSent(raw, key)) return true;
  return false;
}

/** Returns `headers` of field lines, as Node combines them. A field named `__proto__` is left out. */
export function joinedFields(fields: readonly string[]): Record<string, string | string[]> {
  const joined: Record<string, string | string[]> = {};
  for (const [name, values] of Object.entries(distinctIn(fields))) {
    if (name !== '__proto__' && values) joined[name] = combined(name, values);
  }
  return joined;
}

function combined(name: string, values: readonly string[]): string | string[] {
  return name === 'set-cookie' ? [...values] : joined(name, values);
}

/**
 * Reads all names in one pass. Otherwise a client that sends many spellings of one name would cause one pass per
 * spelling.
 */
function valuesOf(touched: ReadonlySet<string>, fields: readonly string[]): ReadonlyMap<string, readonly string[]> {
  const values = new Map<string, string[]>([...touched].map((name) => [name, []]));
  for (let at = 0; at + 1 < fields.length; at += 2) {
    values.get((fields[at] as string).toLowerCase())?.push(fields[at + 1] as string);
  }
  return values;
}

function joined(name: string, values: readonly string[]): string {
  if (FIRST_ONLY.has(name)) return values[0] as string;
  return values.join(name === 'cookie' ? '; ' : ', ');
}

function distinctOf(req: IncomingMessage): NodeJS.Dict<string[]> {
  try {
    // The requests of an HTTP/2 host do not have this view.
    const distinct = req.headersDistinct as NodeJS.Dict<string[]> | undefined;
    if (distinct) return distinct;
  } catch {
    // Node versions before the fix of CVE-2026-21710 throw here on a field named `__proto__`.
  }
  const own = distinctIn(req.rawHeaders);
  Object.defineProperty(req, 'headersDistinct', { value: own, configurable: true, enumerable: true });
  return own;
}

/** Returns `headersDistinct` of field lines. */
export function distinctIn(raw: readonly string[]): NodeJS.Dict<string[]> {
  const distinct = Object.create(null) as NodeJS.Dict<string[]>;
  for (let at = 0; at + 1 < raw.length; at += 2) {
    (distinct[(raw[at] as string).toLowerCase()] ??= []).push(raw[at + 1] as string);
  }
  return distinct;
}
