/** The harness for attacks through tokens: an issuer for each kind of key, and one text for the outcome of a token. */
import { createSecretKey, type KeyObject } from 'node:crypto';
import { compact, type Part } from '../tokens/raw-signing.js';
import { signingKey, type SigningKey } from '../tokens/signing.js';
import { get, openGround, type Ground, type GroundOptions } from './attack-ground.js';
import { valuesOf, type Message } from './messages.js';
import { livelyClaims, type Claims } from './token-issuer.js';

export const SHARED_SECRET = 'a secret of the ground, of more than thirty-two bytes, and of no other use at all';
export const AUDIENCE = 'api.example.com';

/** The algorithms whose issuers have their key in the file. `RS256` has the key set. */
const OWN = ['ES256', 'ES384', 'ES512', 'PS256', 'EdDSA'] as const;
type Own = (typeof OWN)[number];
export type Signed = Own | 'RS256' | 'HS256';

export const REFUSED = '401 invalid_token';

export interface TokenGround extends Ground {
  /** The key of an issuer. For `HS256` it is the shared secret. */
  signer(alg: Signed): KeyObject;
  publicKey(alg: Exclude<Signed, 'HS256'>): SigningKey;
  /** Good claims for the issuer of that kind of key, with these changed (`undefined`: removed). */
  claims(alg: Signed, more?: Claims): Claims;
  header(alg: Signed, more?: Claims): Claims;
  /** An honest token. */
  honest(alg: Signed, claims?: Claims, header?: Claims): string;
  /** Any header and payload, with a valid signature of the issuer's key. */
  signed(alg: Signed, header: Part, payload: Part): string;
  /**
   * The outcome of a request with this Authorization. An admitted request: `200 ada`, with the identity at the upstream.
   * A refused one: `401 invalid_token`, or `401` if the challenge has no error. A trace at the upstream is appended.
   */
  outcome(authorization: string, path?: string): Promise<string>;
  /** The outcomes of bearer tokens, each with its name. */
  outcomes(
    cases: readonly (readonly [what: string, token: string])[],
    path?: string,
  ): Promise<(readonly [string, string])[]>;
}

export const issuerOf = (alg: Signed): string => `https://${alg.toLowerCase()}.example`;

function authOf(
  keys: ReadonlyMap<Signed, SigningKey>,
  { jwt, issuers }: { jwt: string; issuers?: string | undefined },
): string {
  const entries = [
    `{ name: set, issuer: "${issuerOf('RS256')}", jwks_url: "ISSUER/jwks" }`,
    `{ name: shared, issuer: "${issuerOf('HS256')}", secret: "${SHARED_SECRET}" }`,
    ...OWN.map(
      (alg) => `{ name: ${alg}, issuer: "${issuerOf(alg)}", public_key: '${JSON.stringify(keys.get(alg)?.jwk)}' }`,
    ),
    ...(issuers === undefined ? [] : [issuers]),
  ];
  const headers = '{ sub: X-User-ID, iss: X-User-Issuer, email: X-User-Email }';
  return `
    jwt: { audience: ${AUDIENCE}, claims_to_headers: ${headers}, ${jwt} issuers: [${entries.join(', ')}] }`;
}

const ROUTES = `
  - { id: public, path: /public/*, upstream: backend, auth: none }
  - { id: internal, path: /internal/*, upstream: backend, auth: { jwt: true } }`;

export interface TokenGroundOptions extends Pick<GroundOptions, 'env' | 'top' | 'auth' | 'routes' | 'upstreams'> {
  /** Further options of the `jwt` block, each followed by a comma. */
  readonly jwt?: string;
  /** One more issuer. */
  readonly issuers?: string;
}

export async function tokenGround({ jwt = '', issuers, ...options }: TokenGroundOptions = {}): Promise<TokenGround> {
  const keys = new Map<Signed, SigningKey>(OWN.map((alg) => [alg, signingKey(alg)]));
  const ground = await openGround({
    ...options,
    replaceAuth: true,
    auth: authOf(keys, { jwt, issuers }) + (options.auth ?? ''),
    replaceRoutes: true,
    routes: ROUTES + (options.routes ?? ''),
  });
  keys.set('RS256', ground.issuer.key);
  const shared = createSecretKey(Buffer.from(SHARED_SECRET));
  ground.secrets.push(SHARED_SECRET);
  const publicKey = (alg: Signed): SigningKey => {
    const key = keys.get(alg);
    if (!key) throw new TypeError(`no key for ${alg}`);
    return key;
  };
  const signer = (alg: Signed): KeyObject => (alg === 'HS256' ? shared : publicKey(alg).privateKey);
  const claims = (alg: Signed, more: Claims = {}): Claims => ({
    iss: issuerOf(alg),
    aud: AUDIENCE,
    ...livelyClaims(),
    ...more,
  });
  const header = (alg: Signed, more: Claims = {}): Claims => ({
    alg,
    ...(alg === 'RS256' ? { kid: 'of-the-page' } : {}),
    ...more,
  });
  const signed = (alg: Signed, head: Part, payload: Part): string =>
    compact(head, payload, { alg: alg, key: signer(alg) });
  const outcome = async (authorization: string, path = '/internal/x'): Promise<string> =>
    said(await ground.send(get(path, `Authorization: ${authorization}`)), ground.arrived());
  return {
    ...ground,
    signer,
    publicKey,
    claims,
    header,
    signed,
    honest: (alg, more, head) => signed(alg, header(alg, head), claims(alg, more)),
    outcome,
    outcomes: async (cases, path) => {
      const found: (readonly [string, string])[] = [];
      for (const [what, token] of cases) found.push([what, await outcome(`Bearer ${token}`, path)]);
      return found;
    },
  };
}

/** A short text for a response and for what reached the upstream meanwhile. */
export function said(answer: string, arrived: readonly Message[]): string {
  const [status = ''] = /(?<=^HTTP\/1\.1 )\d{3}/.exec(answer) ?? [];
  const [, error] = /^www-authenticate: Bearer[^\r]*\berror="([^"]*)"/im.exec(answer) ?? [];
  const words =
    status === '200' ? arrived.flatMap((each) => valuesOf(each, 'x-user-id')) : error === undefined ? [] : [error];
  const forwarded = status !== '200' && arrived.length > 0 ? ['but forwarded'] : [];
  return [status, ...words, ...forwarded].join(' ');
}

/** For tables: every one of them had this outcome. */
export const all = (cases: readonly (readonly [what: string, ...rest: unknown[]])[], outcome: string) =>
  cases.map(([what]) => [what, outcome]);

/** The first valid response. A busy machine may need a while. */
export async function waitFor<T>(look: () => T | undefined, ms = 20_000): Promise<T> {
  for (const end = Date.now() + ms; ;) {
    const found = look();
    if (found !== undefined) return found;
    if (Date.now() > end) throw new Error('waited in vain');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
