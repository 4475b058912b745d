/** The `basic` method: checks a user and password (RFC 7617) against bcrypt hashes. */
import type { IncomingMessage } from 'node:http';
import { BasicStrategy } from 'passport-http';
import type { Strategy } from 'passport-strategy';
import { PoolFullError } from './bcrypt-pool.js';
import { noteCacheState } from '../../../http/request-state.js';
import { quoted } from '../../../lib/sentence.js';
import { readOffer, type Place } from '../../credentials.js';
import { FailureBudget } from '../../failure-budget.js';
import { headerRules } from '../../header-rule.js';
import type { Identity } from '../../identity.js';
import type { Method, MethodDeps, MethodStrategy } from '../../method.js';
import { NotEvaluatedError } from '../../../lib/not-evaluated.js';
import { reportVerdict, UnavailableError } from '../../outcome.js';
import { grant } from '../../strategy-runner.js';
import type { Absent, Challenge, ReasonCode, Rejected, Verdict } from '../../verdict.js';
import type { MaybePromise } from '../../../lib/types.js';
import { readUserPass, type UserPass } from './credentials.js';
import { findingsOf, withHtpasswd } from './findings.js';
import { basicNarrowing, basicOptions, type BasicOptions } from './options.js';
import { recalledCheck } from './recalled-check.js';
import { Users } from './users.js';
import { throttleSummary } from '../throttle-option.js';

const PLACES: readonly Place[] = [{ in: 'header', name: 'authorization', scheme: 'basic' }];

function challengeOf({ realm }: BasicOptions): Challenge {
  return { scheme: 'Basic', params: { realm, charset: 'UTF-8' } };
}

function identityOf(username: string): Identity {
  return { method: 'basic', subject: username, name: username, scopes: [], claims: { username } };
}

/** The package cuts passwords at the second colon and accepts `XBasicY`, so Loom replaces `authenticate`. */
const Base = BasicStrategy as unknown as new (verify: () => void) => Strategy;

/** The strategy of `basic`. It also reports whether a pair is remembered, because a remembered pair costs no hash. */
export class RememberingBasicStrategy extends Base implements MethodStrategy {
  readonly ready = Promise.resolve();
  private readonly users: Users;
  private readonly budget: FailureBudget;
  private readonly challenges: readonly [Challenge];
  private readonly absent: Absent;
  private readonly granted = new Map<string, Verdict>();

  constructor(options: BasicOptions, deps: MethodDeps) {
    super(() => undefined);
    this.users = new Users(options, { ...deps, ...(deps.offline && { check: recalledCheck() }) });
    this.budget = new FailureBudget('basic', options.throttle, deps);
    this.challenges = [challengeOf(options)];
    this.absent = { kind: 'absent', challenges: this.challenges };
  }

  override authenticate(request: IncomingMessage): void {
    reportVerdict(this, this.decide(request));
  }

  decide(request: IncomingMessage): MaybePromise<Verdict> {
    const offer = readOffer(request, PLACES);
    if (offer.kind === 'none') return this.absent;
    if (offer.kind === 'many') return this.rejected(400, 'credential_duplicate');
    if (offer.kind === 'malformed') return this.rejected(401, 'credential_invalid');
    const known = this.users.remembered(offer.value);
    if (known && this.budget.passes({ request, user: known.username }, known.label)) {
      noteCacheState(request, 'hit');
      return this.grantTo(known.username);
    }
    const pair = readUserPass(offer.value);
    if (!pair) return this.rejected(401, 'credential_invalid', offer.value);
    noteCacheState(request, 'miss');
    return this.compare(request, pair).then(
      (matches) => (matches ? this.grantTo(pair.username) : this.rejected(401, 'credential_invalid', offer.value)),
      undecided,
    );
  }

  /** The users of the file have one identity each. A host receives a copy. */
  private grantTo(username: string): Verdict {
    const known = this.granted.get(username);
    if (known) return known;
    const verdict = grant(identityOf(username));
    if (this.users.has(username)) this.granted.set(username, verdict);
    return verdict;
  }

  /**
   * Compares within the budget of the address and user. A request that joins a comparison of the same pair needs no
   * budget.
   */
  private compare(request: IncomingMessage, pair: UserPass): Promise<boolean> {
    const whose = { request, user: pair.username };
    const work = async (): Promise<boolean> => {
      const matches = await this.users.verify(pair, request);
      if (matches) this.budget.trust(whose, this.users.labelOf(pair));
      return matches;
    };
    if (this.users.compares(pair) && !this.budget.isSpent(whose)) return work();
    return this.budget.run({ ...whose, work, isFailure: (matches) => !matches });
  }

  describe(request: IncomingMessage, reason: ReasonCode): string | undefined {
    const offer = readOffer(request, PLACES);
    if (offer.kind !== 'one' || reason !== 'credential_invalid') return undefined;
    const pair = readUserPass(offer.value);
    if (!pair) return 'the value is not the base64 of a user, a colon and a password in UTF-8';
    // A user of the file is no secret. An unknown user may be a password in the wrong field.
    if (this.users.has(pair.username)) return `the password of the user ${quoted(pair.username)} is wrong`;
    return `no user has this name of ${pair.username.length} characters`;
  }

  /** Whether the pair of the request was verified within the TTL. A throttle admits such a pair. */
  remembers(request: IncomingMessage): boolean {
    const offer = readOffer(request, PLACES);
    return offer.kind === 'one' && this.users.remembered(offer.value) !== undefined;
  }

  close(): Promise<void> {
    return this.users.close();
  }

  private rejected(status: 400 | 401, reason: Rejected['reason'], credential?: string): Rejected {
    const rejected: Rejected = { kind: 'rejected', status, reason, challenges: this.challenges };
    return credential === undefined ? rejected : { ...rejected, credential };
  }
}

function undecided(cause: unknown): Verdict {
  if (cause instanceof UnavailableError) return cause.verdict;
  // The evaluation of a shadow file ends here: no other method may decide.
  if (cause instanceof NotEvaluatedError) throw cause;
  const error = cause instanceof Error ? cause : new Error('bcrypt failed');
  const reason = error instanceof PoolFullError ? 'pool_full' : 'method_unavailable';
  return { kind: 'unavailable', reason, cause: error };
}

export const basic: Method<BasicOptions> = {
  name: 'basic',
  title: 'Basic',
  ambient: true,
  claims: false,
  certificate: false,
  options: basicOptions,
  narrowing: basicNarrowing,
  files: { htpasswd_file: 'htpasswd' },
  complete: withHtpasswd,
  findings: findingsOf,
  unknownNames: ({ users: configured }, narrowing) => {
    const known = new Set(configured.map((each) => each.username));
    const { users = [] } = basicNarrowing.parse(narrowing);
    return users.flatMap((name, i) =>
      known.has(name)
        ? []
        : [{ level: 'error', path: ['users', i], message: `no user is named ${JSON.stringify(name)}` }],
    );
  },
  places: () => PLACES,
  headers: ({ claims_to_headers }) => headerRules(claims_to_headers),
  forwardsCredential: ({ forward_credentials }) => forward_credentials,
  challenge: challengeOf,
  summary: ({ realm, users, htpasswd_file, throttle }) => [
    ['realm', realm],
    ['users', String(users.length)],
    ...(htpasswd_file === undefined ? [] : [['users from', htpasswd_file] as const]),
    ...throttleSummary(throttle, 'from one address for one user'),
  ],
  voucher: ({ users }, { subject }) => users.find(({ username }) => username === subject),
  judge: (narrowing, { subject }) => {
    const users = narrowing['users'];
    return users === undefined || (Array.isArray(users) && users.includes(subject)) ? undefined : 'not_allowed';
  },
  offline: true,
  compile: (options, deps) => new RememberingBasicStrategy(options, deps),
};
