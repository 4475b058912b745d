/** The interface between the limiters and the places that hold buckets: this process, or a server that instances share. */
import type { MaybePromise, NonEmpty } from '../lib/types.js';
import type { Bucket, Rate } from './bucket.js';

/** The kind of limit that a bucket belongs to; a label of the metrics. */
export type LimitScope = 'address' | 'global' | 'tier' | 'route' | 'key' | 'quota';

/** One token of one bucket, as a request asks for it. */
export interface Claim {
  readonly key: string;
  readonly rate: Rate;
  /** Default: `global`. */
  readonly scope?: LimitScope;
}

export interface Taken {
  readonly allowed: boolean;
  /** The buckets after the request, in the order of the claims. */
  readonly left: readonly Bucket[];
  /** The clock of the store, in Unix milliseconds. */
  readonly now: number;
}

/** Called with every change of state, including the first state. `reason` is given if the store is down. */
export type StoreListener = (up: boolean, reason?: string) => void;

export interface Store {
  /** Rejects if a package that the store needs is not installed. */
  readonly ready: Promise<void>;
  /** Whether the store can count at this moment. */
  readonly up: boolean;
  /** Takes one token of each bucket, or none if a bucket is empty. Rejects with a `StoreFault`. */
  take(claims: NonEmpty<Claim>): MaybePromise<Taken>;
  watch(listener: StoreListener): void;
  close(): Promise<void>;
}

/** The store did not count a request. */
export class StoreFault extends Error {
  override readonly name = 'StoreFault';

  constructor(
    /** One of a closed set of reasons, such as `timeout`; a label of the metrics. */
    readonly reason: string,
  ) {
    super(`the store of limits: ${reason}`);
  }
}
