/** Resolves each issuer of a `jwt` block with all its options: its own, else those of the block. */
import { ASYMMETRIC, SYMMETRIC } from '../../../tokens/algorithms.js';
import type { Algorithm } from '../../../tokens/algorithms.js';
import type { TokenType } from '../../../tokens/claims.js';
import type { RequiredClaims } from '../../../tokens/claim-values.js';
import type { SecretEncoding } from '../../../tokens/shared-secret.js';
import { fillTemplate, isTemplate } from './issuer-template.js';
import type { JwtOptions } from './options.js';

/** The source of the keys of an issuer. `none` is an error that the findings report. */
export type KeyOrigin =
  | { readonly kind: 'secret'; readonly secret: string; readonly encoding: SecretEncoding }
  | { readonly kind: 'public_key'; readonly text: string | undefined }
  | { readonly kind: 'jwks'; readonly url: string }
  | { readonly kind: 'key_set'; readonly jwks: unknown }
  | { readonly kind: 'discovery'; readonly issuer: string }
  | { readonly kind: 'none' };

export interface JwtIssuer {
  readonly name?: string | undefined;
  readonly issuer?: string | undefined;
  /** The text with `{claim}` that `issuer` comes from. */
  readonly template?: string | undefined;
  /** The claims that fill the template. */
  readonly issuer_claims?: Readonly<Record<string, string>> | undefined;
  readonly audience?: readonly string[] | undefined;
  readonly keys: KeyOrigin;
  /** The names of the key options that the issuer has, or that the block has if the issuer has none. */
  readonly sources: readonly string[];
  readonly algorithms: readonly Algorithm[];
  readonly leeway: number;
  readonly require_exp: boolean;
  readonly required_claims: RequiredClaims;
  readonly required_scopes: readonly string[];
  readonly token_type: TokenType;
  readonly max_token_size: number;
  readonly max_age?: number | undefined;
  readonly ignore_cnf: boolean;
  /** PEM text of the authorities of the issuer. */
  readonly ca?: string | undefined;
  readonly allow_insecure_http: boolean;
  readonly jwks_max_age: number;
  readonly stale_if_error: number;
  readonly subject_claim?: readonly string[] | undefined;
  readonly scope_claims?: readonly string[] | undefined;
  readonly claims_to_headers?: Readonly<Record<string, string>> | undefined;
}

type Entry = NonNullable<JwtOptions['issuers']>[number];
type KeyOptions = Pick<
  JwtOptions,
  'jwks_url' | 'secret' | 'secret_encoding' | 'public_key' | 'public_key_file' | 'jwks' | 'jwks_file'
>;

/** The issuers of the block, each with an exact name. If the block names none, the list has one issuer without `issuer`. */
export function issuersOf(options: JwtOptions): readonly JwtIssuer[] {
  return entriesOf(options).flatMap(exactIssuers);
}

/** The issuers as the file has them, with templates. */
export function entriesOf(options: JwtOptions): readonly JwtIssuer[] {
  return options.issuers
    ? options.issuers.map((entry) => resolve(options, entry))
    : [resolve(options, { issuer: options.issuer })];
}

/** One issuer for each value that fills the template. The findings report a template that cannot be filled. */
export function exactIssuers(entry: JwtIssuer): readonly JwtIssuer[] {
  const { issuer: template, required_claims: required } = entry;
  if (template === undefined || !isTemplate(template)) return [entry];
  return fillTemplate(template, required).map(({ issuer, claims }) => ({
    ...entry,
    issuer,
    template,
    issuer_claims: claims,
    // A tenant that is added or removed changes nothing for the others.
    required_claims: { ...required, ...oneValueEach(claims) },
  }));
}

function oneValueEach(claims: Readonly<Record<string, string>>): RequiredClaims {
  return Object.fromEntries(Object.entries(claims).map(([claim, value]) => [claim, [value]]));
}

function resolve(options: JwtOptions, entry: Partial<Entry>): JwtIssuer {
  // Keys of the issuer replace all keys of the block. A secret and a key set are never combined.
  const source = sourcesOf(entry).length > 0 ? entry : options;
  const encoding = entry.secret_encoding ?? options.secret_encoding ?? 'utf8';
  const keys = originOf(source, { issuer: entry.issuer, encoding });
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
    max_token_size: entry.max_token_size ?? options.max_token_size,
    max_age: entry.max_age ?? options.max_age,
    ignore_cnf: entry.ignore_cnf ?? options.ignore_cnf,
    ca: entry.ca ?? options.ca,
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
  if (from.jwks !== undefined || from.jwks_file !== undefined) sources.push('jwks');
  return sources;
}

function originOf(
  from: Partial<KeyOptions>,
  { issuer, encoding }: { issuer: string | undefined; encoding: SecretEncoding },
): KeyOrigin {
  if (from.secret !== undefined) return { kind: 'secret', secret: from.secret, encoding };
  if (from.public_key !== undefined || from.public_key_file !== undefined)
    return { kind: 'public_key', text: from.public_key };
  if (from.jwks !== undefined || from.jwks_file !== undefined) return { kind: 'key_set', jwks: from.jwks };
  if (from.jwks_url !== undefined) return { kind: 'jwks', url: from.jwks_url };
  return issuer === undefined ? { kind: 'none' } : { kind: 'discovery', issuer };
}

function algorithmsOf(from: {
  algorithm?: Algorithm | undefined;
  algorithms?: readonly Algorithm[] | undefined;
}): readonly Algorithm[] | undefined {
  return from.algorithms ?? (from.algorithm === undefined ? undefined : [from.algorithm]);
}
