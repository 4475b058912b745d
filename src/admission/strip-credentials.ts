/** Empties every configured credential place before a request is forwarded, except places that may be forwarded. */
import type { IncomingMessage } from 'node:http';
import { decodeForm, hasScheme, listItems, type Place } from '../auth/credentials.js';
import { foldName } from '../http/header-policy.js';
import type { FieldEdit } from '../http/fields.js';

/**
 * The places whose credential granted the request and may be forwarded. Query and subprotocol credentials are never
 * forwarded.
 */
export type Kept = ReadonlySet<Place> | ((place: Place) => boolean);

type HeaderPlace = Extract<Place, { in: 'header' }>;

/** Returns the edit that empties the places in the headers of one request. */
export function credentialRemoval(req: IncomingMessage, places: readonly Place[], kept: Kept): FieldEdit {
  const stays = typeof kept === 'function' ? kept : (place: Place): boolean => kept.has(place);
  const { headers, cookies: all, parameters, protocols } = sort(places);
  const cookies = all.length === 0 ? NONE : namesToEmpty(all, stays);
  const offered = protocols.size > 0 ? withoutTokens(req.headers['sec-websocket-protocol'], protocols) : undefined;
  let first = true;
  return (name, value) => {
    if (name === 'cookie' && cookies.size > 0) return withoutCookies(value, cookies);
    // A browser that came from `/?api_key=…` repeats the key in `Referer`, and upstreams log it.
    if (name === 'referer') return withoutParameters(value, parameters);
    if (name === 'sec-websocket-protocol' && offered !== undefined) {
      // The token may be in the line after `bearer`. All lines are read as one list and forwarded as one line.
      const line = first ? offered : '';
      first = false;
      return line === '' ? undefined : line;
    }
    return goesOn(headers, stays, { name, value }) ? value : undefined;
  };
}

/**
 * Returns the URL without credentials. Every other byte is unchanged.
 *
 * @example withoutCredentials('/a?x=1&api%5Fkey=s&y', [{ in: 'query', name: 'api_key' }]) // '/a?x=1&y'
 */
export function withoutCredentials(url: string, places: readonly Place[]): string {
  return withoutParameters(url, sort(places).parameters);
}

interface Sorted {
  readonly headers: readonly HeaderPlace[];
  readonly cookies: readonly Place[];
  readonly parameters: ReadonlySet<string>;
  readonly protocols: ReadonlySet<string>;
}

const NONE: ReadonlySet<string> = new Set();
/** A gateway uses one list for all its requests. */
const known = new WeakMap<readonly Place[], Sorted>();

function sort(places: readonly Place[]): Sorted {
  let sorted = known.get(places);
  if (!sorted) {
    sorted = {
      headers: places.filter((place): place is HeaderPlace => place.in === 'header'),
      cookies: places.filter((place) => place.in === 'cookie'),
      parameters: namesOf(places, 'query'),
      protocols: namesOf(places, 'subprotocol'),
    };
    known.set(places, sorted);
  }
  return sorted;
}

function namesOf(places: readonly Place[], where: Place['in']): ReadonlySet<string> {
  return new Set(places.filter((place) => place.in === where).map((place) => place.name));
}

/** If one auth method may keep a cookie name and another may not, the cookie stays. It is the same credential. */
function namesToEmpty(cookies: readonly Place[], stays: (place: Place) => boolean): ReadonlySet<string> {
  const names = new Set(cookies.map((place) => place.name));
  for (const place of cookies) if (stays(place)) names.delete(place.name);
  return names;
}

/** A header that several auth methods read is forwarded if one of the methods allows it. */
function goesOn(
  headers: readonly HeaderPlace[],
  stays: (place: Place) => boolean,
  { name, value }: { readonly name: string; readonly value: string },
): boolean {
  let claimed = false;
  for (const place of headers) {
    if (holds(place, name, value)) {
      if (stays(place)) return true;
      claimed = true;
    }
  }
  if (claimed) return false;
  for (const place of headers) if (isAlias(place, name)) return false;
  return true;
}

function holds(place: HeaderPlace, name: string, value: string): boolean {
  if (name !== place.name) return false;
  return place.scheme === undefined || place.scheme === '' || hasScheme(value, place.scheme);
}

/** `X_API_Key` next to `X-API-Key` is not verified. A CGI upstream would read both as one header. */
function isAlias({ name: known }: HeaderPlace, name: string): boolean {
  return name.length === known.length && name !== known && foldName(name) === foldName(known);
}

function withoutCookies(line: string, names: ReadonlySet<string>): string | undefined {
  const pairs = line.split(';');
  const left = pairs.filter((pair) => !names.has((pair.split('=', 1)[0] ?? '').trim()));
  if (left.length === pairs.length) return line;
  const text = left.join(';').trim();
  return text === '' ? undefined : text;
}

/** Whether a whole field line is a credential in one of the places that may be forwarded. */
export function isKept(kept: ReadonlySet<Place>, name: string, value: string): boolean {
  for (const place of kept) if (place.in === 'header' && holds(place, name, value)) return true;
  return false;
}

/** Returns the list without each marker and the entry after it, or undefined if nothing changes. */
function withoutTokens(list: string | undefined, markers: ReadonlySet<string>): string | undefined {
  if (list === undefined) return undefined;
  const entries = listItems(list);
  const left: string[] = [];
  for (let at = 0; at < entries.length; at++) {
    const entry = entries[at] as string;
    if (markers.has(entry.toLowerCase())) at++;
    else left.push(entry);
  }
  return left.length === entries.length ? undefined : left.join(', ');
}

function withoutParameters(url: string, names: ReadonlySet<string>): string {
  const at = url.indexOf('?');
  if (at < 0 || names.size === 0) return url;
  const pairs = url.slice(at + 1).split('&');
  const left = pairs.filter((pair) => !names.has(decodeForm(pair.split('=', 1)[0] ?? '')));
  if (left.length === pairs.length) return url;
  return left.length === 0 ? url.slice(0, at) : `${url.slice(0, at)}?${left.join('&')}`;
}
