/** A guard for handlers of a host that checks the scopes of an admitted caller. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { deny, newInstance } from '../admission/deny.js';
import type { Identity } from '../auth/identity.js';
import { describeScopes } from '../auth/refusal-detail.js';
import type { Challenge } from '../auth/verdict.js';
import { findContext, type RequestContext } from '../context/request-context.js';
import type { Next } from '../lib/types.js';

/**
 * Makes a middleware that requires scopes of the caller, behind Loom. A caller without them receives 403
 * `insufficient_scope` (RFC 6750 section 3.1). Where several auth methods are required, one identity must have all scopes.
 *
 * @param scopes The scopes, all of which are required. One text may hold several scopes, separated by spaces.
 * @returns The middleware. The `errors` and `onDenied` of `loom()` apply to it.
 * @throws {TypeError} No scope is given, or a scope is not a text.
 * @example
 * import express from 'express';
 * import { authOf, loom, requireScopes } from 'loom-auth';
 *
 * const app = express();
 * app.use(loom('loom.yaml'));
 * app.post('/orders', requireScopes('write'), (req, res) => void res.json({ by: authOf(req).subject }));
 */
export function requireScopes(
  ...scopes: (string | readonly string[])[]
): (req: IncomingMessage, res: ServerResponse, next: Next) => void {
  const required = scopes.flat().flatMap(scopesIn);
  if (required.length === 0)
    throw new TypeError("requireScopes() needs at least one scope, as in requireScopes('read')");
  return (req, res, next) => {
    const context = findContext(req);
    if (!context?.denyLate) return answerUnguarded(res);
    const identities = context.sharedIdentities ?? [];
    if (identities.some((each) => required.every((scope) => each.scopes.includes(scope)))) return next();
    const [primary] = identities;
    const challenges = challengesOf(context, primary?.method, required);
    const detail = (): string => describe(primary, required);
    const { method } = primary ?? {};
    context.denyLate(
      { context, res, next },
      primary
        ? { status: 403, code: 'insufficient_scope', reason: 'insufficient_scope', method, challenges, detail }
        : { status: 401, code: 'unauthorized', reason: 'credential_missing', challenges, detail },
    );
  };
}

function describe(identity: Identity | undefined, required: readonly string[]): string {
  if (!identity) return 'requireScopes() needs a caller, and the request has no identity';
  return `${identity.method}: ${describeScopes({ required_scopes: required }, identity.scopes)} (requireScopes)`;
}

/** RFC 6749 section 3.3: scopes are separated by spaces. */
function scopesIn(text: unknown): readonly string[] {
  if (typeof text !== 'string') throw new TypeError('a scope of requireScopes() must be a string');
  return text.split(' ').filter((scope) => scope !== '');
}

/** The challenge of the auth method that granted the request, or of all auth methods of its guard. */
function challengesOf({ guard }: RequestContext, method: string | undefined, scopes: readonly string[]): Challenge[] {
  const scope = scopes.join(' ');
  if (method === undefined) {
    const all = [...guard.challenges.values()];
    return all.length > 0 ? all : [{ scheme: 'Bearer', params: { scope } }];
  }
  const challenge = guard.challenges.get(method);
  if (!challenge) return [];
  return [{ ...challenge, params: { ...challenge.params, error: 'insufficient_scope', scope } }];
}

let isWarned = false;

/** A call of `next` would be a pass without a check. An exception would end a process without Express. */
function answerUnguarded(res: ServerResponse): void {
  if (!isWarned) process.emitWarning('requireScopes() got a request that did not pass Loom: mount Loom before it');
  isWarned = true;
  deny(res, { status: 500, code: 'internal' }, newInstance());
}
