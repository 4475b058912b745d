/** An issuer on loopback: a key set over HTTP, and tokens that jose signs with its key. */
import { createSecretKey } from 'node:crypto';
import { askedServer, json, raw, type AskedServer } from '../tokens/introspection-server.js';
import { base64url, signed, signingKey, type SigningKey } from '../tokens/signing.js';

export interface TokenIssuer {
  readonly origin: string;
  readonly key: SigningKey;
  /** How often the key set was fetched, and the paths asked for. */
  readonly asked: AskedServer['asked'];
  /** A good token of this issuer for the page's API, but for these claims (undefined: without it) and header fields. */
  token(claims?: Claims, header?: object): Promise<string>;
  /** From now on the key set answers 500. */
  fail(): void;
  close(): Promise<void>;
}

export type Claims = Readonly<Record<string, unknown>>;

/** `slash` ends its `iss` with one, as Auth0 does. */
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

/** Those that every good token has: whose it is, and ten minutes to live. */
export const livelyClaims = (): Claims => ({ sub: 'ada', iat: seconds(), exp: seconds() + 600 });

/** A token under a shared secret. */
export const secretToken = (secret: string, claims: Claims = {}): Promise<string> =>
  signed({ ...livelyClaims(), ...claims }, { alg: 'HS256', key: createSecretKey(Buffer.from(secret)) });

/** What nobody's library would make: any header, any claims, and a signature as given. */
export const rawToken = (header: unknown, claims: unknown, signature = ''): string =>
  `${base64url(header)}.${base64url(claims)}.${signature}`;

export const bearer = (token: string): { headers: { Authorization: string } } => ({
  headers: { Authorization: `Bearer ${token}` },
});
