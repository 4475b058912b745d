/** Headers that the file may give no meaning of its own: as the place of a credential, of an id, or in an answer. */
import { familyOf, foldName, isPerHop, mayCarryCredential } from '../../http/header-policy.js';
import type { Context } from '../context.js';
import type { Plan } from '../plan-types.js';
import { AUTH } from '../plan/methods.js';
import type { Path } from '../report.js';

export function checkReservedHeaders(plan: Omit<Plan, 'warnings'>, context: Context): void {
  const refuse = (path: Path, message: string): void =>
    context.report.error({ path, code: 'reserved_header', message });
  for (const { name, places } of plan.methods) {
    for (const place of places) {
      // The place is emptied before a request goes on.
      if (place.in === 'header' && !mayCarryCredential(place.name))
        refuse(pathOf(name, context), `${place.name} has another meaning for the message: take another header`);
    }
  }
  checkRequestId(plan, refuse);
  plan.rateLimit?.response?.headers.forEach(([header]) => {
    if (isPerHop(header))
      refuse(['rate_limit', 'response', 'headers', header], 'frames the message: it is set from the body');
  });
}

/** Where the file names the headers of a method. */
function pathOf(method: string, context: Context): Path {
  const plugins = Array.from({ length: context.length(['plugins']) ?? 0 }, (_, at) => at);
  const plugin = plugins.find((at) => context.value(['plugins', at, 'name']) === method);
  return plugin === undefined ? [...AUTH, method, 'header'] : ['plugins', plugin, 'credential_headers'];
}

/** The id replaces the value that the client sent. */
function checkRequestId(plan: Omit<Plan, 'warnings'>, refuse: (path: Path, message: string) => void): void {
  const { requestId } = plan.logging;
  if (!requestId) return;
  const path = ['logging', 'request_id', 'header'];
  const header = foldName(requestId.header);
  const credentials = plan.methods.flatMap(({ places }) => places);
  if (credentials.some((place) => place.in === 'header' && foldName(place.name) === header))
    refuse(path, 'carries credentials; take another header');
  else if (plan.identityHeaders.some((each) => foldName(each) === header))
    refuse(path, 'is an identity header; take another header');
  else if (familyOf(header)) refuse(path, 'must not be a header with another meaning for upstreams');
}
