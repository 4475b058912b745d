/** Where an issuer publishes its keys (OpenID Connect Discovery 1.0 §4). */
import { isNear, urlProblem } from '../lib/tls-url.js';
import { fetchDocument } from './jwks.js';

/** The `jwks_uri` of the issuer; throws where its document is missing or another's. */
export async function discoverJwksUri(
  issuer: string,
  allowInsecureHttp: boolean,
  fetchFrom = fetchDocument,
): Promise<string> {
  // §4.1: a slash at the end goes before the path is appended.
  const document = await fetchFrom(`${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`, allowInsecureHttp);
  // §4.3: exactly equal, or the document speaks for somebody else.
  if (document['issuer'] !== issuer) throw new Error('the discovery document names another issuer');
  const uri = document['jwks_uri'];
  if (typeof uri !== 'string') throw new Error('the discovery document names no jwks_uri');
  const problem = urlProblem(uri, allowInsecureHttp);
  if (problem !== undefined) throw new Error(`the discovered jwks_uri ${problem}`);
  // What listens on this machine is none of a remote issuer's business.
  if (isNear(new URL(uri)) && !isNear(new URL(issuer)))
    throw new Error('the discovered jwks_uri is an address of this machine');
  return uri;
}
