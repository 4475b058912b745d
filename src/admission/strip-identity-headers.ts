/** Identity headers are ours alone (spec §5): every copy that a client sent goes, before anything else looks. */
import type { IncomingMessage } from 'node:http';
import type { RequestContext } from '../context/request-context.js';
import { foldName } from '../http/header-policy.js';
import { dropUnsent, editFields } from '../http/fields.js';
import { isHttp2 } from '../http/http-version.js';

export type Strip = (context: RequestContext) => undefined;

/**
 * Compiles the removal of the given headers, in any case and with any separator, from every view of a request,
 * trailers that arrive later included.
 *
 * @example createIdentityStripper(['X-User-ID'])(contextOf(req)) // `x_user_id: admin` is gone
 */
export function createIdentityStripper(headerNames: readonly string[]): Strip {
  const folded = new Set(headerNames.map(foldName));
  // Folding keeps the length, so most names are told apart without it.
  const lengths = new Set(headerNames.map((name) => name.length));
  const isOurs: IsOurs = (name) => name === '__proto__' || (lengths.has(name.length) && folded.has(foldName(name)));
  return (context) => stripWhere(context, isOurs);
}

/** Removes the fields that `isOurs` says, by their names in lower case, from every view of a request. */
export function stripWhere(context: RequestContext, isOurs: IsOurs): undefined {
  const { request: req } = context;
  editFields(req, (name, value) => {
    if (isOurs(name)) return undefined;
    return name === 'connection' ? withoutNominations(value, isOurs) : value;
  });
  // What a middleware before us added to `headers` alone.
  dropUnsent(req, isOurs);
  // In HTTP/1 trailers need chunks (RFC 9112 §7.1.2); they are known only once the body has been read.
  const chunked = req.headers['transfer-encoding'] !== undefined || isHttp2(req);
  if (chunked || req.rawTrailers.length > 0) filterTrailers(context, isOurs);
}

type IsOurs = (name: string) => boolean;

/** A host that proxies on would have the next hop drop, on the client's word, the header that we set (CVE-2024-45410). */
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
 * Node assigns `rawTrailers` when the body ends. This setter filters them, and the other views derive from them. Several
 * gateways may judge one request, each with identity headers of its own.
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

/** The trailers of an HTTP/2 request, which are never assigned: its class adds them to a list of its own. */
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
