/** The tokens of the demo issuer: signed tokens with a public key, and opaque tokens that only the issuer can check. */
import { createHash, generateKeyPairSync, randomBytes, sign } from 'node:crypto';

export interface TokenClaims {
  readonly sub: string;
  readonly client_id?: string;
  readonly scope: string;
  /** Lifetime from now. Negative for an expired token. */
  readonly seconds: number;
}

interface Remembered {
  readonly sub: string;
  readonly client_id?: string;
  readonly scope: string;
  readonly iat: number;
  readonly exp: number;
}

const base64url = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');

export class DemoTokens {
  readonly #keys = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  readonly #opaque = new Map<string, Remembered>();
  readonly #kid: string;

  constructor(readonly names: { readonly issuer: string; readonly audience: string }) {
    const { crv, kty, x, y } = this.#keys.publicKey.export({ format: 'jwk' });
    // RFC 7638: the required members in lexicographic order.
    this.#kid = createHash('sha256').update(JSON.stringify({ crv, kty, x, y })).digest('base64url');
  }

  jwks(): object {
    const jwk = this.#keys.publicKey.export({ format: 'jwk' });
    return { keys: [{ ...jwk, kid: this.#kid, use: 'sig', alg: 'ES256' }] };
  }

  /** Signs an access token (RFC 9068). */
  sign(claims: TokenClaims): string {
    const header = base64url({ alg: 'ES256', typ: 'at+jwt', kid: this.#kid });
    const payload = base64url({ ...this.#claims(claims), jti: randomBytes(12).toString('base64url') });
    const signature = sign('sha256', Buffer.from(`${header}.${payload}`), {
      key: this.#keys.privateKey,
      dsaEncoding: 'ieee-p1363',
    });
    return `${header}.${payload}.${signature.toString('base64url')}`;
  }

  /** Creates an opaque token that only `introspect` can resolve. */
  remember(claims: TokenClaims): string {
    const token = `opaque_${randomBytes(24).toString('base64url')}`;
    this.#opaque.set(token, this.#claims(claims));
    return token;
  }

  introspect(token: string): object {
    const known = this.#opaque.get(token);
    if (!known || known.exp <= Date.now() / 1000) return { active: false };
    return { active: true, token_type: 'Bearer', ...known };
  }

  #claims({ seconds, ...claims }: TokenClaims) {
    const now = Math.floor(Date.now() / 1000);
    const iat = seconds < 0 ? now + 2 * seconds : now;
    return { iss: this.names.issuer, aud: this.names.audience, ...claims, iat, exp: now + seconds };
  }
}
