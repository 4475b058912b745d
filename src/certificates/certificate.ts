/** Reads the certificate of the peer of a TLS connection, and its claims about the holder. */
import { hash, type X509Certificate } from 'node:crypto';
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { isConnection, RecordedConnection } from '../lib/connection.js';
import { readCertificateFields } from './fields.js';

export interface CertificateClaims {
  /** RFC 4514, one ASCII line. Empty for an empty name. */
  readonly subject: string;
  readonly issuer: string;
  /** Upper hex, whole bytes. */
  readonly serial: string;
  /** SHA-256, lower hex. */
  readonly fingerprint: string;
  /** `DNS:…`, `URI:…`, `email:…`, `IP:…`. */
  readonly sans: readonly string[];
  /** Milliseconds since the epoch. */
  readonly notAfter: number;
}

export type PeerCertificate =
  | { readonly kind: 'none' }
  | { readonly kind: 'untrusted' }
  | { readonly kind: 'expired' }
  | { readonly kind: 'verified'; readonly claims: CertificateClaims };

interface Reading {
  readonly notBefore: number;
  /** Undefined for a certificate that could not be read, that is too weak, or that is the certificate of a CA. */
  readonly claims: CertificateClaims | undefined;
}

/**
 * The certificate of a socket is cached; `authorized` is read each time. An unverified certificate is not cached. If a
 * host renegotiates, the next certificate would confirm the name in the first.
 */
const readings = new WeakMap<object, Reading>();

/** The parts of a TLS connection that show the certificate of its peer. */
type PeerTls = Pick<TLSSocket, 'authorized'> & { getPeerX509Certificate(): X509Certificate | undefined };

/** MD5 and SHA-1 signatures can be forged. The security level of OpenSSL rejects them as well, but hosts lower it. */
const WEAK = new Set(['1.2.840.113549.1.1.4', '1.2.840.113549.1.1.5', '1.2.840.10045.4.1', '1.2.840.10040.4.3']);
const LEAST_RSA_BITS = 2_048;

/**
 * `none` without TLS or without a certificate. The function checks for both a certificate and `authorized`. On some
 * Node versions a resumed TLS 1.3 session without a certificate has `authorized === true`.
 */
export function peerCertificate(socket: Socket, now: number): PeerCertificate {
  const tls = peerTlsOf(socket);
  const reading = tls && (readings.get(socket) ?? readPeer(tls));
  if (!reading) return { kind: 'none' };
  const { claims, notBefore } = reading;
  if (!claims || now < notBefore) return { kind: 'untrusted' };
  if (now >= claims.notAfter) return { kind: 'expired' };
  return tls.authorized === true ? { kind: 'verified', claims } : { kind: 'untrusted' };
}

/** The claims of a verified certificate, for headers; undefined for no certificate, an unverified or an expired one. */
export function certificateClaims(socket: Socket, now = Date.now()): CertificateClaims | undefined {
  const peer = peerCertificate(socket, now);
  return peer.kind === 'verified' ? peer.claims : undefined;
}

/**
 * Returns the socket if it is a TLS connection that Node made. An injected request claims `authorized` and a certificate.
 * The class works through the proxy that HTTP/2 returns for the socket.
 */
export function tlsSocketOf(socket: unknown): TLSSocket | undefined {
  return isConnection(socket) && socket instanceof TLSSocket && socket.encrypted === true ? socket : undefined;
}

function peerTlsOf(socket: unknown): PeerTls | undefined {
  if (socket instanceof RecordedConnection) return socket.encrypted ? socket : undefined;
  return tlsSocketOf(socket);
}

function readPeer(socket: PeerTls): Reading | undefined {
  const certificate = socket.getPeerX509Certificate();
  if (!certificate) return undefined;
  const reading = { notBefore: Date.parse(certificate.validFrom), claims: readClaims(certificate) };
  if (socket.authorized === true) readings.set(socket, reading);
  return reading;
}

function readClaims(certificate: X509Certificate): CertificateClaims | undefined {
  try {
    const { subject, issuer, serial, sans, signatureAlgorithm } = readCertificateFields(certificate.raw);
    const notAfter = Date.parse(certificate.validTo);
    const { modulusLength = LEAST_RSA_BITS } = certificate.publicKey.asymmetricKeyDetails ?? {};
    if (certificate.ca || WEAK.has(signatureAlgorithm) || modulusLength < LEAST_RSA_BITS) return undefined;
    if (Number.isNaN(notAfter) || Number.isNaN(Date.parse(certificate.validFrom))) return undefined;
    return { subject, issuer, serial, sans, fingerprint: hash('sha256', certificate.raw), notAfter };
  } catch {
    // The client controls the content of its certificate. An unreadable certificate is untrusted and never crashes the
    // process.
    return undefined;
  }
}
