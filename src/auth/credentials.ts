/** The places of credentials in a request, and a reader that detects a second credential. */
import type { IncomingMessage } from 'node:http';

/** A configured place of a credential. Header and scheme names are lower case. */
export type Place =
  | { readonly in: 'header'; readonly name: string; readonly scheme?: string }
  | { readonly in: 'query'; readonly name: string }
  | { readonly in: 'cookie'; readonly name: string }
  | { readonly in: 'subprotocol'; readonly name: string };

export type Offer =
  | { readonly kind: 'none' }
  | { readonly kind: 'one'; readonly value: string; readonly place: Place }
  /** The place is used, but its value is not a credential (`Bearer,x`). */
  | { readonly kind: 'malformed' }
  /** Two credentials of one kind: a header sent twice, or two tokens in two places. */
  | { readonly kind: 'many' };

/** The usual place of the credential of an auth method without configured places (a host strategy, a plugin). */
export const USUAL_PLACES: readonly Place[] = [{ in: 'header', name: 'authorization' }];

/** The places that a method reads. A method with unknown places reads the usual place. */
export function placesRead(reader: { readonly places: readonly Place[]; readonly ambient: unknown }): readonly Place[] {
  return reader.places.length === 0 && reader.ambient === 'unknown' ? USUAL_PLACES : reader.places;
}

/** A place in words, for diagnostics. */
export function placeWords(place: Place): string {
  const scheme = place.in === 'header' && place.scheme ? ` (${place.scheme})` : '';
  return `${place.in} ${place.name}${scheme}`;
}

const NO_VALUES: readonly string[] = [];
const NONE: Offer = { kind: 'none' };
const MALFORMED: Offer = { kind: 'malformed' };
const MANY: Offer = { kind: 'many' };

/** Decides that a method does not read a value in a place. Another method may read the value. */
export type Skips = (value: string, place: Place) => boolean;

const SKIPS_NONE: Skips = () => false;

/**
 * Returns the one credential in the given places (RFC 6750 §2: never more than one). An empty value is no credential.
 * One value in several places is one credential. Two lines of one field are two credentials, even if one is empty.
 */
export function readOffer(request: IncomingMessage, places: readonly Place[], skips = SKIPS_NONE): Offer {
  let offer = NONE;
  for (const place of places) {
    const here = readPlace(request, place);
    if (here.kind === 'many') return MANY;
    if (here.kind === 'none' || (here.kind === 'one' && skips(here.value, place))) continue;
    if (offer.kind === 'none') offer = here;
    else if (!isSameCredential(offer, here)) return MANY;
  }
  return offer;
}

function isSameCredential(left: Offer, right: Offer): boolean {
  return left.kind === 'one' && right.kind === 'one' && left.value === right.value;
}

/**
 * Whether one of the places has a value, in any scheme. A client that sends `Token eyJ…` where `Bearer` is configured
 * must not be admitted as anonymous. A configured scheme without a credential is no value.
 */
export function isOfferedInAnyScheme(request: IncomingMessage, places: readonly Place[]): boolean {
  const isBareScheme = (name: string, value: string): boolean =>
    places.some((place) => place.in === 'header' && place.name === name && place.scheme === value.toLowerCase());
  return places.some((place) => {
    if (place.in !== 'header') return readPlace(request, place).kind !== 'none';
    const values = headerValues(request, place.name);
    const value = trimSpace(values[0] ?? '');
    return values.length > 1 || (value !== '' && !isBareScheme(place.name, value));
  });
}

/** Returns the credential of each place, independent of the other places. */
export function readEach(request: IncomingMessage, places: readonly Place[]): readonly string[] {
  return places.flatMap((place) => {
    const offer = readPlace(request, place);
    return offer.kind === 'one' ? [offer.value] : [];
  });
}

/** The values of all cookies, with and without their double quotes. */
export function everyCookie(request: IncomingMessage): readonly string[] {
  const pairs = headerValues(request, 'cookie').join(';').split(';');
  const values = pairs.map((pair) => trimSpace(pair.slice(pair.indexOf('=') + 1))).filter((value) => value !== '');
  return [...new Set(values.flatMap((value) => [value, unquoted(value)]))];
}

function readPlace(request: IncomingMessage, place: Place): Offer {
  switch (place.in) {
    case 'header':
      return readHeader(request.rawHeaders, place);
    case 'query':
      return readList(queryValues(request.url ?? '', place.name), place);
    case 'cookie':
      return readList(cookieValues(headerValues(request, 'cookie'), place.name), place);
    case 'subprotocol':
      return readSubprotocol(headerValues(request, 'sec-websocket-protocol'), place);
  }
}

function readHeader(raw: readonly string[], place: Place & { in: 'header' }): Offer {
  const { name, scheme = '' } = place;
  let value: string | undefined;
  for (let at = 0; at + 1 < raw.length; at += 2) {
    const field = raw[at] as string;
    if (field.length !== name.length || field.toLowerCase() !== name) continue;
    if (value !== undefined) return MANY;
    value = raw[at + 1];
  }
  if (value === undefined) return NONE;
  if (scheme === '') return isBlank(value, 0) ? NONE : { kind: 'one', value, place };
  const end = scheme.length;
  if (!hasScheme(value, scheme) || isBlank(value, end)) return NONE;
  if (value.charCodeAt(end) !== SPACE) return MALFORMED;
  let start = end;
  while (value.charCodeAt(start) === SPACE) start++;
  return { kind: 'one', value: value.slice(start), place };
}

const SPACE = 0x20;
const TAB = 0x09;

/** Whether nothing but spaces and tabs follows. */
function isBlank(text: string, from: number): boolean {
  for (let at = from; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code !== SPACE && code !== TAB) return false;
  }
  return true;
}

/**
 * Whether a value begins with a scheme, in any letter case. The scheme is in lower case. A scheme is a token (RFC 9110 §11.1). It ends at the first
 * character that a token cannot contain.
 */
export function hasScheme(value: string, scheme: string): boolean {
  const end = scheme.length;
  if (value.length < end || (value.length > end && TOKEN.test(value.charAt(end)))) return false;
  for (let at = 0; at < end; at++) {
    const code = value.charCodeAt(at);
    const isUpper = code >= 0x41 && code <= 0x5a;
    if ((isUpper ? code + 0x20 : code) !== scheme.charCodeAt(at)) return false;
  }
  return true;
}

const TOKEN = /^[A-Za-z0-9!#$%&'*+.^_`|~-]$/;

function readList(values: readonly string[], place: Place): Offer {
  if (values.length === 0) return NONE;
  if (values.length > 1) return MANY;
  const value = values[0] ?? '';
  // The value of a query parameter is decoded: a space in it was sent as `%20`, and is a value.
  const isEmpty = place.in === 'query' ? value === '' : trimSpace(value) === '';
  return isEmpty ? NONE : { kind: 'one', value, place };
}

function readSubprotocol(values: readonly string[], place: Place): Offer {
  if (values.length === 0) return NONE;
  const entries = listItems(values.join(','));
  const markers = entries.flatMap((entry, at) => (entry.toLowerCase() === place.name ? [at] : []));
  const [at] = markers;
  if (at === undefined) return NONE;
  if (markers.length > 1) return MANY;
  const value = entries[at + 1];
  return value === undefined ? NONE : { kind: 'one', value, place };
}

/** Spaces and tabs are the only white space of HTTP (RFC 9110 §5.6.3). `trim` also removes a no-break space. */
function trimSpace(text: string): string {
  return text.replace(/^[ \t]+/, '').replace(/(?<![ \t])[ \t]+$/, '');
}

/**
 * The items of a list. Empty items do not count (RFC 9110 §5.6.1): a parser that skips them finds the token of
 * `bearer,,`.
 */
export function listItems(list: string): string[] {
  return list
    .split(',')
    .map(trimSpace)
    .filter((item) => item !== '');
}

/** Every value of a header as sent, in order. Node's `headers` joins or drops duplicates; `rawHeaders` does not. */
export function headerValues(request: IncomingMessage, name: string): readonly string[] {
  const raw = request.rawHeaders;
  let values: string[] | undefined;
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const field = raw[i] as string;
    if (field.length === name.length && field.toLowerCase() === name) (values ??= []).push(raw[i + 1] as string);
  }
  return values ?? NO_VALUES;
}

/** The decoded values of one query parameter. `+` is a space. A text with a broken escape is returned unchanged. */
export function queryValues(url: string, name: string): readonly string[] {
  const at = url.indexOf('?');
  if (at < 0) return NO_VALUES;
  const values: string[] = [];
  for (const pair of url.slice(at + 1).split('&')) {
    const equals = pair.indexOf('=');
    const key = equals < 0 ? pair : pair.slice(0, equals);
    if (decodeForm(key) === name) values.push(equals < 0 ? '' : decodeForm(pair.slice(equals + 1)));
  }
  return values;
}

/** Decodes one application/x-www-form-urlencoded component. A text with a broken escape is returned unchanged. */
export function decodeForm(text: string): string {
  if (!/[%+]/.test(text)) return text;
  const spaced = text.replaceAll('+', ' ');
  try {
    return decodeURIComponent(spaced);
  } catch {
    return spaced;
  }
}

/** RFC 6265 §4.1.1: a cookie value may be in double quotes. Two quotes alone are a value. */
function unquoted(value: string): string {
  return /^"[^"]+"$/.test(value) ? value.slice(1, -1) : value;
}

function cookieValues(headers: readonly string[], name: string): readonly string[] {
  if (headers.length === 0) return NO_VALUES;
  const values: string[] = [];
  for (const pair of headers.join(';').split(';')) {
    const equals = pair.indexOf('=');
    if (equals >= 0 && pair.slice(0, equals).trim() === name) values.push(unquoted(trimSpace(pair.slice(equals + 1))));
  }
  return values;
}
