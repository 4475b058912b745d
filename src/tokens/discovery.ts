/** Where an issuer publishes its metadata and keys (OpenID Connect Discovery 1.0 §4, RFC 8414 §3.1). */
import { isNear, isNearAddress, isPrivateAddress, urlProblem } from '../lib/tls-url.js';
import { fetchDocument, type FetchRules, type IssuerDocument } from './jwks.js';

export interface DiscoveredKeys {
  readonly uri: string;
  /** Which addresses the host of `uri` may have. */
  readonly allowsAddress: FetchRules['allowsAddress'];
}

/**
 * The places of the metadata. OpenID Connect appends the well-known path to the issuer's path without its last slash;
 * RFC 8414 inserts it before.
 */
export function metadataUrls(issuer: string): readonly string[] {
  const { origin, pathname } = new URL(issuer);
  const path = pathname.replace(/\/$/, '');
  return [
    `${origin}${path}/.well-known/openid-configuration`,
    `${origin}/.well-known/oauth-authorization-server${path}`,
  ];
}

/** Returns the `jwks_uri` of the issuer. Throws if no document names this issuer and its keys. */
export async function discoverJwksUri(
  issuer: string,
  rules: FetchRules,
  fetchFrom = fetchDocument,
): Promise<DiscoveredKeys> {
  const [first, second] = metadataUrls(issuer) as [string, string];
  // The rule makes the connection new, so that its address is known.
  const read = (url: string): Promise<IssuerDocument> => fetchFrom(url, { ...rules, allowsAddress: () => true });
  const found = await read(first).catch((cause: unknown) =>
    // A document that exists and is refused is not replaced.
    read(second).catch(() => {
      throw cause;
    }),
  );
  return jwksUriOf(found, { issuer, rules });
}

function jwksUriOf(
  { document, address }: IssuerDocument,
  { issuer, rules }: { issuer: string; rules: FetchRules },
): DiscoveredKeys {
  // §4.3: the values must be identical, or the document belongs to another issuer.
  if (document['issuer'] !== issuer) throw new Error('the discovery document names another issuer');
  const uri = document['jwks_uri'];
  if (typeof uri !== 'string') throw new Error('the discovery document names no jwks_uri');
  const problem = urlProblem(uri, rules.allowInsecureHttp);
  if (problem !== undefined) throw new Error(`the discovered jwks_uri ${problem}`);
  // A remote issuer must not reach services that listen on this machine.
  if (isNear(new URL(uri)) && !isNear(new URL(issuer)))
    throw new Error('the discovered jwks_uri is an address of this machine');
  return { uri, allowsAddress: addressRule(uri, { issuer, address }) };
}

/** An issuer must not make Loom ask services of a network that the issuer is not in. */
function addressRule(
  uri: string,
  { issuer, address }: { issuer: string; address: string | undefined },
): FetchRules['allowsAddress'] {
  const [keys, own] = [new URL(uri), new URL(issuer)];
  if (isNear(own)) return undefined;
  // Behind a proxy the address is unknown, and only the name of the issuer's own server is trusted.
  if (address === undefined) return keys.hostname === own.hostname ? undefined : (each) => !isPrivateAddress(each);
  if (isNearAddress(address)) return undefined;
  return (each) => !(isPrivateAddress(address) ? isNearAddress(each) : isPrivateAddress(each));
}
