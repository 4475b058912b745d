/** The input and the decision of a plugin: plain data that crosses threads. */
import type { Pair } from './header-map.js';
import type { Properties } from './properties.js';

export interface PluginRequest {
  /**
   * Pseudo-headers first (`:method`, `:path`, `:authority`, `:scheme`), then the fields in lower case. Values are
   * latin1.
   */
  readonly pairs: readonly Pair[];
  readonly properties: Properties;
  /** The whole body, for `phase: on_request_body`. Without it the plugin sees no body. */
  readonly body?: Uint8Array;
  /** Whether the request has a body that the plugin does not see. */
  readonly hasBody: boolean;
}

export interface PluginResponse {
  readonly status: number;
  readonly headers: readonly Pair[];
  readonly body: Uint8Array;
}

/** Why a plugin reached no decision. The answer to each is 503; the request never passes. */
export const FAULTS = [
  'trap',
  'out_of_memory',
  'timeout',
  'pause_timeout',
  'overloaded',
  'bad_response',
  'closed',
  'unavailable',
] as const;
export type PluginFault = (typeof FAULTS)[number];

export type PluginDecision =
  | {
      readonly kind: 'continue';
      /** Fields that the plugin added or changed, in their order. */
      readonly set: readonly Pair[];
      readonly removed: readonly string[];
      /** The properties `auth.subject` and `auth.claims.*`, if the plugin set them. */
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

/** The response to a call. Without `pairs` the call failed or timed out. */
export interface CallResponse {
  readonly pairs: readonly Pair[];
  readonly body: Uint8Array;
  readonly trailers: readonly Pair[];
}

export const FAILED_CALL: CallResponse = { pairs: [], body: new Uint8Array(0), trailers: [] };
