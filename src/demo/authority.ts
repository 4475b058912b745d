/** Creates a temporary certificate authority with a server and a client certificate, only for the demo. */
import { KeyObject, randomBytes, webcrypto } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
// Must be the first import, because x509 needs it at load.
import 'reflect-metadata';
import * as x509 from '@peculiar/x509';

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const LIFETIME_MS = 7 * 86_400_000;
/** The clocks of two machines differ, and a certificate that is not yet valid is rejected. */
const HEAD_START_MS = 3_600_000;

export interface AuthorityFiles {
  readonly ca: string;
  readonly serverCert: string;
  readonly serverKey: string;
  readonly clientCert: string;
  readonly clientKey: string;
}

interface Issued {
  readonly certificate: x509.X509Certificate;
  readonly keys: webcrypto.CryptoKeyPair;
}

/**
 * Writes a CA and two certificates into a directory that only its owner may read. The key of the CA is never written.
 * After the process ends, no other certificate can be issued.
 */
export async function writeAuthority(directory: string): Promise<AuthorityFiles> {
  const ca = await issueRoot();
  const server = await issueLeaf(ca, {
    subject: 'CN=localhost',
    names: [
      { type: 'dns', value: 'localhost' },
      { type: 'ip', value: '127.0.0.1' },
    ],
    usage: x509.ExtendedKeyUsage.serverAuth,
  });
  const client = await issueLeaf(ca, {
    subject: 'CN=billing,O=Loom demo',
    names: [{ type: 'dns', value: 'billing.demo.internal' }],
    usage: x509.ExtendedKeyUsage.clientAuth,
  });
  const files = {
    ca: join(directory, 'ca.pem'),
    serverCert: join(directory, 'server.pem'),
    serverKey: join(directory, 'server-key.pem'),
    clientCert: join(directory, 'client.pem'),
    clientKey: join(directory, 'client-key.pem'),
  };
  await Promise.all([
    writeFile(files.ca, pem(ca.certificate)),
    writeFile(files.serverCert, pem(server.certificate)),
    writeFile(files.serverKey, privatePem(server.keys), { mode: 0o600 }),
    writeFile(files.clientCert, pem(client.certificate)),
    writeFile(files.clientKey, privatePem(client.keys), { mode: 0o600 }),
  ]);
  return files;
}

async function newKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
}

/** RFC 5280 §4.1.2.2: a positive number of at most 20 octets. */
function serialNumber(): string {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x40;
  return bytes.toString('hex');
}

function validity(): { readonly notBefore: Date; readonly notAfter: Date } {
  const now = Date.now();
  return { notBefore: new Date(now - HEAD_START_MS), notAfter: new Date(now + LIFETIME_MS) };
}

async function issueRoot(): Promise<Issued> {
  const keys = await newKeys();
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    name: 'CN=Loom demo CA',
    ...validity(),
    signingAlgorithm: ALGORITHM,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { certificate, keys };
}

interface Leaf {
  readonly subject: string;
  readonly names: x509.JsonGeneralNames;
  readonly usage: x509.ExtendedKeyUsage;
}

async function issueLeaf(ca: Issued, leaf: Leaf): Promise<Issued> {
  const keys = await newKeys();
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    subject: leaf.subject,
    issuer: ca.certificate.subject,
    ...validity(),
    signingAlgorithm: ALGORITHM,
    publicKey: keys.publicKey,
    signingKey: ca.keys.privateKey,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([leaf.usage]),
      new x509.SubjectAlternativeNameExtension(leaf.names),
      await x509.AuthorityKeyIdentifierExtension.create(ca.keys.publicKey),
    ],
  });
  return { certificate, keys };
}

function pem(certificate: x509.X509Certificate): string {
  return `${certificate.toString('pem')}\n`;
}

function privatePem(keys: webcrypto.CryptoKeyPair): string | Buffer {
  return KeyObject.from(keys.privateKey).export({ type: 'pkcs8', format: 'pem' });
}
