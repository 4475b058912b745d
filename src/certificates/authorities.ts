/** Checks a connection, which the TLS server of the host verified, against the authorities of Loom. */
import { X509Certificate } from 'node:crypto';
import type { Socket } from 'node:net';
import type { DetailedPeerCertificate, TLSSocket } from 'node:tls';
import { LRUCache } from 'lru-cache';

const PEM = /-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----/g;
const LONGEST_CHAIN = 8;
const INTERMEDIATES = 64;

/** The start and end of the validity of a chain; empty if there is no chain. */
interface Validity {
  readonly from: number;
  readonly until: number;
}

const NEVER: Validity = { from: Infinity, until: -Infinity };

export class Authorities {
  readonly #trusted: readonly X509Certificate[];
  readonly #judged = new WeakMap<Socket, Validity>();
  /** A resumed session keeps only the leaf. So intermediates that were verified once are remembered by fingerprint. */
  readonly #intermediates = new LRUCache<string, X509Certificate>({ max: INTERMEDIATES });

  /** Throws a TypeError with a message for the user if the text holds no certificate of an authority. */
  constructor(pem: string) {
    const blocks = pem.match(PEM) ?? [];
    if (blocks.length === 0) throw new TypeError('holds no PEM certificate');
    this.#trusted = blocks.map(parse);
    if (!this.#trusted.every((each) => each.ca))
      throw new TypeError('holds a certificate that is not an authority (CA:TRUE)');
  }

  get count(): number {
    return this.#trusted.length;
  }

  /** Whether the chain of the peer leads to one of these authorities and all its certificates are valid now. */
  issued(socket: Socket, now: number): boolean {
    let validity = this.#judged.get(socket);
    if (!validity) {
      validity = this.#judge(socket as TLSSocket);
      this.#judged.set(socket, validity);
    }
    return now >= validity.from && now < validity.until;
  }

  #judge(socket: TLSSocket): Validity {
    const chain: X509Certificate[] = [];
    try {
      for (const der of presented(socket)) chain.push(new X509Certificate(der));
    } catch {
      return NEVER;
    }
    const [leaf, ...others] = chain;
    return leaf ? this.#climb(leaf, [...others, ...this.#intermediates.values()], ALWAYS) : NEVER;
  }

  #climb(certificate: X509Certificate, others: readonly X509Certificate[], below: Validity): Validity {
    const validity = narrower(below, certificate);
    const anchor = this.#trusted.find((each) => isIssuer(each, certificate));
    if (anchor) return narrower(validity, anchor);
    const next = others.find((each) => isIssuer(each, certificate));
    if (!next) return NEVER;
    const rest = others.filter((each) => each !== next);
    const climbed = this.#climb(next, rest, validity);
    if (climbed !== NEVER) this.#intermediates.set(next.fingerprint256, next);
    return climbed;
  }
}

const ALWAYS: Validity = { from: -Infinity, until: Infinity };

function parse(block: string): X509Certificate {
  try {
    return new X509Certificate(block);
  } catch {
    throw new TypeError('holds a PEM certificate that cannot be read');
  }
}

function narrower({ from, until }: Validity, { validFrom, validTo }: X509Certificate): Validity {
  return { from: Math.max(from, Date.parse(validFrom)), until: Math.min(until, Date.parse(validTo)) };
}

function isIssuer(issuer: X509Certificate, certificate: X509Certificate): boolean {
  try {
    return issuer.ca && certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey);
  } catch {
    return false;
  }
}

/**
 * The leaf, and the certificates that the client or the store of the host added above it. Node 24.21 and 26.8 show a
 * server only the leaf (nodejs/node#65579). There the file must contain the intermediates, and without them the chain
 * is rejected.
 */
function presented(socket: TLSSocket): readonly Buffer[] {
  const ders: Buffer[] = [];
  let certificate: DetailedPeerCertificate | undefined = socket.getPeerCertificate(true);
  while (
    certificate?.raw &&
    ders.length < LONGEST_CHAIN &&
    !ders.some((each) => each.equals(certificate?.raw as Buffer))
  ) {
    ders.push(certificate.raw);
    certificate = certificate.issuerCertificate;
  }
  return ders;
}
