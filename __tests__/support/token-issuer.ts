/** An issuer on loopback: a key set over HTTP, and tokens that jose signs with its key. */
import { createSecretKey } from 'node:crypto';
import { askedServer, json, raw, type AskedServer } from '../tokens/introspection-server.js';
import { base64url, signed, signingKey, type SigningKey } from '../tokens/signing.js';

export interface TokenIssuer {
  readonly origin: string;
  readonly key: SigningKey;
  /** The number of fetches of the key set, and the requested paths. */
  readonly asked: AskedServer['asked'];
  /**
   * A good token of this issuer for the page's API, with these claims changed (`undefined`: removed) and these header
   * fields.
   */
  token(claims?: Claims, header?: object): Promise<string>;
  /** From now on the key set answers 500. */
  fail(): void;
  close(): Promise<void>;
}

export type Claims = Readonly<Record<string, unknown>>;

/** With `slash` its `iss` ends with a slash, as for Auth0. */
export async function tokenIssuer({ kid = 'of-the-page', slash = false } = {}): Promise<TokenIssuer> {
  const key = signingKey('RS256');
  const server = await askedServer(json({ keys: [{ ...key.jwk, kid, use: 'sig', alg: 'RS256' }] }));
  const iss = slash ? `${server.origin}/` : server.origin;
  return {
    origin: server.origin,
    key,
    asked: server.asked,
    token: (claims = {}, header = {}) =>
      signed(
        { iss, aud: 'api.example.com', ...livelyClaims(), ...claims },
        { alg: 'RS256', key: key.privateKey, header: { kid, ...header } },
      ),
    fail: () => void (server.answer = raw(500, 'down')),
    close: () => server.close(),
  };
}

export const seconds = (): number => Math.floor(Date.now() / 1_000);

/** The claims of every good token: its subject, and an expiry in ten minutes. */
export const livelyClaims = (): Claims => ({ sub: 'ada', iat: seconds(), exp: seconds() + 600 });

/** A token under a shared secret. */
export const secretToken = (secret: string, claims: Claims = {}): Promise<string> =>
  signed({ ...livelyClaims(), ...claims }, { alg: 'HS256', key: createSecretKey(Buffer.from(secret)) });

/** A token that no library would make: any header, any claims, and a given signature. */
export const rawToken = (header: unknown, claims: unknown, signature = ''): string =>
  `${base64url(header)}.${base64url(claims)}.${signature}`;

export const bearer = (token: string): { headers: { Authorization: string } } => ({
  headers: { Authorization: `Bearer ${token}` },
});
