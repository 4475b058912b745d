/** The identity of an introspected token. */
import { scopesOf } from '../../../tokens/claim-values.js';
import type { IntrospectionResponse } from '../../../tokens/introspection-request.js';
import type { Identity } from '../../identity.js';
import { subjectOf, tellSubject } from '../token-subject.js';
import type { OauthOptions } from './options.js';

export function identityOf(response: IntrospectionResponse, options: OauthOptions): Identity {
  const { iss, exp, username } = response;
  const issuer = typeof iss === 'string' ? iss : options.issuer;
  const subject = subjectOf(response, options);
  const identity: Identity = {
    method: 'oauth',
    subject: subject.text,
    ...(issuer === undefined ? {} : { issuer }),
    ...(typeof username === 'string' ? { name: username } : {}),
    scopes: scopesOf(response, options.scope_claims ?? ['scope']),
    claims: response,
    ...(typeof exp === 'number' ? { expiresAt: exp } : {}),
  };
  tellSubject(identity, subject);
  return identity;
}
