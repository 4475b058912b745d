/**
 * Requests that no HTTP server has parsed: of `inject()`, of serverless adapters, and of mocks. Each one gets the views of a
 * parsed request, so that all later code reads the fields in one form.
 */
import { EventEmitter } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import { isConnection } from '../lib/connection.js';
import { unknownClient } from './client-address.js';
import { distinctIn, joinedFields } from './fields.js';

export interface InjectedRequest {
  /** The name of the client. The address is a claim of the adapter, so it is in no list of addresses. */
  readonly client: string;
  /** Whether the fields come from `headers`. There two lines of one header are one value. */
  readonly merged: boolean;
  /** Why the request cannot be judged. The response is 500. */
  readonly fault?: string;
  /** Whether a field cannot exist in HTTP. The response is 400. */
  readonly malformed?: true;
}

type Fields = string[];

const NAME = /^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/;
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

/** Returns undefined for a request that Node has parsed from a connection. Never throws. */
export function adoptRequest(req: IncomingMessage): InjectedRequest | undefined {
  let client = unknownClient('no connection');
  try {
    const { socket, rawHeaders } = req as { readonly socket?: unknown; readonly rawHeaders?: unknown };
    if (isConnection(socket) && Array.isArray(rawHeaders)) return undefined;
    client = clientOf(socket);
    return adopt(req, client);
  } catch {
    return {
      client,
      merged: false,
      fault: 'a request object cannot be read or changed: pass the request of the server',
    };
  }
}

/** A claim can be text of the client: an adapter copies `X-Forwarded-For`. An address only chooses the bucket. */
function clientOf(socket: unknown): string {
  const { remoteAddress } = (socket ?? {}) as { readonly remoteAddress?: unknown };
  return unknownClient(typeof remoteAddress === 'string' && isIP(remoteAddress) > 0 ? remoteAddress : 'no connection');
}

function adopt(req: IncomingMessage, client: string): InjectedRequest {
  const { headers, rawHeaders, rawTrailers, trailers, method, url, httpVersion } = req as Partial<IncomingMessage>;
  if (typeof headers !== 'object' || headers === null) {
    return { client, merged: false, fault: 'a request object has no headers: pass the request of the server' };
  }
  const merged = !isList(rawHeaders) || rawHeaders.length === 0;
  const fields = merged ? fieldsOf(headers) : [...rawHeaders];
  const end = isList(rawTrailers) && rawTrailers.length > 0 ? [...rawTrailers] : fieldsOf(trailers ?? {});
  if (!fields || !end) {
    return {
      client,
      merged,
      fault: 'a request object has a header whose value is no text: pass text or a list of texts',
    };
  }
  const malformed = !isValid(fields) || !isValid(end);
  fix(req, {
    method: typeof method === 'string' ? method : '',
    url: typeof url === 'string' ? url : '',
    httpVersion: httpVersion ?? '1.1',
    rawHeaders: fields,
    headers: { ...ownText(headers), ...joinedFields(fields) },
    headersDistinct: distinctIn(fields),
    rawTrailers: end,
    ...(end.length > 0 && { trailers: joinedFields(end), trailersDistinct: distinctIn(end) }),
    ...(isObject(req.socket) ? {} : { socket: new EventEmitter() }),
  });
  return { client, merged, ...(malformed && { malformed }) };
}

const isObject = (value: unknown): boolean => typeof value === 'object' && value !== null;

function isList(value: unknown): value is string[] {
  return Array.isArray(value) && value.length % 2 === 0 && value.every((each) => typeof each === 'string');
}

/** Returns undefined if a value is no text. Two spellings of one name are two lines. */
function fieldsOf(headers: object): Fields | undefined {
  const fields: Fields = [];
  for (const [name, value] of Object.entries(headers) as [string, unknown][]) {
    for (const each of Array.isArray(value) ? (value as unknown[]) : [value]) {
      if (each === undefined || each === null) continue;
      if (typeof each !== 'string' && typeof each !== 'number') return undefined;
      fields.push(name.toLowerCase(), String(each));
    }
  }
  return fields;
}

/** Middleware before Loom may have added headers to `headers` alone. */
function ownText(headers: object): Record<string, string | string[]> {
  const own: Record<string, string | string[]> = {};
  for (const [name, value] of Object.entries(headers) as [string, unknown][]) {
    const key = name.toLowerCase();
    if (key !== '__proto__' && value !== undefined && value !== null) own[key] = value as string | string[];
  }
  return own;
}

function isValid(fields: Fields): boolean {
  return fields.every((text, at) => (at % 2 === 0 ? NAME : VALUE).test(text));
}

/**
 * Defines each view as data of this object. Otherwise an adapter could compute `headers` anew on each access, and a removed
 * identity header would be back.
 *
 * @throws TypeError if the object keeps its own view.
 */
function fix(req: IncomingMessage, views: Readonly<Record<string, unknown>>): void {
  for (const [name, value] of Object.entries(views)) {
    Object.defineProperty(req, name, { value, writable: true, configurable: true, enumerable: true });
    if ((req as unknown as Record<string, unknown>)[name] !== value) throw new TypeError(`${name} cannot be replaced`);
  }
}
