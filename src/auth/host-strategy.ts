/** Adapts a Passport strategy of the host application to an auth method with verdicts and identities. */
import type { IncomingMessage } from 'node:http';
import type { Authenticator } from './combine.js';
import { withUser, type Identity } from './identity.js';
import { grant, runStrategy, type PassportStrategy, type Reading } from './strategy-runner.js';
import { parseChallenge } from './challenge-text.js';
import { keepUndecided } from './undecided.js';
import type { Unavailable, Verdict } from './verdict.js';

/**
 * The identity that a host application makes of a user; Loom adds the missing fields.
 *
 * @example
 * import type { HostIdentity } from 'loom-auth';
 *
 * export const identityOf = (user: { id: number; roles: string[] }): HostIdentity => ({
 *   subject: String(user.id),
 *   scopes: user.roles,
 * });
 */
export type HostIdentity = Pick<Identity, 'subject'> & Partial<Omit<Identity, 'method' | 'subject'>>;

/**
 * A Passport strategy of the host application, with how Loom reads its users.
 *
 * @example
 * import { type HostStrategy, loom, type PassportStrategy } from 'loom-auth';
 *
 * declare const strategy: PassportStrategy; // new SamlStrategy(…)
 * const saml: HostStrategy = {
 *   strategy,
 *   identity: (user) => ({ subject: (user as { nameID: string }).nameID }),
 *   offered: (request) => request.headers.cookie !== undefined,
 * };
 * loom('loom.yaml', { strategies: { saml } });
 */
export interface HostStrategy {
  /** The strategy, as its package makes it. */
  readonly strategy: PassportStrategy;
  /** The identity of an accepted user. Default: the subject is `id`, `username` or `sub` of the user, or the string. */
  identity?(user: unknown): HostIdentity;
  /**
   * Whether the request has a credential for the strategy. Without `offered` a failure is always a rejection. The
   * strategy then does not see a request with a credential that an earlier auth method could not check.
   */
  offered?(request: IncomingMessage): boolean;
}

/**
 * The Passport strategies of the host application, by the names that the file uses.
 *
 * @example
 * import { loom, type PassportStrategy, type Strategies } from 'loom-auth';
 *
 * declare const ldap: PassportStrategy; // new LdapStrategy(…)
 * const strategies: Strategies = { ldap };
 * loom('loom.yaml', { strategies });
 */
export type Strategies = Readonly<Record<string, PassportStrategy | HostStrategy>>;

/** A strategy that does not settle within this time is unavailable. */
const DEADLINE_MS = 5_000;

/** Creates an authenticator for a host strategy. */
export function fromHost(name: string, host: HostStrategy): Authenticator {
  const reading = hostReading(name, host);
  return ({ request, undecided = false }) => {
    // A strategy can read any part of a request. Without `offered` it could read a credential that is undecided.
    const asked = host.offered ? host.offered(request) : !undecided;
    if (!asked) return { kind: 'absent', challenges: [] };
    const verdict = runStrategy(host.strategy, reading, request);
    return keepUndecided(request, [], verdict instanceof Promise ? withDeadline(verdict) : verdict);
  };
}

function withDeadline(verdict: Promise<Verdict>): Promise<Verdict> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<Verdict>((resolve) => {
    timer = setTimeout(() => resolve(unavailable(new Error('the strategy did not settle'))), DEADLINE_MS);
  });
  return Promise.race([verdict, late]).finally(() => clearTimeout(timer));
}

function unavailable(cause: unknown): Unavailable {
  const error = cause instanceof Error ? cause : new Error('the strategy failed');
  return { kind: 'unavailable', reason: 'method_unavailable', cause: error };
}

function hostReading(name: string, host: HostStrategy): Reading {
  return {
    success: (user) => {
      if (!user) return { kind: 'rejected', status: 401, reason: 'credential_invalid', challenges: [] };
      const known = host.identity ? host.identity(user) : defaultIdentity(user);
      const identity = { ...known, scopes: textsOf(known.scopes), claims: known.claims ?? {}, method: name };
      return grant(withUser(identity, user));
    },
    fail: (challenge, status) => ({
      kind: 'rejected',
      status: statusOf(typeof challenge === 'number' ? challenge : status),
      reason: 'credential_invalid',
      challenges: typeof challenge === 'string' ? [parseChallenge(challenge)] : [],
    }),
    redirect: (url, status = 302) => ({
      kind: 'answered',
      response: {
        status: status >= 300 && status <= 399 ? status : 302,
        headers: [
          ['Location', url],
          ['Content-Length', '0'],
        ],
        body: Buffer.alloc(0),
      },
    }),
    pass: () => ({ kind: 'absent', challenges: [] }),
    error: unavailable,
  };
}

/** JavaScript of a host has no type check. A string is not a list of scopes. */
function textsOf(scopes: unknown): readonly string[] {
  return Array.isArray(scopes) ? scopes.filter((scope): scope is string => typeof scope === 'string') : [];
}

function statusOf(status: unknown): 400 | 401 | 403 {
  return status === 400 || status === 403 ? status : 401;
}

function defaultIdentity(user: unknown): HostIdentity {
  if (typeof user === 'string') return { subject: user };
  const fields = user as Record<string, unknown>;
  const subject = [fields['id'], fields['username'], fields['sub']].find(
    (each) => typeof each === 'string' || typeof each === 'number',
  );
  return { subject: subject === undefined ? '' : String(subject), claims: fields };
}
