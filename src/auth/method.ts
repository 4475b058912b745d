/** The interface of an auth method: its options, its strategy and its narrowing in one object. */
import type { IncomingMessage } from 'node:http';
import type { Strategy } from 'passport-strategy';
import type { z } from 'zod';
import type { Metrics } from '../lib/metrics.js';
import type { Log, MaybePromise, Now } from '../lib/types.js';
import type { KeySetStatus, KeySource } from '../tokens/key-source.js';
import type { Aside } from './aside.js';
import type { Place } from './credentials.js';
import type { HeaderRule } from './header-rule.js';
import type { Identity } from './identity.js';
import type { Keys } from './methods/api-key/store/keys.js';
import type { MethodTraits } from './method-traits.js';
import type { Narrowing } from './requirement.js';
import type { Challenge, ReasonCode, Verdict } from './verdict.js';

/** What an auth method knows that decides without the network, a hash and external code. */
export interface Offline {
  /** The key set that the live configuration fetches from this source. Only `peek` may be called. */
  keysOf(source: string): KeySource | undefined;
}

/** The dependencies of an auth method. */
export interface MethodDeps {
  readonly now: Now;
  readonly log: Log;
  /** The key store of the host. Default: none. */
  readonly keyStore?: unknown;
  /** Default: metrics are not collected. */
  readonly metrics?: Metrics;
  /** The places of the method that another auth method of the file also reads. Default: none. */
  readonly shared?: readonly Place[];
  /** Set if the method explains requests and serves none. */
  readonly aside?: Aside | undefined;
  /** Set for a configuration that is evaluated and not served. Such a method must have no effect outside the process. */
  readonly offline?: Offline;
}

/** A Passport strategy of Loom that also reports when it is ready and can be closed. */
export interface MethodStrategy extends Strategy {
  /** Settles when key sets, pools and discovery are loaded. Never rejects for a failure of the network. */
  readonly ready: Promise<void>;
  /**
   * Says why this strategy refused the request for this reason. Runs only for a denial that is logged. The text has no
   * credential, and marks values without a valid signature as unverified.
   */
  describe?(request: IncomingMessage, reason: ReasonCode): string | undefined;
  /** The state of its store of credentials. Default: it has none. */
  storeStatus?(): CredentialStoreStatus | undefined;
  /** What is known of its key sets. Default: it has none. */
  keySets?(): readonly KeySetStatus[];
  close(): Promise<void>;
  /** As `authenticate`, without Passport's callbacks. Default: Loom calls `authenticate` on an object for the request. */
  decide?(request: IncomingMessage): MaybePromise<Verdict>;
  /**
   * Looks up the credentials of a request that the strategy would read in these places, if that takes time. All other
   * functions then answer at once. Returns undefined if there is nothing to wait for. Never rejects.
   */
  prepare?(request: IncomingMessage, others: readonly Place[]): Promise<void> | undefined;
  /** The keys of the store of the method. */
  readonly keysOfStore?: Keys | undefined;
  /** Gives the strategy access to the open sessions, so that it can end them. Returns the function that stops. */
  watchSessions?(sessions: Sessions): () => void;
  /**
   * The values in shared places, and in the places of another method, that only this method may check, also if it
   * refuses them. Default: none.
   */
  ownValues?(request: IncomingMessage, others: readonly Place[]): readonly string[];
  /** The key set that is fetched from this source. Default: none. */
  loadedKeys?(source: string): KeySource | undefined;
}

export type FindingRule =
  'bcrypt_cost' | 'missing_audience' | 'missing_issuer' | 'shared_identity' | 'similar_issuers' | 'weak_secret';

/** Whether a store of credentials can be used now. */
export interface CredentialStoreStatus {
  /** The last question was answered. */
  readonly answers: boolean;
  /** Changes of the store arrive at once. */
  readonly notices: boolean;
  /** Why not. Absent if the store answers and its notices arrive. */
  readonly fault?: string;
}

/** The identities of upgraded sockets, which outlive the check of their credential. */
export interface Sessions {
  identities(): readonly Identity[];
  /** Closes the sockets of these identities. */
  end(identities: ReadonlySet<Identity>): void;
}

/** A finding of the compiler about one method block, at a path relative to the block. */
export interface Finding {
  readonly level: 'error' | 'warning';
  /** The rule of a warning. Default: `method_warning`. */
  readonly rule?: FindingRule;
  readonly path: readonly (string | number)[];
  readonly message: string;
}

/** One line of the `check` table about a method, e.g. `['algorithms', 'RS256, ES256']`. */
export type Summary = readonly (readonly [string, string])[];

/**
 * An auth method. To add one, create its file in `auth/methods/` and add one line to `auth/methods.ts`. `Options` is
 * the parsed block (YAML spelling, defaults filled in, durations in milliseconds).
 */
export interface Method<Options = unknown> extends MethodTraits {
  /** The name in the file, in `chain` and in `Identity.method`. */
  readonly name: string;
  readonly title: string;
  /** The schema of the block (strict, every option with `.describe()`), without `enabled`. */
  readonly options: z.ZodType<Options>;
  /** The schema of `narrow` on a route (strict, partial, lists non-empty). */
  readonly narrowing: z.ZodType<Narrowing>;
  /**
   * Options that name a file, and the option that receives its text, at any depth: `{ public_key_file: 'public_key' }`.
   */
  readonly files: Readonly<Record<string, string>>;
  /** Replaces paths of files that the method opens itself by absolute paths. Default: none. */
  locateFiles?(options: Options, locate: (path: string) => string): Options;
  /** The key store of the block, for the commands that manage its keys. Default: none. */
  storeOf?(options: Options): { readonly options: unknown; readonly taken: ReadonlySet<string> } | undefined;
  /** The option that only a host application can satisfy, so `serve` refuses the file. Default: none. */
  needsHost?(options: Options): readonly string[] | undefined;
  /** Adds to the options what the texts of `files` mean, after they are read. Default: the options stay as they are. */
  complete?(options: Options): Options;
  /** Findings about the block as a whole, as `complete` returns it. Messages never contain secrets. */
  findings(options: Options): readonly Finding[];
  /** Findings about the block beside other auth methods that read the same places. Default: none. */
  sharedFindings?(options: Options, shared: readonly Place[]): readonly Finding[];
  /** Names in a narrowing that the block does not define (a key, a user, an issuer). */
  unknownNames(options: Options, narrowing: Narrowing): readonly Finding[];
  places(options: Options): readonly Place[];
  headers(options: Options): readonly HeaderRule[];
  /** Whether a credential that granted is forwarded to the upstream. */
  forwardsCredential(options: Options): boolean;
  /** Whether the options let the method grant a request without a credential. Default: no. */
  needsNoIdentity?(options: Options): boolean;
  challenge(options: Options): Challenge;
  summary(options: Options): Summary;
  /** The greatest length of a credential in bytes, where the block limits it. */
  longestCredential?(options: Options): number;
  /** Whether an identity of the block may have its own rate limit. Default: none has. */
  limitsIdentities?(options: Options): boolean;
  /** Whether a credential of the block counts only for some client addresses. Default: none does. */
  limitsAddresses?(options: Options): boolean;
  /**
   * The part of the block that confirms the identity: a key, a user, an issuer; undefined if no part confirms it now.
   */
  voucher(options: Options, identity: Identity): unknown;
  /** Why the identity fails the narrowing, or undefined if it passes. */
  judge(narrowing: Narrowing, identity: Identity): ReasonCode | undefined;
  /** The same options in less memory, for a plan that runs. They are plain data. Default: as they are. */
  compact?(options: Options): Options;
  /** The options as a file could have them, for a comparison. Default: as they are. */
  expand?(options: Options): Options;
  /**
   * Whether `compile` can make a strategy for `MethodDeps.offline`. Default: no, and only a verdict of the live
   * configuration counts.
   */
  readonly offline?: true;
  compile(options: Options, deps: MethodDeps): MethodStrategy;
}
