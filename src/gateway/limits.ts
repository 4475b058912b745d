/** Which buckets a request draws from: before any method runs, and once it is known who sends it (spec §8). */
import type { IncomingMessage } from 'node:http';
import type { Identity, Rate } from '../auth/identity.js';
import type { LimitKeyPart, PlannedRateLimit, PlannedRoute } from '../config/plan-types.js';
import { digestOf } from '../lib/digest.js';
import { Note } from '../lib/note.js';
import { limitKey, type LimitFacts } from '../limit/keys.js';
import type { Claim, Decision, Limiter } from '../limit/limiter.js';

export interface Metered {
  readonly route?: PlannedRoute | undefined;
  /** Gathered where a limit asks for them. */
  readonly facts: () => LimitFacts;
  readonly identities: readonly Identity[];
}

const BY_IDENTITY: readonly LimitKeyPart[] = [{ kind: 'identity' }];

export class Limits {
  readonly #key: readonly LimitKeyPart[];
  /** `key: ip` needs no method to be known, so it spares them the work of a flood. */
  readonly #early: boolean;
  readonly #drawn = new Note<Set<string>>('buckets drawn from');

  constructor(
    private readonly limiter: Limiter,
    private readonly global: PlannedRateLimit | undefined,
  ) {
    this.#key = global?.key ?? BY_IDENTITY;
    this.#early = this.#key.some(({ kind }) => kind === 'ip') && this.#key.every(isEarly);
  }

  /** The limit by address, before any method; undefined where there is none. */
  before(req: IncomingMessage, metered: Metered): Decision | undefined {
    if (!this.#early) return undefined;
    const claim = this.#shared(metered);
    return claim && this.#take(req, [claim]);
  }

  /** The limits that need an identity; undefined where there are none. */
  after(req: IncomingMessage, metered: Metered): Decision | undefined {
    const own = metered.identities.flatMap((identity) =>
      identity.rateLimit ? [ownClaim(identity, identity.rateLimit)] : [],
    );
    // A key's own limit stands in place of the global one, and beside that of a route.
    const replaced = own.length > 0 && metered.route?.rateLimit === undefined;
    const shared = this.#early || replaced ? undefined : this.#shared(metered);
    if (!shared && own.length === 0) return undefined;
    return this.#take(req, shared ? [...own, shared] : own);
  }

  /** One token of each bucket, once a request: a mount and a `protect()` behind it count together. */
  #take(req: IncomingMessage, claims: readonly Claim[]): Decision | undefined {
    const drawn = this.#drawn.of(req) ?? new Set<string>();
    const [first, ...rest] = claims.filter(({ key }) => !drawn.has(key));
    if (!first) return undefined;
    this.#drawn.set(req, drawn);
    for (const { key } of [first, ...rest]) drawn.add(key);
    return this.limiter.takeAll([first, ...rest]);
  }

  #shared({ route, facts }: Metered): Claim | undefined {
    const rate = route?.rateLimit ?? this.global?.rate;
    if (!rate) return undefined;
    const scope = route?.rateLimit ? ['route', route.id] : ['global'];
    return { key: digestOf([...scope, limitKey(this.#key, facts())]), rate };
  }
}

function isEarly({ kind }: LimitKeyPart): boolean {
  return kind === 'ip' || kind === 'path';
}

/** One bucket per (method, issuer, subject), whatever the route. */
function ownClaim({ method, issuer, subject }: Identity, rate: Rate): Claim {
  return { key: digestOf(['own', method, issuer === undefined ? 'local' : `issued ${issuer}`, subject]), rate };
}
