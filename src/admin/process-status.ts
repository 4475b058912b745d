/** What one process of the gateway knows of its own state, as a plain value without a secret. */
import type { CredentialStoreStatus } from '../auth/method.js';
import type { Rate } from '../limit/bucket.js';
import type { OnStoreError } from '../limit/shared-limiter.js';
import type { UpstreamStatus } from '../proxy/upstream.js';
import type { KeySetStatus } from '../tokens/key-source.js';

export interface ProcessStatus {
  /** The number of the worker. Absent: the gateway is one process. */
  readonly worker?: number;
  readonly pid: number;
  readonly version: string;
  /** The version of Node. */
  readonly node: string;
  /** Unix milliseconds, as every time here. */
  readonly startedAt: number;
  readonly memory: { readonly rssBytes: number; readonly heapBytes: number };
  /** The delay of the last minutes. Absent until it was measured. */
  readonly eventLoop?: EventLoopStatus;
  readonly config: ConfigStatus;
  readonly listeners: readonly ListenerStatus[];
  readonly methods: readonly MethodStatus[];
  readonly upstreams: readonly UpstreamStatus[];
  /** Absent: the file has no limit. */
  readonly limits?: LimitsStatus;
  /** Upgraded sockets that are open. */
  readonly sockets: number;
}

export interface EventLoopStatus {
  readonly meanMs: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

export interface ConfigStatus {
  readonly file: string;
  readonly generation: number;
  readonly loadedAt: number;
  /** The result of the last reload. Absent: there was none. */
  readonly lastReload?: 'taken' | 'refused';
  readonly warnings: readonly WarningStatus[];
}

export interface WarningStatus {
  readonly code: string;
  readonly file: string;
  readonly line?: number | undefined;
  readonly path: string;
  readonly message: string;
}

export interface ListenerStatus {
  readonly name: string;
  /** Scheme, host and port. */
  readonly address: string;
  readonly clientAuth?: string;
  readonly certificate?: { readonly subject: string; readonly notAfter: number };
  readonly revocation?: {
    readonly lists: readonly { readonly issuer: string; readonly nextUpdate?: number | undefined }[];
    readonly faults: readonly string[];
  };
}

export interface MethodStatus {
  readonly name: string;
  readonly title: string;
  readonly keySets?: readonly KeySetStatus[];
  /** The store of its credentials. */
  readonly store?: CredentialStoreStatus;
  readonly plugin?: PluginStatus;
}

export interface PluginStatus {
  readonly phase: string;
  readonly isolation: string;
  readonly timeoutMs: number;
  readonly memoryLimitBytes: number;
}

export interface LimitsStatus {
  readonly rules: readonly { readonly name: string; readonly rate: Rate; readonly key: readonly string[] }[];
  /** Absent: each process counts for itself. */
  readonly store?: { readonly type: string; readonly up: boolean; readonly onError: OnStoreError };
}
