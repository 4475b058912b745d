/** What a plugin is asked and what it decides: plain data that crosses threads. */
import type { Pair } from './header-map.js';
import type { Properties } from './properties.js';

export interface PluginRequest {
  /** Pseudo-headers first (`:method`, `:path`, `:authority`, `:scheme`), then the fields in lower case; values latin1. */
  readonly pairs: readonly Pair[];
  readonly properties: Properties;
  /** Whole, for `phase: on_request_body`; absent: the plugin sees no body. */
  readonly body?: Uint8Array;
  /** Whether the request has a body that the plugin does not see. */
  readonly hasBody: boolean;
}

export interface PluginResponse {
  readonly status: number;
  readonly headers: readonly Pair[];
  readonly body: Uint8Array;
}

/** Why a plugin reached no decision; each is a 503, none a fallback to letting through. */
export type PluginFault =
  'trap' | 'out_of_memory' | 'timeout' | 'pause_timeout' | 'overloaded' | 'bad_response' | 'closed' | 'unavailable';

export type PluginDecision =
  | {
      readonly kind: 'continue';
      /** Fields that it added or changed, in their order. */
      readonly set: readonly Pair[];
      readonly removed: readonly string[];
      /** `auth.subject` and `auth.claims.*`, where it set these properties. */
      readonly subject?: string;
      readonly claims: Readonly<Record<string, string>>;
    }
  | { readonly kind: 'respond'; readonly response: PluginResponse; readonly details: string }
  | { readonly kind: 'fault'; readonly fault: PluginFault; readonly detail: string };

/** A call of the plugin to a named upstream. */
export interface OutboundCall {
  readonly token: number;
  readonly upstream: string;
  readonly pairs: readonly Pair[];
  readonly body: Uint8Array;
  readonly timeoutMs: number;
}

/** Its answer; without `pairs` it failed or was late. */
export interface CallResponse {
  readonly pairs: readonly Pair[];
  readonly body: Uint8Array;
  readonly trailers: readonly Pair[];
}

export const FAILED_CALL: CallResponse = { pairs: [], body: new Uint8Array(0), trailers: [] };
