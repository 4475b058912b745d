/** Refuses an injected request that cannot be judged like a request that Node has parsed (docs/security.md). */
import type { IncomingMessage } from 'node:http';
import type { Place } from '../auth/credentials.js';
import type { RequestContext } from '../context/request-context.js';
import type { Denial } from './denial.js';
import type { AdmissionPolicy } from './policy.js';

/** Denies a request whose fields cannot be read or stripped. No code of the host may receive it. */
export function refuseUnreadable(policy: AdmissionPolicy, { injected }: RequestContext): Denial | undefined {
  if (injected?.fault === undefined) return undefined;
  policy.throttledLog.error({}, injected.fault);
  return { status: 500, code: 'internal' };
}

export function refuseInjected(policy: AdmissionPolicy, { injected, request }: RequestContext): Denial | undefined {
  if (!injected) return undefined;
  if (injected.malformed) return { status: 400, code: 'bad_request' };
  if (injected.merged && policy.places.some((place) => mayHoldTwo(request, place))) {
    return { status: 400, code: 'invalid_request', reason: 'credential_duplicate' };
  }
  return undefined;
}

/**
 * An adapter joins two lines of one header with a comma. A comma in a place of a credential can be two credentials, and a
 * parsed request with two is 400 as well.
 */
function mayHoldTwo({ headers }: IncomingMessage, place: Place): boolean {
  if (place.in === 'cookie') {
    return countOf(headers.cookie, /[;,]/, place.name) !== countOf(headers.cookie, ';', place.name);
  }
  if (place.in !== 'header') return false;
  const parts = [headers[place.name] ?? []].flat().flatMap((value) => value.split(',').map((part) => part.trim()));
  if (parts.length < 2) return false;
  if (place.scheme) return parts.some((part) => part.toLowerCase().startsWith(place.scheme as string));
  // The parameters of one credential have commas, too: `HMAC id=a, signature=b`.
  return place.name !== 'authorization' || parts.slice(1).some((part) => SCHEME.test(part));
}

const SCHEME = /^[A-Za-z][A-Za-z0-9-]* +[^ =]/;

function countOf(cookies: string | undefined, separator: RegExp | string, name: string): number {
  return (cookies ?? '').split(separator).filter((pair) => pair.split('=', 1)[0]?.trim() === name).length;
}
