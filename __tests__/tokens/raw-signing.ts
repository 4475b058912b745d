/** Signs any input with node:crypto: headers and payloads that no library would write, in any spelling. */
import { constants, createHmac, sign, type KeyObject } from 'node:crypto';
import type { Algorithm } from '../../src/tokens/algorithms.js';

const DIGESTS = { 256: 'sha256', 384: 'sha384', 512: 'sha512' } as const;

/** Returns the signature bytes of the algorithm for the input. */
export function signatureOf(alg: Algorithm, key: KeyObject, input: string): Buffer {
  const bytes = Buffer.from(input, 'utf8');
  if (alg === 'EdDSA') return sign(null, bytes, key);
  const digest = DIGESTS[Number(alg.slice(2)) as keyof typeof DIGESTS];
  switch (alg.slice(0, 2)) {
    case 'HS':
      return createHmac(digest, key).update(bytes).digest();
    case 'ES':
      return sign(digest, bytes, { key, dsaEncoding: 'ieee-p1363' });
    case 'PS': {
      const saltLength = constants.RSA_PSS_SALTLEN_DIGEST;
      return sign(digest, bytes, { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength });
    }
    default:
      return sign(digest, bytes, key);
  }
}

/** Returns JSON, except that strings and bytes are kept unchanged. */
export type Part = string | Buffer | object;

export const encoded = (part: Part): string =>
  Buffer.from(typeof part === 'string' || Buffer.isBuffer(part) ? part : JSON.stringify(part)).toString('base64url');

/** Returns the parts with a valid signature, whatever their content. */
export function compact(header: Part, payload: Part, { alg, key }: { alg: Algorithm; key: KeyObject }): string {
  const input = `${encoded(header)}.${encoded(payload)}`;
  return `${input}.${signatureOf(alg, key, input).toString('base64url')}`;
}
