/** Says in one sentence why an introspected token was refused, for the log. */
import { describeClaims } from '../../../tokens/fault-detail.js';
import type { IntrospectionResponse } from '../../../tokens/introspection-request.js';
import { describeScopes } from '../../refusal-detail.js';
import type { ReasonCode } from '../../verdict.js';
import { identityOf } from './identity.js';
import type { OauthOptions } from './options.js';

export interface DescribedIntrospection {
  readonly token: string;
  /** The remembered response of the issuer. */
  readonly response: IntrospectionResponse | undefined;
  readonly options: OauthOptions;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

export function describeIntrospection(
  reason: ReasonCode,
  { token, response, options, now }: DescribedIntrospection,
): string | undefined {
  const about = `a token of ${token.length} characters`;
  if (reason === 'token_malformed') return `${about} is too long, or has characters that no token has`;
  if (reason === 'token_inactive') return `the introspection endpoint says that ${about} is not active`;
  if (!response) return undefined;
  if (reason === 'insufficient_scope') return describeScopes(options, identityOf(response, options).scopes);
  const issuers = options.issuer === undefined ? [] : [options.issuer];
  return describeClaims(reason, response, { now, leeway: 0, issuers, audience: options.audience });
}
