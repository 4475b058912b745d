/** Reads a file of authorities (`ca_file`): which of its certificates are trust anchors, and their text for OpenSSL. */
import { X509Certificate } from 'node:crypto';
import { readCertificateFields } from './fields.js';

/** What a chain that ends at an anchor is accepted for. */
export type Purpose = 'clients' | 'servers';

export interface TrustAnchors {
  readonly certificates: readonly X509Certificate[];
  /** Every certificate whose issuer is not in the file, and every self-signed one. */
  readonly anchors: readonly X509Certificate[];
}

const BEGIN = /-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----/g;
const BLOCK = /-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----/g;

/**
 * Reads PEM text. Throws a TypeError with a message for the user if a certificate must not be an authority: an
 * end-entity certificate as an anchor would authorise itself.
 */
export function readAnchors(pem: string): TrustAnchors {
  const blocks = pem.match(BLOCK) ?? [];
  if (blocks.length === 0) throw new TypeError('holds no PEM certificate');
  if (blocks.length !== (pem.match(BEGIN) ?? []).length) throw new TypeError('holds a PEM block that has no end');
  const certificates = blocks.map(readAuthority);
  const anchors = certificates.filter((each) => isAnchor(each, certificates));
  if (anchors.length === 0)
    throw new TypeError('holds no anchor: each certificate was issued by another one of the file');
  return { certificates, anchors };
}

/** Why the text has no usable authorities, or undefined. */
export function anchorsProblem(pem: string): string | undefined {
  try {
    readAnchors(pem);
    return undefined;
  } catch (cause) {
    return (cause as Error).message;
  }
}

/** The authorities of a server. A file with the server's own certificate is used as it is: it names one server. */
export function serverAuthorities(pem: string): string {
  return anchorsProblem(pem) === undefined ? anchorsPem(readAnchors(pem), 'servers').join('') : pem;
}

function readAuthority(block: string, at: number): X509Certificate {
  let certificate: X509Certificate;
  let name: string;
  try {
    certificate = new X509Certificate(block);
    name = readCertificateFields(certificate.raw).subject;
  } catch {
    throw new TypeError(`holds a certificate that cannot be parsed (number ${at + 1})`);
  }
  // OpenSSL also wants keyCertSign, where the certificate has a keyUsage.
  if (!certificate.ca)
    throw new TypeError(
      `holds a certificate that is not an authority (CA:TRUE) or must not sign others (keyCertSign): ${name}; give the certificate of its issuer`,
    );
  return certificate;
}

/** The constraints of an issuer in the file, such as `pathlen`, count for the certificates that it issued. */
function isAnchor(certificate: X509Certificate, all: readonly X509Certificate[]): boolean {
  return isIssuer(certificate, certificate) || !all.some((each) => isIssuer(each, certificate));
}

/** Whether the authority signed the certificate. */
export function isIssuer(issuer: X509Certificate, certificate: X509Certificate): boolean {
  try {
    return issuer.ca && certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey);
  } catch {
    return false;
  }
}

/** `id-kp-clientAuth` and `id-kp-serverAuth` (RFC 5280 §4.2.1.12), in DER. */
const PURPOSES: Readonly<Record<Purpose, Buffer>> = {
  clients: Buffer.from('06082b06010505070302', 'hex'),
  servers: Buffer.from('06082b06010505070301', 'hex'),
};

/**
 * The text of the authorities for the `ca` option of Node, one block per certificate. OpenSSL ends a chain at a
 * self-signed certificate, or at one that says for what it is trusted. So an issuing authority alone is enough, and an
 * intermediate whose root is in the file still leads to that root.
 */
export function anchorsPem({ certificates, anchors }: TrustAnchors, purpose: Purpose): string[] {
  return certificates.map((each) =>
    anchors.includes(each) && !isIssuer(each, each) ? trustedPem(each, PURPOSES[purpose]) : each.toString(),
  );
}

/** X509_CERT_AUX of OpenSSL: the certificate, and after it a list of the purposes that it is trusted for. */
function trustedPem({ raw }: X509Certificate, purpose: Buffer): string {
  const purposes = Buffer.concat([Buffer.from([0x30, purpose.length]), purpose]);
  const trust = Buffer.concat([Buffer.from([0x30, purposes.length]), purposes]);
  const lines =
    Buffer.concat([raw, trust])
      .toString('base64')
      .match(/.{1,64}/g) ?? [];
  return ['-----BEGIN TRUSTED CERTIFICATE-----', ...lines, '-----END TRUSTED CERTIFICATE-----', ''].join('\n');
}
