/** Resolves each issuer of a `jwt` block with all its options: its own, else those of the block. */
import { ASYMMETRIC, SYMMETRIC } from '../../../tokens/algorithms.js';
import type { Algorithm } from '../../../tokens/algorithms.js';
import type { RequiredClaims } from '../../../tokens/claim-values.js';
import type { JwtOptions } from './options.js';

/** The source of the keys of an issuer. `none` is an error that the findings report. */
export type KeyOrigin =
  | { readonly kind: 'secret'; readonly secret: string }
  | { readonly kind: 'public_key'; readonly text: string | undefined }
  | { readonly kind: 'jwks'; readonly url: string }
  | { readonly kind: 'discovery'; readonly issuer: string }
  | { readonly kind: 'none' };

export interface JwtIssuer {
  readonly name?: string | undefined;
  readonly issuer?: string | undefined;
  readonly audience?: readonly string[] | undefined;
  readonly keys: KeyOrigin;
  /** The names of the key options that the issuer has, or that the block has if the issuer has none. */
  readonly sources: readonly string[];
  readonly algorithms: readonly Algorithm[];
  readonly leeway: number;
  readonly require_exp: boolean;
  readonly required_claims: RequiredClaims;
  readonly required_scopes: readonly string[];
  readonly token_type: 'any' | 'access_token';
  readonly max_age?: number | undefined;
  readonly ignore_cnf: boolean;
  readonly allow_insecure_http: boolean;
  readonly jwks_max_age: number;
  readonly stale_if_error: number;
  readonly subject_claim?: readonly string[] | undefined;
  readonly scope_claims?: readonly string[] | undefined;
  readonly claims_to_headers?: Readonly<Record<string, string>> | undefined;
}

type Entry = NonNullable<JwtOptions['issuers']>[number];
type KeyOptions = Pick<JwtOptions, 'jwks_url' | 'secret' | 'public_key' | 'public_key_file'>;

/** The issuers of the block. If the block names none, the list has one issuer without `issuer`. */
export function issuersOf(options: JwtOptions): readonly JwtIssuer[] {
  return options.issuers
    ? options.issuers.map((entry) => resolve(options, entry))
    : [resolve(options, { issuer: options.issuer })];
}

function resolve(options: JwtOptions, entry: Partial<Entry>): JwtIssuer {
  // Keys of the issuer replace all keys of the block. A secret and a key set are never combined.
  const source = sourcesOf(entry).length > 0 ? entry : options;
  const keys = originOf(source, entry.issuer);
  return {
    ...(entry.name === undefined ? {} : { name: entry.name }),
    issuer: entry.issuer,
    audience: entry.audience ?? options.audience,
    keys,
    sources: sourcesOf(source),
    algorithms: algorithmsOf(entry) ?? algorithmsOf(options) ?? (keys.kind === 'secret' ? SYMMETRIC : ASYMMETRIC),
    leeway: entry.leeway ?? options.leeway,
    require_exp: entry.require_exp ?? options.require_exp,
    required_claims: entry.required_claims ?? options.required_claims ?? {},
    required_scopes: entry.required_scopes ?? options.required_scopes ?? [],
    token_type: entry.token_type ?? options.token_type,
    max_age: entry.max_age ?? options.max_age,
    ignore_cnf: entry.ignore_cnf ?? options.ignore_cnf,
    allow_insecure_http: entry.allow_insecure_http ?? options.allow_insecure_http,
    jwks_max_age: entry.jwks_max_age ?? options.jwks_max_age,
    stale_if_error: entry.stale_if_error ?? options.stale_if_error,
    subject_claim: entry.subject_claim ?? options.subject_claim,
    scope_claims: entry.scope_claims ?? options.scope_claims,
    claims_to_headers: entry.claims_to_headers ?? options.claims_to_headers,
  };
}

function sourcesOf(from: Partial<KeyOptions>): readonly string[] {
  const sources = (['jwks_url', 'secret'] as const).filter((option) => from[option] !== undefined) as string[];
  if (from.public_key !== undefined || from.public_key_file !== undefined) sources.push('public_key');
  return sources;
}

function originOf(from: Partial<KeyOptions>, issuer: string | undefined): KeyOrigin {
  if (from.secret !== undefined) return { kind: 'secret', secret: from.secret };
  if (from.public_key !== undefined || from.public_key_file !== undefined)
    return { kind: 'public_key', text: from.public_key };
  if (from.jwks_url !== undefined) return { kind: 'jwks', url: from.jwks_url };
  return issuer === undefined ? { kind: 'none' } : { kind: 'discovery', issuer };
}

function algorithmsOf(from: {
  algorithm?: Algorithm | undefined;
  algorithms?: readonly Algorithm[] | undefined;
}): readonly Algorithm[] | undefined {
  return from.algorithms ?? (from.algorithm === undefined ? undefined : [from.algorithm]);
}
