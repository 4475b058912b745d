/** The question and the answer of `explain`: a request as data, and why it is admitted or refused. */
import type { ReasonCode } from '../../auth/verdict.js';
import type { DenialCode } from '../../http/problem.js';

/**
 * A request to explain. The request is not sent.
 *
 * @example
 * import { loom, type ExplainRequest } from 'loom-auth';
 *
 * const request: ExplainRequest = { url: 'https://api.example.com/orders', headers: { 'X-API-Key': 'abc' } };
 * console.log((await loom('loom.yaml').explain(request)).detail);
 */
export interface ExplainRequest {
  /** Default: `GET`. */
  readonly method?: string;
  /** With a scheme and a host, or a path that begins with `/`. It is read as written: `//` and `..` stay. */
  readonly url: string;
  /**
   * As an object, or as a list of names and values in their order. If neither the URL nor the headers have a host, `Host`
   * is `localhost`.
   */
  readonly headers?:
    | Readonly<Record<string, string | readonly string[] | undefined>>
    | readonly (readonly [name: string, value: string])[];
  /**
   * The address of the client, or of the proxy in front of Loom. `unix`: a peer on a Unix socket. Default: `127.0.0.1`, or
   * `unix` if the listener is a Unix socket without `proxy_protocol`.
   */
  readonly from?: string;
  /** The client certificate in PEM text, then its intermediates. Default: none. */
  readonly certificate?: string;
  /** The time of the request: a `Date`, an ISO 8601 text, or milliseconds since the Unix epoch. Default: now. */
  readonly at?: Date | string | number;
}

/**
 * The options of an explanation.
 *
 * @example
 * import { loom, type ExplainOptions } from 'loom-auth';
 *
 * const options: ExplainOptions = { online: true };
 * await loom('loom.yaml').explain({ url: '/orders' }, options);
 */
export interface ExplainOptions {
  /** Whether introspection endpoints and the key store may be asked. Default: nothing is asked. */
  readonly online?: boolean;
  /**
   * The address of the person who asks. A wrong credential of the request is then a failed attempt of this address, in the
   * budget of the live requests (`throttle`). Above the budget the reason is `throttled`. Default: nothing is counted.
   */
  readonly asker?: string;
}

/**
 * The part of one auth method in an explanation.
 *
 * @example
 * import { loom, type ExplainedMethod } from 'loom-auth';
 *
 * const isAbsent = ({ result }: ExplainedMethod): boolean => result === 'absent';
 * const { methods } = await loom('loom.yaml').explain({ url: '/orders' });
 * console.log(methods.filter(isAbsent).map(({ name }) => name));
 */
export interface ExplainedMethod {
  /** The name in the file. */
  readonly name: string;
  /** `not_evaluated`: the decision needs what `needs` says. `not_tried`: an earlier method decided. */
  readonly result: 'granted' | 'absent' | 'rejected' | 'unavailable' | 'answered' | 'not_evaluated' | 'not_tried';
  /** Where the method looks for its credential, in words. */
  readonly looksIn: readonly string[];
  /** What is there: the kind and the length of the credential, never the credential. */
  readonly found: {
    readonly kind: 'none' | 'one' | 'several' | 'malformed' | 'unknown';
    readonly place?: string;
    /** In characters. */
    readonly length?: number;
  };
  /** The status of a refusal. */
  readonly status?: number;
  /** Why the method did not accept. */
  readonly reason?: ReasonCode;
  /** What was found, in one sentence with its numbers. */
  readonly detail?: string;
  /** What to do about it. */
  readonly cure?: string;
  /** What the decision needs and the explanation does not have. */
  readonly needs?: 'key_set' | 'introspection' | 'key_store' | 'plugin' | 'host_strategy';
}

/**
 * Why a request is admitted or refused. It has no credential. Members may be added in any version.
 *
 * @example
 * import { loom, type Explanation } from 'loom-auth';
 *
 * const explanation: Explanation = await loom('loom.yaml').explain({ method: 'POST', url: '/orders' });
 * console.log(explanation.allowed, explanation.reason, explanation.detail);
 */
export interface Explanation {
  /** `undecided`: the decision needs what `needs` lists. */
  readonly outcome:
    | 'granted'
    | 'open'
    | 'preflight'
    | 'absent'
    | 'rejected'
    | 'forbidden'
    | 'limited'
    | 'answered'
    | 'unavailable'
    | 'malformed'
    | 'unrouted'
    | 'failed'
    | 'undecided';
  /** Null: undecided. */
  readonly allowed: boolean | null;
  /** The status of Loom's response. Null: the upstream or the host application responds, or it is undecided. */
  readonly status: number | null;
  /** The code of the response. */
  readonly code: DenialCode | null;
  /** The reason, which clients never see. */
  readonly reason: ReasonCode | null;
  /** What was found, in one sentence. */
  readonly detail: string | null;
  /** What to do about it. */
  readonly cure: string | null;
  /** The auth method that refused. */
  readonly authMethod: string | null;
  /** What was judged. */
  readonly request: {
    readonly kind: 'request' | 'upgrade' | 'preflight';
    readonly method: string;
    readonly host: string | null;
    /** Without the query, which may have a credential. */
    readonly path: string;
    /** The client address, behind trusted proxies. */
    readonly client: string;
    readonly tls: boolean;
    /** ISO 8601. */
    readonly at: string;
    readonly listener: string | null;
  };
  /** Null: no route matches. */
  readonly route: {
    readonly id: string;
    readonly path: string;
    /** What the route requires of the request, in words. */
    readonly matched: string;
    readonly upstream: string | null;
  } | null;
  /**
   * For a request without a route: the routes that nearly match, and the part of the request that differs. `has` is what
   * the route has; of conditions it names the headers and the query parameters.
   */
  readonly near: readonly {
    readonly route: string;
    readonly differs: 'http_method' | 'host' | 'path' | 'conditions';
    readonly has: string;
  }[];
  /** In words: `jwt or api_key`, `PUBLIC`. Null: the request was refused before a requirement was found. */
  readonly requirement: string | null;
  /** The auth methods of the route, in their order. */
  readonly methods: readonly ExplainedMethod[];
  /** The verified callers. */
  readonly identities: readonly {
    readonly method: string;
    readonly subject: string;
    readonly issuer?: string;
    readonly scopes: readonly string[];
  }[];
  /** The identity headers that the upstream or the host application receives. */
  readonly identityHeaders: readonly { readonly name: string; readonly value: string }[];
  /** The path that the upstream receives, without the query. */
  readonly upstreamPath: string | null;
  /** The limits that would count the request. None was counted. */
  readonly limits: readonly {
    readonly scope: 'address' | 'global' | 'tier' | 'route' | 'key' | 'quota';
    readonly requests: number;
    readonly seconds: number;
    readonly burst: number;
  }[];
  /** What the decision needs. Empty: it is decided. */
  readonly needs: readonly ('key_set' | 'introspection' | 'key_store' | 'plugin' | 'host_strategy')[];
  /** What the explanation assumes or does not cover. */
  readonly notes: readonly string[];
}
