/** Removes every identity header that a client sent, before any other code reads it (docs/security.md). */
import type { IncomingMessage } from 'node:http';
import type { RequestContext } from '../context/request-context.js';
import { foldName, goesOn, isOthersIdentity, type Sender } from '../http/header-policy.js';
import { dropUnsent, editFields } from '../http/fields.js';
import { isHttp2 } from '../http/http-version.js';
import type { Place } from '../auth/credentials.js';

export type Strip = (context: RequestContext) => undefined;

/**
 * Compiles the removal of the given headers from every view of a request, including trailers that arrive later. Matches
 * any letter case and any separator.
 *
 * @example createIdentityStripper(['X-User-ID'])(contextOf(req)) // `x_user_id: admin` is gone
 */
export function createIdentityStripper(headerNames: readonly string[]): Strip {
  const folded = new Set(headerNames.map(foldName));
  // Folding does not change the length, so the length check avoids folding for most names.
  const lengths = new Set(headerNames.map((name) => name.length));
  const isOurs: IsOurs = (name) => name === '__proto__' || (lengths.has(name.length) && folded.has(foldName(name)));
  return (context) => stripWhere(context, isOurs);
}

/** Removes the headers that `isOurs` matches, by lower-case name, from every view of a request. */
function stripWhere(context: RequestContext, isOurs: IsOurs): undefined {
  const { request: req } = context;
  editFields(req, (name, value) => {
    if (isOurs(name)) return undefined;
    return name === 'connection' ? withoutNominations(value, isOurs) : value;
  });
  dropUnsent(req, isOurs);
  // HTTP/1 trailers require chunked encoding (RFC 9112 §7.1.2). They are known only after the body is read.
  const chunked = req.headers['transfer-encoding'] !== undefined || isHttp2(req);
  if (chunked || req.rawTrailers.length > 0) filterTrailers(context, isOurs);
}

type IsOurs = (name: string) => boolean;

/**
 * Removes Loom's header names from the client's `Connection`. Otherwise the next hop would drop the headers that Loom
 * sets (CVE-2024-45410).
 */
function withoutNominations(connection: string, isOurs: IsOurs): string | undefined {
  const options = connection.split(',');
  const left = options.filter((option) => !isOurs(option.trim().toLowerCase()));
  if (left.length === options.length) return connection;
  return left.length === 0 ? undefined : left.join(',').trim();
}

function withoutOurs(fields: readonly string[], guards: readonly IsOurs[]): string[] {
  const kept: string[] = [];
  for (let at = 0; at + 1 < fields.length; at += 2) {
    const name = fields[at] as string;
    if (!guards.some((isOurs) => isOurs(name.toLowerCase()))) kept.push(name, fields[at + 1] as string);
  }
  return kept;
}

/**
 * Node assigns `rawTrailers` when the body ends. This setter filters the trailers, and the other views derive from
 * them. Several gateways may check one request, each with its own identity headers.
 */
function filterTrailers(context: RequestContext, isOurs: IsOurs): void {
  const { request: req, trailerFilters } = context;
  if (trailerFilters) {
    trailerFilters.push(isOurs);
    req.rawTrailers = [...req.rawTrailers];
    return;
  }
  const guards = [isOurs];
  context.trailerFilters = guards;
  let assigned = withoutOurs(req.rawTrailers, guards);
  const collected = collectedTrailers(req);
  const fields = (): string[] => (collected ? withoutOurs(collected(), guards) : assigned);
  const accessor = { configurable: true, enumerable: true };
  Object.defineProperty(req, 'rawTrailers', {
    ...accessor,
    get: fields,
    set: (arrived: readonly string[]) => void (assigned = withoutOurs(arrived, guards)),
  });
  const ignore = (): void => undefined;
  Object.defineProperty(req, 'trailers', {
    ...accessor,
    get: () => mapOf(fields(), (values) => values.join(', ')),
    set: ignore,
  });
  Object.defineProperty(req, 'trailersDistinct', {
    ...accessor,
    get: () => mapOf(fields(), (all) => all),
    set: ignore,
  });
}

/**
 * Returns a reader for the trailers of an HTTP/2 request. Node never assigns these trailers: the request class adds
 * them to its own list.
 */
function collectedTrailers(req: IncomingMessage): (() => string[]) | undefined {
  const own = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(req), 'rawTrailers');
  return own?.get?.bind(req) as (() => string[]) | undefined;
}

function mapOf<T>(fields: readonly string[], view: (values: string[]) => T): Record<string, T> {
  const lists = new Map<string, string[]>();
  for (let at = 0; at + 1 < fields.length; at += 2) {
    const name = (fields[at] as string).toLowerCase();
    const list = lists.get(name);
    if (list) list.push(fields[at + 1] as string);
    else lists.set(name, [fields[at + 1] as string]);
  }
  const map = Object.create(null) as Record<string, T>;
  for (const [name, values] of lists) map[name] = view(values);
  return map;
}

/**
 * Creates the removal of the identity headers of other products, for one kind of sender (docs/security.md). Credential
 * places are kept, as `Authorization` is: a `protect()` behind a mount reads the credential again.
 */
export function createOthersStripper(sender: Sender, places: readonly Place[]): Strip {
  const read = new Set(places.flatMap((place) => (place.in === 'header' ? [place.name] : [])));
  return (context) => {
    const goes = (name: string): boolean => goesOn(name, sender) || read.has(name) || context.ownHeaders.includes(name);
    return stripWhere(context, (name) => isOthersIdentity(name, sender) && !goes(name));
  };
}
