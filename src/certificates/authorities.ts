/** Checks a connection, which the TLS server of the host verified, against the authorities of Loom. */
import { X509Certificate } from 'node:crypto';
import type { Socket } from 'node:net';
import type { DetailedPeerCertificate, TLSSocket } from 'node:tls';
import { LRUCache } from 'lru-cache';
import { RecordedConnection } from '../lib/connection.js';
import { pathToAnchor } from './chain-path.js';
import { readAnchors } from './trust-anchors.js';

const LONGEST_CHAIN = 8;
const INTERMEDIATES = 64;

/** The start and end of the validity of a chain; empty if there is no chain. */
interface Validity {
  readonly from: number;
  readonly until: number;
}

const NEVER: Validity = { from: Infinity, until: -Infinity };

export class Authorities {
  readonly #anchors: readonly X509Certificate[];
  /** Certificates of the file whose issuer is in the file too. */
  readonly #between: readonly X509Certificate[];
  readonly #judged = new WeakMap<Socket, Validity>();
  /** A resumed session keeps only the leaf. So intermediates that were verified once are remembered by fingerprint. */
  readonly #intermediates = new LRUCache<string, X509Certificate>({ max: INTERMEDIATES });

  /** Throws a TypeError with a message for the user if the text holds no certificate of an authority. */
  constructor(pem: string) {
    const { certificates, anchors } = readAnchors(pem);
    this.#anchors = anchors;
    this.#between = certificates.filter((each) => !anchors.includes(each));
  }

  get count(): number {
    return this.#anchors.length + this.#between.length;
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
    const [leaf, ...sent] = chain;
    if (!leaf) return NEVER;
    const others = [...this.#between, ...sent, ...this.#intermediates.values()];
    const path = pathToAnchor(leaf, { anchors: this.#anchors, others });
    if (!path) return NEVER;
    for (const each of path.slice(1, -1))
      if (!this.#between.includes(each)) this.#intermediates.set(each.fingerprint256, each);
    return path.reduce(narrower, ALWAYS);
  }
}

const ALWAYS: Validity = { from: -Infinity, until: Infinity };

function narrower({ from, until }: Validity, { validFrom, validTo }: X509Certificate): Validity {
  return { from: Math.max(from, Date.parse(validFrom)), until: Math.min(until, Date.parse(validTo)) };
}

/**
 * The leaf, and the certificates that the client or the store of the host added above it. Node 24.21 and 26.8 show a
 * server only the leaf (nodejs/node#65579). There the file must contain the intermediates, and without them the chain
 * is rejected.
 */
export function presented(socket: TLSSocket): readonly Buffer[] {
  // The class represents a socket, so the type of the parameter does not name it.
  const given: unknown = socket;
  if (given instanceof RecordedConnection) return given.chain.slice(0, LONGEST_CHAIN);
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
