/** What a plan says of operations: the log, the admin address, metrics and traces. */
import type { AccessField } from '../lib/access-fields.js';

export interface PlannedLogging {
  readonly level: string;
  readonly format: 'json' | 'text';
  /** The fields of the access log; absent: none is written. */
  readonly access?: readonly AccessField[];
  /** The most lines about denials for each reason and second; absent: all are written. */
  readonly deniedSample?: number;
  /** The header that carries the id of a request; absent: requests get none. */
  readonly requestId?: { readonly header: string; readonly generate: boolean };
}

/** Who may look at the administrator's pages. Passwords and tokens are non-enumerable, as `options` of a method are. */
export type AdminAuth =
  | { readonly kind: 'none' }
  | { readonly kind: 'basic'; readonly username: string; readonly password: string }
  | { readonly kind: 'bearer'; readonly token: string }
  | {
      readonly kind: 'users';
      readonly users: readonly { readonly username: string; readonly password_hash: string }[];
    };

export interface PlannedAdmin {
  /** Absent: every address. */
  readonly host?: string;
  readonly port: number;
  readonly auth: AdminAuth;
  /** Who may ask the gateway questions. Absent: the pages for operators are closed. The token is non-enumerable. */
  readonly operator?: { readonly token: string };
  /** The decisions that each process keeps; 0: none. */
  readonly decisions: number;
  /** Of the challenge. */
  readonly realm: string;
}

export interface PlannedShutdown {
  /** From the signal until the ports close. */
  readonly delayMs: number;
  /** For open requests, after the ports have closed. */
  readonly timeoutMs: number;
}

export interface PlannedMetrics {
  readonly path: string;
  /** Upper bounds of `loom_request_seconds`; absent: those of the catalogue. */
  readonly buckets?: readonly number[];
}

export interface PlannedTracing {
  /** Share of the requests that get a span if no caller has decided. */
  readonly sampleRate: number;
}
