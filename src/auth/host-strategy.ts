/** A host application's own Passport strategy as a method: its verbs read as verdicts, its user as an identity. */
import type { IncomingMessage } from 'node:http';
import type { Authenticator } from './combine.js';
import type { Identity } from './identity.js';
import { grant, runStrategy, type PassportStrategy, type Reading } from './strategy-runner.js';
import { parseChallenge } from './challenge-text.js';
import { keepUndecided } from './undecided.js';
import type { Unavailable, Verdict } from './verdict.js';

/** What a host may say of a user; the rest of the identity is filled in. */
export type HostIdentity = Pick<Identity, 'subject'> & Partial<Omit<Identity, 'method' | 'subject'>>;

/**
 * A strategy of the host with what Loom cannot guess.
 *
 * @example loom('loom.yaml', { strategies: { saml: { strategy, identity: (user) => ({ subject: user.nameID }) } } })
 */
export interface HostStrategy {
  readonly strategy: PassportStrategy;
  /** The identity of a user that the strategy accepted; default: `id`, `username` or `sub` of it, or the string. */
  identity?(user: unknown): HostIdentity;
  /**
   * Whether the request carries a credential for it. Without this a failure is always a rejection, and the strategy is not
   * asked about a request with a credential that an earlier method could not judge.
   */
  offered?(request: IncomingMessage): boolean;
}

/** A host's strategies by the names that the file uses for them. */
export type Strategies = Readonly<Record<string, PassportStrategy | HostStrategy>>;

/** A strategy that has not settled after this long is unavailable. */
const DEADLINE_MS = 5_000;

/** An authenticator over a host's strategy. */
export function fromHost(name: string, host: HostStrategy): Authenticator {
  const reading = hostReading(name, host);
  return ({ request, undecided = false }) => {
    // A strategy reads what it likes of a request: without `offered` it may take the credential that is in doubt.
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
      return grant({ ...known, scopes: textsOf(known.scopes), claims: known.claims ?? {}, method: name });
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

/** What a host writes in JavaScript is checked by nobody: a text is no list of scopes. */
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
