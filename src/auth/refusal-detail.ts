/** Says in one sentence why an auth method refused a request: what it reads, what the request has, and the numbers. */
import type { IncomingMessage } from 'node:http';
import { listed, quoted } from '../lib/sentence.js';
import { headerValues, readOffer, type Place } from './credentials.js';
import type { Identity } from './identity.js';
import type { Narrowing } from './requirement.js';
import { REASONS, type Absent, type ReasonCode, type Rejected, type Unavailable } from './verdict.js';

export interface Described {
  readonly places: readonly Place[];
  readonly describe?: (request: IncomingMessage, reason: ReasonCode) => string | undefined;
}

/** Returns the sentence about a refusal of one auth method. */
export function describeRefusal(
  request: IncomingMessage,
  { places, describe }: Described,
  verdict: Absent | Rejected | Unavailable,
): string {
  if (verdict.detail) return verdict.detail();
  const reason = verdict.kind === 'absent' ? 'credential_missing' : verdict.reason;
  const own = describe?.(request, reason);
  if (own !== undefined) return own;
  if (reason === 'credential_duplicate') return `two values in ${placesInUse(request, places)}`;
  if (reason === 'credential_missing' && places.length > 0) return describeAbsence(request, places);
  // The error of a strategy of the host may contain a credential.
  const cause = verdict.kind === 'unavailable' && describe ? `: ${verdict.cause.message.slice(0, LONGEST_CAUSE)}` : '';
  return `${sentenceOf(reason)}${cause}`;
}

const LONGEST_CAUSE = 200;

/** The general meaning of a reason, as a part of a sentence. */
function sentenceOf(reason: ReasonCode): string {
  const text = REASONS[reason].replace(/\.$/, '');
  return text.charAt(0).toLowerCase() + text.slice(1);
}

/** Names a place as a client writes it. */
export function textOf(place: Place): string {
  if (place.in !== 'header') return `${place.in} \`${place.name}\``;
  const name = canonical(place.name);
  return place.scheme ? `\`${name}: ${capital(place.scheme)} …\`` : `header \`${name}\``;
}

const canonical = (name: string): string => name.split('-').map(capital).join('-');
const capital = (word: string): string => word.charAt(0).toUpperCase() + word.slice(1);

function placesInUse(request: IncomingMessage, places: readonly Place[]): string {
  return listed(places.filter((place) => readOffer(request, [place]).kind !== 'none').map(textOf), 'and');
}

function describeAbsence(request: IncomingMessage, places: readonly Place[]): string {
  const offer = readOffer(request, places);
  // A method is absent for a value that an earlier method refused, and for a known key of another method.
  if (offer.kind === 'one') return `the value in ${textOf(offer.place)} is for another auth method`;
  const reads = `no credential in ${listed(places.map(textOf))}`;
  const seen = [...schemesSeen(request, places), ...similarFields(request, places)];
  return seen.length === 0 ? reads : `${reads}; the request has ${listed(seen, 'and')}`;
}

/**
 * The schemes of the IANA registry, and others in use. Another first word is not shown: it may be the start of a
 * password.
 */
const SCHEMES: readonly string[] = (
  'Basic Bearer Concealed Digest DPoP GNAP HOBA Mutual Negotiate OAuth PrivateToken SCRAM-SHA-1 SCRAM-SHA-256 VAPID ' +
  'ApiKey Api-Key AWS4-HMAC-SHA256 GenieKey GoogleLogin Hawk HMAC JWT Key NTLM SharedKey Splunk Token'
).split(' ');

/** A configured header with another scheme, without a scheme, or without a value. */
function schemesSeen(request: IncomingMessage, places: readonly Place[]): readonly string[] {
  const names = new Set(places.flatMap((place) => (place.in === 'header' ? [place.name] : [])));
  return [...names].flatMap((name) => {
    const [value] = headerValues(request, name);
    if (value === undefined) return [];
    if (value.trim() === '') return [`an empty \`${canonical(name)}\``];
    const [, word] = /^(\S+)[ \t]+\S/.exec(value) ?? [];
    if (word === undefined) return [`\`${canonical(name)}\` without a scheme`];
    const scheme = SCHEMES.find((each) => each.toLowerCase() === word.toLowerCase());
    return [`\`${canonical(name)}\` with ${scheme === undefined ? 'an unknown scheme' : `the scheme \`${scheme}\``}`];
  });
}

/** Headers that often have a credential. A client that uses one of them has a wrong header name. */
const USUAL =
  /^(?:x-)?(?:api|auth|access|client|service|user)?-?(?:key|token|secret)$|^(?:x-)?apikey$|^(?:x-)?authorization$/i;

/** The names of other headers for credentials. Their values are never shown. */
function similarFields(request: IncomingMessage, places: readonly Place[]): readonly string[] {
  const read = new Set(places.map(({ name }) => name));
  const names = request.rawHeaders.filter((_field, at) => at % 2 === 0);
  const others = names.filter((name) => USUAL.test(name) && !read.has(name.toLowerCase()));
  return [...new Set(others)].map((name) => `\`${name}\``);
}

/** Says why an identity does not satisfy the restriction of a route. The identity is verified. */
export function describeNarrowing(reason: ReasonCode, narrow: Narrowing, identities: readonly Identity[]): string {
  const [identity] = identities;
  if (!identity) return sentenceOf(reason);
  if (reason === 'insufficient_scope') return describeScopes(narrow, identity.scopes);
  const lists = Object.entries(narrow).map(([option, wanted]) => `${option} (${wantedText(wanted)})`);
  return `${quoted(identity.subject)} does not satisfy ${listed(lists, 'and')} of the route`;
}

/** Says which scopes are missing. */
export function describeScopes(
  wanted: { readonly required_scopes?: unknown; readonly any_scope?: unknown },
  scopes: readonly string[],
): string {
  const required = stringsOf(wanted.required_scopes).filter((scope) => !scopes.includes(scope));
  const any = stringsOf(wanted.any_scope);
  const missing = required.length > 0 ? listed(required.map(quoted), 'and') : listed(any.map(quoted));
  const has =
    scopes.length === 0 ? 'the credential has no scope' : `the credential has ${listed(scopes.map(quoted), 'and')}`;
  return `scope ${missing} is missing; ${has}`;
}

const stringsOf = (value: unknown): readonly string[] =>
  (Array.isArray(value) ? value : [value]).filter((each): each is string => typeof each === 'string');

const wantedText = (wanted: unknown): string => (Array.isArray(wanted) ? listed(wanted.map(quoted)) : quoted(wanted));
