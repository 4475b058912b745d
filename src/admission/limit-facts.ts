/** The facts of a request for rate limits: its address, its identity, and its headers with their origin. */
import { headerValues } from '../auth/credentials.js';
import type { Identity } from '../auth/identity.js';
import type { RequestContext } from '../context/request-context.js';
import type { LimitFacts } from '../limit/keys.js';
import { lookUpClaim } from './identity-headers.js';
import type { AdmissionPolicy } from './policy.js';

export function limitFacts(policy: AdmissionPolicy, context: RequestContext): LimitFacts {
  const { address, request, route, identities, identityHeaders } = context;
  const [identity] = identities;
  const set = (name: string): string | undefined => identityHeaders.find(([each]) => each.toLowerCase() === name)?.[1];
  return {
    address,
    path: route?.path ?? '',
    ...(identity ? { identity } : {}),
    header: (name) => set(name.toLowerCase()) ?? headerValues(request, name.toLowerCase())[0],
    claim: (path) => claimText(identity, path),
    holds: (path, value) => identity !== undefined && holdsClaim(identity, path, value),
    vouched: (name) => set(name) !== undefined || identities.some((each) => policy.readsHeader(each.method, name)),
  };
}

function claimText(identity: Identity | undefined, path: string): string | undefined {
  const value = identity && lookUpClaim(identity.claims, path);
  return typeof value === 'string' || typeof value === 'number' ? String(value) : undefined;
}

/** Compares values as text, because the configuration contains text. For a list, compares each element. */
function holdsClaim({ claims }: Identity, path: string, value: string): boolean {
  const found = lookUpClaim(claims, path);
  return (Array.isArray(found) ? found : [found]).some(
    (each) => ['string', 'number', 'boolean'].includes(typeof each) && String(each) === value,
  );
}
