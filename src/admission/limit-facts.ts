/** What of a judged request a limit can go by: its address, its identity, and headers with who chose them. */
import type { IncomingMessage } from 'node:http';
import { headerValues } from '../auth/credentials.js';
import type { Identity } from '../auth/identity.js';
import type { PlannedRoute } from '../config/plan-types.js';
import type { LimitFacts } from '../limit/keys.js';
import { lookUpClaim } from './identity-headers.js';
import type { Gate } from './policy.js';

export interface Known {
  readonly address: string;
  readonly route?: PlannedRoute | undefined;
  readonly identities: readonly Identity[];
  /** Identity headers that will be set. */
  readonly headers: readonly (readonly [name: string, value: string])[];
}

export function limitFacts(gate: Gate, req: IncomingMessage, known: Known): LimitFacts {
  const { address, route, identities, headers } = known;
  const [identity] = identities;
  const set = (name: string): string | undefined => headers.find(([each]) => each.toLowerCase() === name)?.[1];
  return {
    address,
    path: route?.path ?? '',
    ...(identity ? { identity } : {}),
    header: (name) => set(name.toLowerCase()) ?? headerValues(req, name.toLowerCase())[0],
    claim: (path) => claimText(identity, path),
    holds: (path, value) => identity !== undefined && holdsClaim(identity, path, value),
    vouched: (name) => set(name) !== undefined || identities.some((each) => gate.readsHeader(each.method, name)),
  };
}

function claimText(identity: Identity | undefined, path: string): string | undefined {
  const value = identity && lookUpClaim(identity.claims, path);
  return typeof value === 'string' || typeof value === 'number' ? String(value) : undefined;
}

/** As text, for the file has text; of a list each. */
function holdsClaim({ claims }: Identity, path: string, value: string): boolean {
  const found = lookUpClaim(claims, path);
  return (Array.isArray(found) ? found : [found]).some(
    (each) => ['string', 'number', 'boolean'].includes(typeof each) && String(each) === value,
  );
}
