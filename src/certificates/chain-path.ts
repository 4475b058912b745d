/** Finds the certificates between a leaf and a trust anchor (RFC 5280 §6.1). */
import type { X509Certificate } from 'node:crypto';
import { readCertificateFields } from './fields.js';
import { isIssuer } from './trust-anchors.js';

interface Candidates {
  readonly anchors: readonly X509Certificate[];
  /** Certificates that may stand between: those of the file, and those that the client sent. */
  readonly others: readonly X509Certificate[];
}

type Path = readonly [X509Certificate, ...X509Certificate[]];

/** The leaf, the intermediates and the anchor. Undefined: no such path exists. */
export function pathToAnchor(leaf: X509Certificate, { anchors, others }: Candidates): Path | undefined {
  const known = new Map<X509Certificate, readonly X509Certificate[]>();
  // A client may send certificates that issued each other. Their signatures are checked once, not in every order.
  const issuersOf = (certificate: X509Certificate): readonly X509Certificate[] => {
    const issuers = known.get(certificate) ?? [...anchors, ...others].filter((each) => isIssuer(each, certificate));
    known.set(certificate, issuers);
    return issuers;
  };
  /** `below`: authorities below the issuer, without the self-issued ones (RFC 5280 §4.2.1.9). */
  const climb = (path: Path, below: number): Path | undefined => {
    const top = path.at(-1) ?? leaf;
    const issuers = issuersOf(top).filter((each) => !path.includes(each) && allowsBelow(each, below));
    const anchor = issuers.find((each) => anchors.includes(each));
    if (anchor) return [...path, anchor];
    for (const next of issuers) {
      const found = climb([...path, next], below + (next.subject === next.issuer ? 0 : 1));
      if (found) return found;
    }
    return undefined;
  };
  return climb([leaf], 0);
}

/** Whether `pathlen` of the issuer allows so many authorities below it. An authority that cannot be read allows none. */
function allowsBelow(issuer: X509Certificate, intermediates: number): boolean {
  try {
    const { pathLength } = readCertificateFields(issuer.raw);
    return pathLength === undefined || pathLength >= intermediates;
  } catch {
    return false;
  }
}

/** The leaf, and each certificate of the client that issued the one before it. */
export function presentedPath(leaf: X509Certificate, others: readonly X509Certificate[]): Path {
  const issuer = others.find((each) => isIssuer(each, leaf));
  const rest = others.filter((each) => each !== issuer);
  return issuer ? [leaf, ...presentedPath(issuer, rest)] : [leaf];
}
