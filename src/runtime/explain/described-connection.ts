/** A connection that exists as a description only: Node's HTTP parser reads its bytes, and nothing is sent. */
import type { X509Certificate } from 'node:crypto';
import { Socket } from 'node:net';
import { TLSSocket, type DetailedPeerCertificate } from 'node:tls';

export interface ConnectionFacts {
  readonly from: string;
  readonly localPort: number | undefined;
  readonly tls: boolean;
  /** The client certificate, then its intermediates. */
  readonly chain: readonly X509Certificate[];
  /** The error of OpenSSL. Undefined: the TLS server accepts the chain. */
  readonly verificationError: string | undefined;
}

/** Members that only a TLS connection has. */
interface TlsMembers {
  encrypted?: true;
  authorized?: boolean;
  authorizationError?: string;
}

class DescribedConnection extends Socket {
  constructor(readonly facts: ConnectionFacts) {
    super();
  }

  override _read(): void {
    // All bytes are there from the start.
  }

  override _write(_chunk: unknown, _encoding: string, done: () => void): void {
    done();
  }

  override _writev(_chunks: unknown, done: () => void): void {
    done();
  }

  override _final(done: () => void): void {
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    done(error);
  }
}

/** On the prototype, as Node has them: an own address of a socket is the claim of an adapter. */
Object.defineProperties(DescribedConnection.prototype, {
  remoteAddress: {
    get(this: DescribedConnection): string {
      return this.facts.from;
    },
  },
  localPort: {
    get(this: DescribedConnection): number | undefined {
      return this.facts.localPort;
    },
  },
});

/**
 * Only the prototype makes a `TLSSocket`. Its constructor would start a handshake, and the description has none: the
 * certificate is judged before.
 */
const TLS_CONNECTION = Object.create(TLSSocket.prototype, {
  ...Object.getOwnPropertyDescriptors(DescribedConnection.prototype),
  getPeerX509Certificate: {
    value(this: DescribedConnection): X509Certificate | undefined {
      return this.facts.chain[0];
    },
  },
  getPeerCertificate: {
    value(this: DescribedConnection): object {
      return linked(this.facts.chain);
    },
  },
  getProtocol: { value: () => 'TLSv1.3' },
}) as object;

export function describeConnection(facts: ConnectionFacts): Socket {
  const connection = new DescribedConnection(facts);
  if (!facts.tls) return connection;
  Object.setPrototypeOf(connection, TLS_CONNECTION);
  const { verificationError: error } = facts;
  const outcome: TlsMembers =
    error === undefined ? { authorized: true } : { authorized: false, authorizationError: error };
  Object.assign(connection, { encrypted: true, ...outcome });
  return connection;
}

/** As Node links the certificates of a peer: each one has its issuer. */
function linked([leaf, ...issuers]: readonly X509Certificate[]): Partial<DetailedPeerCertificate> {
  if (!leaf) return {};
  const issuer = linked(issuers);
  return { raw: leaf.raw, ...(issuer.raw && { issuerCertificate: issuer as DetailedPeerCertificate }) };
}
