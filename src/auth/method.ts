/** What a method is to the rest of the product: its options, its strategy, its narrowing, in one object. */
import type { Strategy } from 'passport-strategy';
import type { z } from 'zod';
import type { Metrics } from '../lib/metrics.js';
import type { Log, Now } from '../lib/types.js';
import type { Place } from './credentials.js';
import type { HeaderRule } from './header-rule.js';
import type { Identity } from './identity.js';
import type { MethodTraits } from './method-traits.js';
import type { Narrowing } from './requirement.js';
import type { Challenge, ReasonCode } from './verdict.js';

/** What a method may use of the outside world. */
export interface MethodDeps {
  readonly now: Now;
  readonly log: Log;
  /** Default: nobody collects. */
  readonly metrics?: Metrics;
}

/** A strategy of ours: a real Passport strategy that also tells when it is warm and can be put away. */
export interface MethodStrategy extends Strategy {
  /** Settles when key sets, pools and discovery are loaded; never rejects for what only the network can tell. */
  readonly ready: Promise<void>;
  close(): Promise<void>;
}

/** A finding of the compiler about one method block, at a path relative to the block. */
export interface Finding {
  readonly level: 'error' | 'warning';
  readonly path: readonly (string | number)[];
  readonly message: string;
}

/** One line of the `check` table about a method, e.g. `['algorithms', 'RS256, ES256']`. */
export type Summary = readonly (readonly [string, string])[];

/**
 * A method of authentication. Adding one: its own file in `auth/methods/`, and one line in `auth/methods.ts`.
 * `Options` is the parsed block (YAML spelling, defaults filled in, durations in milliseconds).
 */
export interface Method<Options = unknown> extends MethodTraits {
  /** The name in the file, in `chain` and in `Identity.method`. */
  readonly name: string;
  readonly title: string;
  /** The block's schema (strict, every option with `.describe()`), without `enabled`. */
  readonly options: z.ZodType<Options>;
  /** The schema of `narrow` on a route (strict, partial, lists non-empty). */
  readonly narrowing: z.ZodType<Narrowing>;
  /** Options that name a file, and the option its text goes to, at any depth: `{ public_key_file: 'public_key' }`. */
  readonly files: Readonly<Record<string, string>>;
  /** What can only be said of the whole block; secrets never appear in the words. */
  findings(options: Options): readonly Finding[];
  /** Names in a narrowing that the block does not know (a key's name, a user, an issuer). */
  unknownNames(options: Options, narrowing: Narrowing): readonly Finding[];
  places(options: Options): readonly Place[];
  headers(options: Options): readonly HeaderRule[];
  /** Whether a credential that granted goes on to the upstream. */
  forwardsCredential(options: Options): boolean;
  challenge(options: Options): Challenge;
  summary(options: Options): Summary;
  /** Whether an identity of the block may have a rate limit of its own; default: none has. */
  limitsIdentities?(options: Options): boolean;
  /** What in the block vouches for the identity: a key, a user, an issuer; undefined where nothing does any more. */
  voucher(options: Options, identity: Identity): unknown;
  /** Why the identity fails the narrowing, or undefined if it passes. */
  judge(narrowing: Narrowing, identity: Identity): ReasonCode | undefined;
  compile(options: Options, deps: MethodDeps): MethodStrategy;
}
