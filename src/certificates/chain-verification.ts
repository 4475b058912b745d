/** Says with which error OpenSSL refuses a chain of a client, without a handshake. */
import type { X509Certificate } from 'node:crypto';
import { pathToAnchor, presentedPath } from './chain-path.js';
import { readCertificateFields, type CertificateFields } from './fields.js';
import type { RevocationList } from './revocation-lists.js';
import type { TrustAnchors } from './trust-anchors.js';

export interface Verifier {
  readonly authorities: TrustAnchors;
  /** Undefined: the listener has no lists, so no certificate is looked up. */
  readonly lists: readonly RevocationList[] | undefined;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

type Chain = readonly [X509Certificate, ...X509Certificate[]];

const CLIENT_AUTH = '1.3.6.1.5.5.7.3.2';

/**
 * The code of the error; undefined: the chain is accepted. Node lets OpenSSL go on after an error, so the last error of
 * its checks counts. Their order is that of `X509_verify_cert`: path, purpose, revocation, dates.
 */
export function verificationFault([leaf, ...sent]: Chain, verifier: Verifier): string | undefined {
  const { certificates, anchors } = verifier.authorities;
  const between = certificates.filter((each) => !anchors.includes(each));
  const path = pathToAnchor(leaf, { anchors, others: [...between, ...sent] });
  const chain = path ?? presentedPath(leaf, [...between, ...sent]);
  const faults = [
    ...(path ? [] : [pathFault(chain)]),
    ...purposeFaults(leaf),
    ...chain.flatMap((each, at) => revocationFault(each, chain[at + 1], verifier)),
    ...(path || isSelfSigned(leaf) || chain.length > 1 ? [] : ['UNABLE_TO_VERIFY_LEAF_SIGNATURE']),
    ...[...chain].reverse().flatMap((each) => dateFault(each, verifier.now)),
  ];
  return faults.at(-1);
}

/** An authority that another authority does not permit (`pathlen`) is in the file, and still leads nowhere. */
function pathFault(chain: readonly X509Certificate[]): string {
  const last = chain.at(-1);
  if (!last || !isSelfSigned(last)) return 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY';
  return chain.length === 1 ? 'DEPTH_ZERO_SELF_SIGNED_CERT' : 'SELF_SIGNED_CERT_IN_CHAIN';
}

/** An end-entity certificate may sign itself, though it is no authority. */
function isSelfSigned(certificate: X509Certificate): boolean {
  try {
    return certificate.subject === certificate.issuer && certificate.verify(certificate.publicKey);
  } catch {
    return false;
  }
}

function purposeFaults({ keyUsage }: X509Certificate): readonly string[] {
  // Node calls the extended key usage `keyUsage`.
  const uses = keyUsage as readonly string[] | undefined;
  return uses && !uses.includes(CLIENT_AUTH) ? ['INVALID_PURPOSE'] : [];
}

/** Node asks for a list of each certificate of the chain, of the root too. */
function revocationFault(
  certificate: X509Certificate,
  above: X509Certificate | undefined,
  { lists, now }: Verifier,
): readonly string[] {
  if (!lists) return [];
  const { issuer, serial } = fieldsOf(certificate) ?? {};
  const list = issuer === undefined ? undefined : bestOf(lists, issuer, now);
  if (!list || serial === undefined) return ['UNABLE_TO_GET_CRL'];
  const authority = above ?? (isSelfSigned(certificate) ? certificate : undefined);
  return [
    ...(authority ? [] : ['UNABLE_TO_GET_CRL_ISSUER']),
    ...(list.thisUpdate > now ? ['CRL_NOT_YET_VALID'] : []),
    ...(hasEnded(list, now) ? ['CRL_HAS_EXPIRED'] : []),
    ...(authority && !list.isSignedBy(authority) ? ['CRL_SIGNATURE_FAILURE'] : []),
    ...(list.revokes(serial) ? ['CERT_REVOKED'] : []),
  ];
}

/** The client controls the content of its certificates. */
function fieldsOf({ raw }: X509Certificate): CertificateFields | undefined {
  try {
    return readCertificateFields(raw);
  } catch {
    return undefined;
  }
}

const hasEnded = ({ nextUpdate }: RevocationList, now: number): boolean => nextUpdate !== undefined && nextUpdate < now;

/** Of several lists of one issuer, a list that is valid now, and of those the newest. */
function bestOf(lists: readonly RevocationList[], issuer: string, now: number): RevocationList | undefined {
  const isCurrent = (each: RevocationList): boolean => each.thisUpdate <= now && !hasEnded(each, now);
  const own = lists.filter((each) => each.issuer.toLowerCase() === issuer.toLowerCase());
  const current = own.filter(isCurrent);
  return (current.length > 0 ? current : own).toSorted((a, b) => b.thisUpdate - a.thisUpdate)[0];
}

function dateFault({ validFrom, validTo }: X509Certificate, now: number): readonly string[] {
  if (now < Date.parse(validFrom)) return ['CERT_NOT_YET_VALID'];
  return now >= Date.parse(validTo) ? ['CERT_HAS_EXPIRED'] : [];
}
