/** Identity headers: what may be one, and that no block sets one header twice. */
import type { Place } from '../../auth/credentials.js';
import { foldName, maySet } from '../../http/header-policy.js';
import type { ErrorCode } from '../diagnostic-codes.js';
import type { Context } from '../context.js';
import type { Plan } from '../plan-types.js';
import { AUTH } from '../plan/methods.js';
import type { Path } from '../report.js';

export function checkIdentityHeaders(plan: Omit<Plan, 'warnings'>, context: Context): void {
  const credentials = new Set(plan.methods.flatMap(({ places }) => places).flatMap(headerOf));
  for (const path of mapsOf(context)) checkMap(path, credentials, context);
  const plugins = context.length(['plugins']) ?? 0;
  for (let at = 0; at < plugins; at++) checkMap(['plugins', at, 'identity_headers'], credentials, context);
  warnOfRoutesByIdentity(plan, context);
}

function headerOf(place: Place): readonly string[] {
  return place.in === 'header' ? [foldName(place.name)] : [];
}

/** Every `claims_to_headers` and `client_cert_headers` of the file. */
function mapsOf(context: Context): readonly Path[] {
  const maps: Path[] = [];
  for (const name of context.keys(AUTH)) {
    maps.push([...AUTH, name, 'claims_to_headers']);
    const issuers = context.length([...AUTH, name, 'issuers']) ?? 0;
    for (let at = 0; at < issuers; at++) maps.push([...AUTH, name, 'issuers', at, 'claims_to_headers']);
  }
  const listeners = context.length(['listeners']) ?? 0;
  for (let at = 0; at < listeners; at++) maps.push(['listeners', at, 'tls', 'client_cert_headers']);
  return maps;
}

function checkMap(path: Path, credentials: ReadonlySet<string>, context: Context): void {
  const setter = path.at(-1) === 'client_cert_headers' ? 'certificate' : 'any';
  const claims = new Map<string, string | number>();
  for (const claim of entriesOf(path, context)) {
    const at = [...path, claim];
    const header = context.value(at);
    if (typeof header !== 'string') continue;
    const folded = foldName(header);
    const first = claims.get(folded);
    const refuse = (code: ErrorCode, message: string): void => context.report.error({ path: at, code, message });
    if (!maySet(folded, setter))
      refuse('forbidden_header', `${header} cannot be an identity header: it has another meaning for upstreams`);
    else if (credentials.has(folded)) refuse('forbidden_header', `${header} carries credentials; take another header`);
    else if (first !== undefined)
      refuse('duplicate_header', `${typeof first === 'number' ? 'another entry' : first} sets this header already`);
    claims.set(folded, claim);
  }
}

/** The keys of a map, or the places of a list. */
function entriesOf(path: Path, context: Context): readonly (string | number)[] {
  const length = context.length(path);
  return length === undefined ? context.keys(path) : Array.from({ length }, (_, at) => at);
}

/** Clients' copies are gone before a route is chosen, so such a route is never chosen. */
function warnOfRoutesByIdentity({ identityHeaders, routes }: Omit<Plan, 'warnings'>, context: Context): void {
  const ours = new Set(identityHeaders.map(foldName));
  if (routes.every(({ headers }) => headers.length === 0)) return;
  const length = context.length(['routes']) ?? 0;
  for (let at = 0; at < length; at++) {
    for (const name of context.keys(['routes', at, 'headers'])) {
      if (!ours.has(foldName(name))) continue;
      const message = 'is an identity header: what a client sends of it is removed before a route is chosen';
      context.report.warning({ path: ['routes', at, 'headers', name], code: 'never_matches', message, at: 'key' });
    }
  }
}
