/** Headers that the file may give no meaning of its own: as the place of a credential, of an id, or in an answer. */
import type { Context } from '../context.js';
import type { Plan } from '../plan-types.js';
import { AUTH } from '../plan/methods.js';
import type { Path } from '../report.js';
import { fold, isForbidden } from './headers.js';

/** A credential's place is emptied before a request goes on, so it must not be what frames or routes the request. */
const NO_CREDENTIALS = new Set(
  (
    'host connection content-length content-type transfer-encoding te trailer upgrade keep-alive expect cookie via ' +
    'origin date range forwarded x-forwarded-for x-forwarded-host x-forwarded-proto x-real-ip'
  ).split(' '),
);

const FRAMING = new Set('connection content-length transfer-encoding trailer upgrade keep-alive'.split(' '));

export function checkReservedHeaders(plan: Omit<Plan, 'warnings'>, context: Context): void {
  const refuse = (path: Path, message: string): void =>
    context.report.error({ path, code: 'reserved_header', message });
  for (const { name, places } of plan.methods) {
    for (const place of places) {
      if (place.in !== 'header') continue;
      const folded = fold(place.name);
      if (NO_CREDENTIALS.has(folded) || folded.startsWith('sec-'))
        refuse([...AUTH, name, 'header'], 'must not be a header that frames or routes the message');
    }
  }
  checkRequestId(plan, refuse);
  plan.rateLimit?.response?.headers.forEach(([header]) => {
    if (FRAMING.has(fold(header)))
      refuse(['rate_limit', 'response', 'headers', header], 'frames the message: it is set from the body');
  });
}

/** The id is written over whatever the client sent. */
function checkRequestId(plan: Omit<Plan, 'warnings'>, refuse: (path: Path, message: string) => void): void {
  const { requestId } = plan.logging;
  if (!requestId) return;
  const path = ['logging', 'request_id', 'header'];
  const header = fold(requestId.header);
  const credentials = plan.methods.flatMap(({ places }) => places);
  if (credentials.some((place) => place.in === 'header' && fold(place.name) === header))
    refuse(path, 'carries credentials; take another header');
  else if (plan.identityHeaders.some((each) => fold(each) === header))
    refuse(path, 'is an identity header; take another header');
  else if (isForbidden(header)) refuse(path, 'must not be a header that the message itself uses');
}
