/** What auth methods may use when they explain a request and serve none. */
import type { IncomingMessage } from 'node:http';
import { NotEvaluatedError, type Need } from '../lib/not-evaluated.js';
import type { VerificationKey } from '../tokens/verification-key.js';
import type { Authenticator } from './combine.js';
import type { ReasonCode, Unavailable, Verdict } from './verdict.js';

/**
 * The surroundings of an auth method that only explains. It counts no failed attempt, and runs no code of the host.
 * Without `online` it sends no request.
 */
export interface Aside {
  /** Whether key sets may be fetched and introspection endpoints may be asked. */
  readonly online: boolean;
  /**
   * Whether plugins may run. Only in a process that serves no requests: there a plugin has no data that requests share.
   */
  readonly runsPlugins?: boolean | undefined;
  /** Returns the keys that the operator gives for an issuer. */
  readonly keysOf?: ((issuer: string | undefined) => readonly VerificationKey[] | undefined) | undefined;
  /**
   * What serves requests: the `MethodsInUse` of the same plan, and for one method its strategy. The loaded keys and
   * cached answers may be read.
   */
  readonly live?: object | undefined;
  /**
   * Returns the address of the person who asks for the explanation in progress. A wrong credential is then a failed
   * attempt of this address, in the budget of the live method.
   */
  readonly asker?: (() => string | undefined) | undefined;
}

/** Receives each verdict of an auth method, with the restriction of the route applied. */
export type Heard = (request: IncomingMessage, name: string, verdict: Verdict) => void;

/** A verdict that says that no decision was tried. */
export function notEvaluated(need: Need, reason: ReasonCode, message: string): Unavailable {
  return { kind: 'unavailable', reason, cause: new NotEvaluatedError(need, message) };
}

/** Replaces a strategy of the host, whose effects are not known. */
export const hostNotEvaluated: Authenticator = () =>
  notEvaluated('host_strategy', 'method_unavailable', 'a strategy of the host application decides');
