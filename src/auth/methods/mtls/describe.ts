/** Says in one sentence why a client certificate was refused, for the log. */
import { X509Certificate } from 'node:crypto';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { presented } from '../../../certificates/authorities.js';
import { hintOf, verificationError } from '../../../certificates/verification-errors.js';
import { ageText, quoted } from '../../../lib/sentence.js';
import type { ReasonCode } from '../../verdict.js';

/** `now`: milliseconds since the epoch. Names in a certificate that OpenSSL did not verify are marked. */
export function describeCertificate(socket: Socket, reason: ReasonCode, now: number): string | undefined {
  const tls = socket as Partial<TLSSocket>;
  if (tls.encrypted !== true) return 'the connection is not TLS, so it has no client certificate';
  const certificate = tls.getPeerX509Certificate?.();
  if (!certificate) return 'the client sent no certificate';
  const { subject, issuer, validFrom, validTo } = certificate;
  const name = `the certificate ${quoted(oneLine(subject))} of ${quoted(oneLine(issuer))}`;
  const unverified = tls.authorized === true ? '' : ' (unverified)';
  const code = verificationError(tls.authorizationError);
  if (reason === 'certificate_expired') {
    const ended = `${name}${unverified} expired ${ageText(now - Date.parse(validTo))} ago`;
    return code === undefined ? ended : `${ended}; OpenSSL: ${code}`;
  }
  if (reason !== 'certificate_untrusted') return undefined;
  if (now < Date.parse(validFrom)) return `${name}${unverified} is valid in ${ageText(Date.parse(validFrom) - now)}`;
  const hint = code === undefined ? undefined : hintOf(code);
  const end = code === undefined || WITHOUT_ANCHOR.has(code) ? chainEnd(tls as TLSSocket) : '';
  const why = code === undefined ? 'does not lead to mtls.ca_file' : `was refused by OpenSSL: ${code}`;
  return `${name}${unverified} ${why}${hint === undefined ? '' : ` (${hint})`}${end}`;
}

const WITHOUT_ANCHOR: ReadonlySet<string> = new Set([
  ...['UNABLE_TO_GET_ISSUER_CERT', 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY', 'SELF_SIGNED_CERT_IN_CHAIN'],
]);

/** The last authority that the client sent. Its name, or that of its issuer, is what `ca_file` does not have. */
function chainEnd(socket: TLSSocket): string {
  const [, ...above] = presented(socket);
  const last = above.at(-1);
  if (!last) return '';
  const { subject, issuer } = new X509Certificate(last);
  return `; the chain ends at ${quoted(oneLine(subject))} of ${quoted(oneLine(issuer))}`;
}

const oneLine = (name: string | undefined): string => (name ?? '').replaceAll('\n', ', ');
