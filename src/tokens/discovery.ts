/** Where an issuer publishes its keys (OpenID Connect Discovery 1.0 §4). */
import { isNear, urlProblem } from '../lib/tls-url.js';
import { fetchDocument } from './jwks.js';

/** Returns the `jwks_uri` of the issuer. Throws if the document is missing or names another issuer. */
export async function discoverJwksUri(
  issuer: string,
  allowInsecureHttp: boolean,
  fetchFrom = fetchDocument,
): Promise<string> {
  // §4.1: a trailing slash is removed before the path is appended.
  const document = await fetchFrom(`${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`, allowInsecureHttp);
  // §4.3: the values must be identical, or the document belongs to another issuer.
  if (document['issuer'] !== issuer) throw new Error('the discovery document names another issuer');
  const uri = document['jwks_uri'];
  if (typeof uri !== 'string') throw new Error('the discovery document names no jwks_uri');
  const problem = urlProblem(uri, allowInsecureHttp);
  if (problem !== undefined) throw new Error(`the discovered jwks_uri ${problem}`);
  // A remote issuer must not reach services that listen on this machine.
  if (isNear(new URL(uri)) && !isNear(new URL(issuer)))
    throw new Error('the discovered jwks_uri is an address of this machine');
  return uri;
}
