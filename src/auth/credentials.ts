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
  /** The place is used, but its value is not a credential (an empty key, `Bearer` alone). */
  | { readonly kind: 'malformed' }
  /** Two credentials of one kind: a header sent twice, or a token in two places. */
  | { readonly kind: 'many' };

const NONE: Offer = { kind: 'none' };
const MALFORMED: Offer = { kind: 'malformed' };
const MANY: Offer = { kind: 'many' };

/** Returns the one credential in the given places (RFC 6750 §2: never more than one). */
export function readOffer(request: IncomingMessage, places: readonly Place[]): Offer {
  let offer = NONE;
  for (const place of places) {
    const here = readPlace(request, place);
    if (here.kind === 'none') continue;
    if (here.kind === 'many' || offer.kind !== 'none') return MANY;
    offer = here;
  }
  return offer;
}

/** Returns the credential of each place, independent of the other places. */
export function readEach(request: IncomingMessage, places: readonly Place[]): readonly string[] {
  return places.flatMap((place) => {
    const offer = readPlace(request, place);
    return offer.kind === 'one' ? [offer.value] : [];
  });
}

/** The values of all cookies. */
export function everyCookie(request: IncomingMessage): readonly string[] {
  const pairs = headerValues(request, 'cookie').join(';').split(';');
  return pairs.map((pair) => pair.slice(pair.indexOf('=') + 1).trim()).filter((value) => value !== '');
}

function readPlace(request: IncomingMessage, place: Place): Offer {
  switch (place.in) {
    case 'header':
      return readHeader(headerValues(request, place.name), place);
    case 'query':
      return readList(queryValues(request.url ?? '', place.name), place);
    case 'cookie':
      return readList(cookieValues(headerValues(request, 'cookie'), place.name), place);
    case 'subprotocol':
      return readSubprotocol(headerValues(request, 'sec-websocket-protocol'), place);
  }
}

function readHeader(values: readonly string[], place: Place & { in: 'header' }): Offer {
  if (values.length === 0) return NONE;
  if (values.length > 1) return MANY;
  const value = values[0] ?? '';
  if (place.scheme === undefined || place.scheme === '') return readList(values, place);
  const end = schemeEnd(value);
  if (value.slice(0, end).toLowerCase() !== place.scheme) return NONE;
  if (value[end] !== ' ') return MALFORMED;
  const token = value.slice(end).replace(/^ +/, '');
  return token === '' ? MALFORMED : { kind: 'one', value: token, place };
}

/** A scheme is a token (RFC 9110 §11.1). It ends at the first character that a token cannot contain. */
function schemeEnd(value: string): number {
  const end = value.search(/[^A-Za-z0-9!#$%&'*+.^_`|~-]/);
  return end < 0 ? value.length : end;
}

function readList(values: readonly string[], place: Place): Offer {
  if (values.length === 0) return NONE;
  if (values.length > 1) return MANY;
  const value = values[0] ?? '';
  return value === '' ? MALFORMED : { kind: 'one', value, place };
}

function readSubprotocol(values: readonly string[], place: Place): Offer {
  const entries = listItems(values.join(','));
  const at = entries.indexOf(place.name);
  if (at < 0) return NONE;
  if (entries.indexOf(place.name, at + 1) >= 0) return MANY;
  const value = entries[at + 1];
  return value === undefined ? MALFORMED : { kind: 'one', value, place };
}

/**
 * The items of a list. Empty items do not count (RFC 9110 §5.6.1): a parser that skips them finds the token of
 * `bearer,,`.
 */
export function listItems(list: string): string[] {
  return list
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');
}

/** Every value of a header as sent, in order. Node's `headers` joins or drops duplicates; `rawHeaders` does not. */
export function headerValues(request: IncomingMessage, name: string): readonly string[] {
  const raw = request.rawHeaders;
  const values: string[] = [];
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const field = raw[i] as string;
    if (field.length === name.length && field.toLowerCase() === name) values.push(raw[i + 1] as string);
  }
  return values;
}

/** The decoded values of one query parameter. `+` is a space. A text with a broken escape is returned unchanged. */
export function queryValues(url: string, name: string): readonly string[] {
  const at = url.indexOf('?');
  if (at < 0) return [];
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

function cookieValues(headers: readonly string[], name: string): readonly string[] {
  const values: string[] = [];
  for (const pair of headers.join(';').split(';')) {
    const equals = pair.indexOf('=');
    if (equals >= 0 && pair.slice(0, equals).trim() === name) values.push(pair.slice(equals + 1).trim());
  }
  return values;
}
