/** Says in one sentence why a client certificate was refused, for the log. */
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
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
  if (reason === 'certificate_expired') return `${name}${unverified} expired ${ageText(now - Date.parse(validTo))} ago`;
  if (reason !== 'certificate_untrusted') return undefined;
  if (now < Date.parse(validFrom)) return `${name}${unverified} is valid in ${ageText(Date.parse(validFrom) - now)}`;
  const cause = tls.authorizationError as Error | string | undefined;
  const code = typeof cause === 'string' ? cause : cause?.message;
  const hint = code === undefined ? undefined : HINTS[code];
  const why = code === undefined ? 'does not lead to mtls.ca_file' : `was refused by OpenSSL: ${code}`;
  return `${name}${unverified} ${why}${hint === undefined ? '' : ` (${hint})`}`;
}

const oneLine = (name: string | undefined): string => (name ?? '').replaceAll('\n', ', ');

/** What the verification errors of OpenSSL usually mean here. */
const HINTS: Readonly<Record<string, string>> = {
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'the client sent no intermediate certificate',
  UNABLE_TO_GET_ISSUER_CERT: 'the chain does not end at a certificate of ca_file',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'the chain does not end at a certificate of ca_file',
  SELF_SIGNED_CERT_IN_CHAIN: 'the root of the chain is not in ca_file',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'the certificate signed itself and is not in ca_file',
  UNABLE_TO_GET_CRL: 'crl_file has no list of one of the authorities',
  CRL_HAS_EXPIRED: 'a list of crl_file has expired',
  CERT_REVOKED: 'crl_file revokes it',
};
