/** Why OpenSSL refused a certificate chain: its codes as a closed set, and what each usually means here. */

/** The codes of `X509_verify_cert_error_string`, as Node names them. */
const CODES: ReadonlySet<string> = new Set([
  ...['UNABLE_TO_GET_ISSUER_CERT', 'UNABLE_TO_GET_CRL', 'UNABLE_TO_DECRYPT_CERT_SIGNATURE', 'CERT_SIGNATURE_FAILURE'],
  ...['UNABLE_TO_DECRYPT_CRL_SIGNATURE', 'UNABLE_TO_DECODE_ISSUER_PUBLIC_KEY', 'CRL_SIGNATURE_FAILURE'],
  ...['CERT_NOT_YET_VALID', 'CERT_HAS_EXPIRED', 'CRL_NOT_YET_VALID', 'CRL_HAS_EXPIRED', 'CERT_REVOKED', 'INVALID_CA'],
  ...['ERROR_IN_CERT_NOT_BEFORE_FIELD', 'ERROR_IN_CERT_NOT_AFTER_FIELD', 'ERROR_IN_CRL_LAST_UPDATE_FIELD'],
  ...['ERROR_IN_CRL_NEXT_UPDATE_FIELD', 'OUT_OF_MEM', 'DEPTH_ZERO_SELF_SIGNED_CERT', 'SELF_SIGNED_CERT_IN_CHAIN'],
  ...['UNABLE_TO_GET_ISSUER_CERT_LOCALLY', 'UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'CERT_CHAIN_TOO_LONG'],
  ...['PATH_LENGTH_EXCEEDED', 'INVALID_PURPOSE', 'CERT_UNTRUSTED', 'CERT_REJECTED', 'HOSTNAME_MISMATCH'],
]);

const HINTS: Readonly<Record<string, string>> = {
  UNABLE_TO_GET_ISSUER_CERT: 'the client sent no certificate, or an authority of the chain is missing in ca_file',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    'the issuer is not in ca_file, and the client sent no intermediate certificate of that name',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'the chain does not end at a certificate of ca_file',
  SELF_SIGNED_CERT_IN_CHAIN: 'the root of the chain is not in ca_file',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'the certificate signed itself and is not in ca_file',
  UNABLE_TO_GET_CRL: 'crl_file has no list of one of the authorities',
  CRL_HAS_EXPIRED: 'a list of crl_file has expired',
  CRL_NOT_YET_VALID: 'a list of crl_file is not valid yet; compare the clocks',
  CERT_REVOKED: 'crl_file revokes it',
  CERT_HAS_EXPIRED: 'the certificate, or one of its authorities, has expired',
  CERT_NOT_YET_VALID: 'the certificate is not valid yet; compare the clocks',
  INVALID_PURPOSE: 'the certificate is not for clients',
};

/** What an error usually means here. */
export function hintOf(code: string): string | undefined {
  return Object.hasOwn(HINTS, code) ? HINTS[code] : undefined;
}

/** Node has the code as the error of a server, and the error as the error of a client. */
export function verificationError(error: unknown): string | undefined {
  if (typeof error === 'string') return error;
  return error instanceof Error ? ((error as NodeJS.ErrnoException).code ?? error.message) : undefined;
}

/** A code for the label of a metric: one of the verification, or the kind of another TLS error. */
export function boundedCause(code: string): string {
  if (CODES.has(code)) return code;
  if (code.startsWith('ERR_SSL_')) return OTHER_TLS.has(code) ? code : 'ERR_SSL';
  return 'other';
}

const OTHER_TLS: ReadonlySet<string> = new Set([
  ...['ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE', 'ERR_SSL_CERTIFICATE_VERIFY_FAILED', 'ERR_SSL_NO_SHARED_CIPHER'],
  ...['ERR_SSL_UNSUPPORTED_PROTOCOL', 'ERR_SSL_WRONG_VERSION_NUMBER', 'ERR_SSL_HTTP_REQUEST'],
  ...[
    'ERR_SSL_TLSV1_ALERT_UNKNOWN_CA',
    'ERR_SSL_SSL/TLS_ALERT_CERTIFICATE_UNKNOWN',
    'ERR_SSL_NO_SUITABLE_SIGNATURE_ALGORITHM',
  ],
]);
