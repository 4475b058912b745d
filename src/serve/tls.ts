/** Reads a listener's certificate files into TLS options, and refuses any doubt before anything listens. */
import { constants, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { ServerOptions } from 'node:https';
import { createSecureContext } from 'node:tls';
import type { PlannedListener, PlannedTls } from '../config/plan-types.js';
import { TlsFileError } from './gatekeeper.js';

/** RFC 9325 §4.2: forward secrecy and AEAD; the level refuses keys and signatures that a host's OpenSSL may allow. */
const CIPHERS = [
  ...['TLS_AES_256_GCM_SHA384', 'TLS_CHACHA20_POLY1305_SHA256', 'TLS_AES_128_GCM_SHA256'],
  ...['ECDHE-ECDSA-AES128-GCM-SHA256', 'ECDHE-RSA-AES128-GCM-SHA256', 'ECDHE-ECDSA-AES256-GCM-SHA384'],
  ...['ECDHE-RSA-AES256-GCM-SHA384', 'ECDHE-ECDSA-CHACHA20-POLY1305', 'ECDHE-RSA-CHACHA20-POLY1305'],
  '@SECLEVEL=2',
].join(':');

/** A slow handshake may not hold a socket longer than this. */
const HANDSHAKE_MS = 10_000;

/** When the certificate of a listener ends, in Unix seconds; undefined where its file cannot be read now. */
export function certificateEnd(tls: PlannedTls): number | undefined {
  try {
    return Math.floor(new X509Certificate(bytesOf(tls, tls.certFile)).validToDate.getTime() / 1_000);
  } catch {
    return undefined;
  }
}

export function tlsOptions(listener: PlannedListener, tls: PlannedTls): ServerOptions {
  const read = reader(listener.name, tls);
  const asks = tls.clientAuth !== 'none';
  const options: ServerOptions = {
    cert: read(tls.certFile, 'CERTIFICATE'),
    key: read(tls.keyFile, 'PRIVATE KEY'),
    minVersion: tls.minVersion,
    ciphers: CIPHERS,
    ALPNProtocols: ['http/1.1'],
    handshakeTimeout: HANDSHAKE_MS,
    // A session of one listener never opens another.
    sessionIdContext: `loom:${listener.name}:${listener.port}`.slice(0, 32),
    // Where certificates are asked for, nothing is resumed: a resumed session may read as authorized without one, and
    // outlives a changed CA or CRL. Node keeps no session cache of its own, so without tickets none is left.
    secureOptions: constants.SSL_OP_NO_RENEGOTIATION | (asks ? constants.SSL_OP_NO_TICKET : 0),
    requestCert: asks,
    rejectUnauthorized: tls.clientAuth === 'require' || tls.clientAuth === 'verify',
    ...(asks && { ca: authorities(listener, tls, read) }),
    ...(asks && tls.crlFile !== undefined && { crl: revocations(listener, tls.crlFile, read) }),
  };
  try {
    createSecureContext(options);
  } catch (cause) {
    const files = [tls.certFile, tls.keyFile, tls.caFile, tls.crlFile].filter((file) => file !== undefined);
    throw new TlsFileError(listener.name, files.join(', '), 'do not make a TLS context', { cause });
  }
  return options;
}

/** What keeps a listener from serving TLS on this machine, in words; undefined where nothing does. */
export function checkTls(listener: PlannedListener): string | undefined {
  if (!listener.tls) return undefined;
  try {
    tlsOptions(listener, listener.tls);
    return undefined;
  } catch (cause) {
    if (cause instanceof TlsFileError) return cause.message;
    throw cause;
  }
}

type Read = (file: string, block: string) => string;

/** From the reading that the plan was made of. */
function bytesOf({ files }: PlannedTls, file: string): Buffer {
  const known = files?.get(file);
  if (files && !known) throw new Error('the file could not be read when the configuration was');
  return known ? Buffer.from(known) : readFileSync(file);
}

function reader(listener: string, tls: PlannedTls): Read {
  return (file, block) => {
    let text: string;
    try {
      text = bytesOf(tls, file).toString('latin1');
    } catch (cause) {
      throw new TlsFileError(listener, file, 'cannot be read', { cause });
    }
    if (!new RegExp(`-----BEGIN [A-Z0-9 ]*${block}-----`).test(text)) {
      throw new TlsFileError(listener, file, `holds no PEM block "${block}"`);
    }
    return text;
  };
}

/** All blocks of a kind; one that is cut short is not left out, since a list without it would let more clients in. */
function blocksOf(text: string, kind: string): string[] | undefined {
  const blocks = text.match(new RegExp(`-----BEGIN ${kind}-----[^-]+-----END ${kind}-----`, 'g')) ?? [];
  return blocks.length === text.split(`-----BEGIN ${kind}-----`).length - 1 ? blocks : undefined;
}

/** Node reads the first list of a text and forgets the others (one for each authority of a chain, as a rule). */
function revocations(listener: PlannedListener, file: string, read: Read): string[] {
  const blocks = blocksOf(read(file, 'X509 CRL'), 'X509 CRL');
  if (!blocks || blocks.length === 0) throw new TlsFileError(listener.name, file, 'holds a PEM block that has no end');
  return blocks;
}

/** With no `ca`, Node would trust every public root to vouch for clients. */
function authorities(listener: PlannedListener, tls: PlannedTls, read: Read): string[] {
  const { caFile } = tls;
  if (caFile === undefined) throw new TlsFileError(listener.name, 'ca_file', `is missing; client_auth needs one`);
  const blocks = blocksOf(read(caFile, 'CERTIFICATE'), 'CERTIFICATE');
  if (!blocks) throw new TlsFileError(listener.name, caFile, 'holds a PEM block that has no end');
  let certificates: X509Certificate[];
  try {
    certificates = blocks.map((block) => new X509Certificate(block));
  } catch (cause) {
    throw new TlsFileError(listener.name, caFile, 'holds a certificate that cannot be parsed', { cause });
  }
  const usable = certificates.filter((each) => each.ca && Date.parse(each.validTo) > Date.now());
  if (usable.length === 0) throw new TlsFileError(listener.name, caFile, 'holds no CA certificate that is still valid');
  return blocks;
}
