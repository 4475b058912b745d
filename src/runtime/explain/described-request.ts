/** Reads the description of a request, and writes it as the bytes that a client would send. */
import { isIP } from 'node:net';
import { UNIX_PEER } from '../../lib/address.js';
import type { ExplainRequest } from './explanation.js';

export interface DescribedRequest {
  /** The head of the request, as sent. */
  readonly head: Buffer;
  readonly method: string;
  readonly target: string;
  /** Undefined for a URL without a scheme. */
  readonly scheme: 'http' | 'https' | undefined;
  readonly port: number | undefined;
  /** Neither the URL nor the headers have a host. */
  readonly isHostAssumed: boolean;
  /** An address or `unix`. Undefined: what the listener suggests. */
  readonly from: string | undefined;
  readonly certificate: string | undefined;
  /** Milliseconds since the epoch; undefined: now. */
  readonly at: number | undefined;
}

const TOKEN = /^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/;

const MEMBERS: ReadonlySet<string> = new Set(['method', 'url', 'headers', 'from', 'certificate', 'at']);

type Field = readonly [name: string, value: string];

const URL_PARTS = /^(?:(https?|wss?):\/\/([^/?#]*))?([^#]*)/is;
const MOST_FIELDS = 2_000;
const LONGEST_HEAD = 1_048_576;

/** @throws {TypeError} The description is not a request. The message has no value of the description. */
export function readDescription(given: unknown): DescribedRequest {
  if (typeof given !== 'object' || given === null) throw new TypeError('explain() needs a request such as { url }');
  const unknown = Object.keys(given).some((name) => !MEMBERS.has(name));
  if (unknown) throw new TypeError(`explain: a request has only ${[...MEMBERS].join(', ')}`);
  const { method = 'GET', url, headers, from, certificate, at } = given as Partial<ExplainRequest>;
  if (typeof url !== 'string' || url === '') throw new TypeError('explain: url must be a text');
  if (typeof method !== 'string' || !TOKEN.test(method)) throw new TypeError('explain: method must be an HTTP method');
  if (from !== undefined && !isPeer(from)) throw new TypeError('explain: from must be an IP address, or unix');
  if (certificate !== undefined && typeof certificate !== 'string')
    throw new TypeError('explain: certificate must be PEM text');
  const [, scheme, authority, rest = ''] = URL_PARTS.exec(url) ?? [];
  if (scheme === undefined && !rest.startsWith('/') && !rest.startsWith('*'))
    throw new TypeError('explain: url must begin with https://, http:// or /');
  const target = rest === '' || rest.startsWith('?') ? `/${rest}` : rest;
  refuseUnsendable(target, /[ \t\r\n\0]/, 'url has white space');
  const fields = fieldsOf(headers);
  const host = authority === undefined ? undefined : authority.slice(authority.lastIndexOf('@') + 1);
  const named = fields.some(([name]) => name.toLowerCase() === 'host');
  const all = named ? fields : [['Host', host ?? 'localhost'] as const, ...fields];
  return {
    head: headOf(`${method} ${target}`, all),
    method,
    target,
    scheme: scheme && /s$/i.test(scheme) ? 'https' : scheme ? 'http' : undefined,
    port: portIn(host),
    isHostAssumed: !named && host === undefined,
    from,
    certificate,
    at: timeOf(at),
  };
}

const isPeer = (from: unknown): boolean => from === UNIX_PEER || (typeof from === 'string' && isIP(from) > 0);

function fieldsOf(headers: unknown): readonly Field[] {
  if (headers === undefined) return [];
  if (typeof headers !== 'object' || headers === null)
    throw new TypeError('explain: headers must be an object or a list');
  const entries: readonly unknown[] = Array.isArray(headers) ? headers : Object.entries(headers);
  const fields = entries.flatMap((entry): readonly Field[] => {
    const [name, value] = (Array.isArray(entry) ? entry : []) as [unknown, unknown];
    if (value === undefined && typeof name === 'string') return [];
    return (Array.isArray(value) ? value : [value]).map((each) => fieldOf(name, each));
  });
  if (fields.length > MOST_FIELDS) throw new TypeError(`explain: more than ${MOST_FIELDS} headers`);
  return fields;
}

function fieldOf(name: unknown, value: unknown): Field {
  if (typeof name !== 'string' || !TOKEN.test(name)) throw new TypeError('explain: a header has no valid name');
  if (typeof value !== 'string') throw new TypeError(`explain: the header ${name} must be a text`);
  refuseUnsendable(value, /[\r\n\0]/, `the header ${name} has a line end or a NUL`);
  return [name, value];
}

function refuseUnsendable(text: string, pattern: RegExp, words: string): void {
  if (pattern.test(text)) throw new TypeError(`explain: ${words}, which no client can send`);
}

/** Node reads a header as Latin-1. A text that Latin-1 cannot hold is sent as UTF-8, as curl does. */
function headOf(start: string, fields: readonly Field[]): Buffer {
  const lines = [`${start} HTTP/1.1`, ...fields.map(([name, value]) => `${name}: ${value}`), '', ''];
  const head = Buffer.concat(lines.map((line, at) => bytesOf(at === lines.length - 1 ? line : `${line}\r\n`)));
  if (head.length > LONGEST_HEAD) throw new TypeError('explain: the request is longer than 1 MiB');
  return head;
}

function bytesOf(line: string): Buffer {
  const isLatin = !/[^\0-\xff]/.test(line);
  return Buffer.from(line, isLatin ? 'latin1' : 'utf8');
}

function portIn(host: string | undefined): number | undefined {
  const [, port] = /:(\d{1,5})$/.exec(host ?? '') ?? [];
  return port === undefined ? undefined : Number(port);
}

function timeOf(at: unknown): number | undefined {
  if (at === undefined) return undefined;
  const time = at instanceof Date ? at.getTime() : typeof at === 'string' ? Date.parse(at) : at;
  if (typeof time !== 'number' || Number.isNaN(new Date(time).getTime()))
    throw new TypeError('explain: at must be a time such as 2030-01-31T12:00:00Z');
  return time;
}
