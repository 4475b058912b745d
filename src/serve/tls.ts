/** Reads a listener's certificate files into TLS options, and refuses doubtful files before any port opens. */
import { constants, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { ServerOptions } from 'node:https';
import { createSecureContext } from 'node:tls';
import { judgeKeyPair, type PairFinding } from '../certificates/key-pair.js';
import { readRevocationList, revocationFaults, type RevocationList } from '../certificates/revocation-lists.js';
import { anchorsPem, readAnchors, type TrustAnchors } from '../certificates/trust-anchors.js';
import type { PlannedListener, PlannedTls } from '../config/plan-types.js';
import { TlsFileError } from './gatekeeper.js';

/**
 * RFC 9325 §4.2: forward secrecy and AEAD. The security level refuses keys and signatures that a host's OpenSSL may
 * allow.
 */
const CIPHERS = [
  ...['TLS_AES_256_GCM_SHA384', 'TLS_CHACHA20_POLY1305_SHA256', 'TLS_AES_128_GCM_SHA256'],
  ...['ECDHE-ECDSA-AES128-GCM-SHA256', 'ECDHE-RSA-AES128-GCM-SHA256', 'ECDHE-ECDSA-AES256-GCM-SHA384'],
  ...['ECDHE-RSA-AES256-GCM-SHA384', 'ECDHE-ECDSA-CHACHA20-POLY1305', 'ECDHE-RSA-CHACHA20-POLY1305'],
  '@SECLEVEL=2',
].join(':');

/** A slow handshake must not hold a socket longer than this. */
const HANDSHAKE_MS = 10_000;

/** Returns the certificate of a listener. Undefined if its file cannot be read now. */
export function certificateOf(tls: PlannedTls): X509Certificate | undefined {
  try {
    return new X509Certificate(bytesOf(tls, tls.certFile));
  } catch {
    return undefined;
  }
}

/** Returns when the certificate of a listener expires, in Unix seconds. Undefined if its file cannot be read now. */
export function certificateEnd(tls: PlannedTls): number | undefined {
  const end = certificateOf(tls)?.validToDate.getTime();
  return end === undefined ? undefined : Math.floor(end / 1_000);
}

export function tlsOptions(listener: PlannedListener, tls: PlannedTls): ServerOptions {
  const read = reader(listener.name, tls);
  const asks = tls.clientAuth !== 'none';
  const pair = { cert: read(tls.certFile, 'CERTIFICATE'), key: read(tls.keyFile, 'PRIVATE KEY') };
  const [fault] = judgeKeyPair(pair, Date.now()).filter(({ level }) => level === 'error');
  if (fault) throw new TlsFileError(listener.name, fileOf(tls, fault), fault.message);
  const options: ServerOptions = {
    ...pair,
    minVersion: tls.minVersion,
    ciphers: CIPHERS,
    ALPNProtocols: ['http/1.1'],
    handshakeTimeout: HANDSHAKE_MS,
    // A session of one listener is never valid at another listener.
    sessionIdContext: `loom:${listener.name}:${listener.port}`.slice(0, 32),
    // A listener that requests certificates resumes no session. A resumed session may appear authorized without a
    // certificate, and outlives a changed CA or CRL. Node has no session cache of its own, so a listener without
    // tickets resumes nothing.
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

/** What is wrong with a TLS file of a listener, under the name of its option. */
export interface TlsFinding {
  readonly option: 'cert_file' | 'key_file' | 'ca_file' | 'crl_file';
  /** `error`: the listener does not open. */
  readonly level: 'error' | 'warning';
  readonly message: string;
}

/** Judges every TLS file of a listener. With an error, `tlsOptions` throws. */
export function inspectTls(listener: PlannedListener): readonly TlsFinding[] {
  const { tls } = listener;
  if (!tls) return [];
  const findings: TlsFinding[] = [];
  const attempt = <T>(option: TlsFinding['option'], act: () => T): T | undefined => {
    try {
      return act();
    } catch (cause) {
      if (!(cause instanceof TlsFileError)) throw cause;
      findings.push({ option, level: 'error', message: cause.message.replace(`listener ${listener.name}: `, '') });
      return undefined;
    }
  };
  const read = reader(listener.name, tls);
  const cert = attempt('cert_file', () => read(tls.certFile, 'CERTIFICATE'));
  const key = attempt('key_file', () => read(tls.keyFile, 'PRIVATE KEY'));
  if (cert !== undefined && key !== undefined) {
    for (const finding of judgeKeyPair({ cert, key }, Date.now())) {
      const { of, level } = finding;
      const message = `${fileOf(tls, finding)} ${level === 'error' ? finding.message : `: ${finding.message}`}`;
      findings.push({ option: `${of}_file`, level, message: message.replace(' :', ':') });
    }
  }
  const { crlFile } = tls;
  if (tls.clientAuth !== 'none') {
    attempt('ca_file', () => authorities(listener, tls, read));
    if (crlFile !== undefined) attempt('crl_file', () => revocations(listener, crlFile, read));
    for (const fault of revocationState(listener)?.faults ?? [])
      findings.push({ option: 'crl_file', level: 'warning', message: `${crlFile}: ${fault}` });
  }
  if (findings.every(({ level }) => level === 'warning')) attempt('cert_file', () => tlsOptions(listener, tls));
  return findings;
}

function fileOf(tls: PlannedTls, { of }: Pick<PairFinding, 'of'>): string {
  return of === 'cert' ? tls.certFile : tls.keyFile;
}

type Read = (file: string, block: string) => string;

/** Uses the bytes that were read for the plan. */
function bytesOf({ files }: PlannedTls, file: string): Buffer {
  const known = files?.get(file);
  if (typeof known === 'string') throw new Error(known);
  if (files && !known) throw new Error('the file could not be read when the configuration was');
  return known ? Buffer.from(known) : readFileSync(file);
}

function reader(listener: string, tls: PlannedTls): Read {
  return (file, block) => {
    let text: string;
    try {
      text = bytesOf(tls, file).toString('latin1');
    } catch (cause) {
      throw new TlsFileError(listener, file, `cannot be read: ${reasonOf(cause)}`, { cause });
    }
    if (!new RegExp(`-----BEGIN [A-Z0-9 ]*${block}-----`).test(text)) {
      throw new TlsFileError(listener, file, `holds no PEM block "${block}"`);
    }
    return text;
  };
}

/** The reason without the path, which the message names already. */
function reasonOf(cause: unknown): string {
  const { code, message } = cause as NodeJS.ErrnoException;
  if (code === 'ENOENT') return 'there is no such file';
  return code ?? message;
}

/** Returns all blocks of a kind. A truncated block is an error, because a list without it would admit more clients. */
function blocksOf(text: string, kind: string): string[] | undefined {
  const blocks = text.match(new RegExp(`-----BEGIN ${kind}-----[^-]+-----END ${kind}-----`, 'g')) ?? [];
  return blocks.length === text.split(`-----BEGIN ${kind}-----`).length - 1 ? blocks : undefined;
}

/** Node reads only the first list of a text. A chain usually has one list for each authority. */
function revocations(listener: PlannedListener, file: string, read: Read): string[] {
  const blocks = blocksOf(read(file, 'X509 CRL'), 'X509 CRL');
  if (!blocks || blocks.length === 0) throw new TlsFileError(listener.name, file, 'holds a PEM block that has no end');
  return blocks;
}

/** Without `ca`, Node would accept client certificates of every public root. */
function authorities(listener: PlannedListener, tls: PlannedTls, read: Read): string[] {
  return anchorsPem(anchorsOf(listener, tls, read), 'clients');
}

function anchorsOf(listener: PlannedListener, tls: PlannedTls, read: Read): TrustAnchors {
  const { caFile } = tls;
  if (caFile === undefined) throw new TlsFileError(listener.name, 'ca_file', `is missing; client_auth needs one`);
  let anchors: TrustAnchors;
  try {
    anchors = readAnchors(read(caFile, 'CERTIFICATE'));
  } catch (cause) {
    if (cause instanceof TlsFileError) throw cause;
    throw new TlsFileError(listener.name, caFile, (cause as Error).message, { cause });
  }
  if (!anchors.anchors.some((each) => Date.parse(each.validTo) > Date.now()))
    throw new TlsFileError(listener.name, caFile, 'holds no CA certificate that is still valid');
  return anchors;
}

/** The lists of a listener, with what makes them refuse clients. Undefined without lists, or if a file is unusable. */
export function revocationState(listener: PlannedListener): RevocationState | undefined {
  const { tls } = listener;
  if (!tls || tls.clientAuth === 'none' || tls.crlFile === undefined) return undefined;
  const read = reader(listener.name, tls);
  try {
    const lists = revocations(listener, tls.crlFile, read).map(readRevocationList);
    return { lists, faults: revocationFaults(lists, anchorsOf(listener, tls, read), Date.now()) };
  } catch {
    return undefined;
  }
}

export interface RevocationState {
  readonly lists: readonly RevocationList[];
  readonly faults: readonly string[];
}
