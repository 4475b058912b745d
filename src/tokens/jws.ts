/** Parses a compact JWS (RFC 7515 §7.1) strictly, before any part of it is trusted. */
import { isUtf8 } from 'node:buffer';
import { beginsObject } from '../lib/jws-form.js';
import { parseStrictJson } from '../lib/strict-json.js';

export type Claims = Readonly<Record<string, unknown>>;

export interface Jws {
  readonly alg: string;
  readonly kid?: string | undefined;
  readonly typ?: string | undefined;
  readonly claims: Claims;
  /** The signed text: the first two parts as they were sent. */
  readonly input: Buffer;
  readonly signature: Buffer;
}

export type ParsedToken =
  | { readonly kind: 'jws'; readonly jws: Jws }
  /** Not a JWS: an opaque token, which another auth method may accept. */
  | { readonly kind: 'foreign' }
  | { readonly kind: 'malformed' };

const BASE64URL = /^[A-Za-z0-9_-]*$/;
const FOREIGN: ParsedToken = { kind: 'foreign' };
const MALFORMED: ParsedToken = { kind: 'malformed' };

/**
 * Header parameters that change what is signed or how it is read. None is supported, so a token with one is rejected.
 */
const REFUSED = ['crit', 'b64', 'enc', 'zip'];

export function parseJws(token: string): ParsedToken {
  const parts = partsOf(token);
  if (!parts) return FOREIGN;
  const [header = '', payload = '', signature = ''] = parts;
  if (parts.length !== 3) return MALFORMED;
  const protectedHeader = decodeObject(header);
  const claims = decodeObject(payload);
  const bytes = decodeBase64url(signature);
  if (!protectedHeader || !claims || !bytes) return MALFORMED;
  const { alg, kid, typ, cty } = protectedHeader;
  if (REFUSED.some((name) => Object.hasOwn(protectedHeader, name))) return MALFORMED;
  if (typeof alg !== 'string' || !isOptionalText(kid) || !isOptionalText(typ) || !isOptionalText(cty)) return MALFORMED;
  // RFC 7519 §5.2: a nested token. The inner token is not checked, and the outer claims are not claims.
  if (cty !== undefined && /^(?:application\/)?jwt$/i.test(cty)) return MALFORMED;
  const input = Buffer.from(`${header}.${payload}`, 'latin1');
  return { kind: 'jws', jws: { alg, kid, typ, claims: deepFrozen(claims), input, signature: bytes } };
}

/** Whether another auth method may read the token. Reads the form alone, so a token of any length may be asked about. */
export function isForeign(token: string): boolean {
  return partsOf(token) === undefined;
}

/** The parts of a JWS, or of a token that no other auth method may read. Undefined for a foreign token. */
function partsOf(token: string): readonly string[] | undefined {
  const parts = token.split('.', 6);
  if ((parts.length !== 3 && parts.length !== 5) || !beginsObject(parts[0] as string)) return undefined;
  // RFC 7516 §9: five parts are a JWE, the opaque token of some issuers. A signed token with disclosures and a key
  // binding has five parts too (RFC 9901 §4), and no other auth method may read it.
  const isJwe = parts.length === 5 && parts.every((part) => BASE64URL.test(part));
  return isJwe ? undefined : parts;
}

function isOptionalText(value: unknown): value is string | undefined {
  return value === undefined || typeof value === 'string';
}

function decodeObject(part: string): Record<string, unknown> | undefined {
  const bytes = decodeBase64url(part);
  if (!bytes || !isUtf8(bytes)) return undefined;
  try {
    const value = parseStrictJson(bytes.toString('utf8'));
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}

/** RFC 4648 §3.5: unused bits must be zero. Otherwise one token would have several spellings. */
function decodeBase64url(part: string): Buffer | undefined {
  const bytes = Buffer.from(part, 'base64url');
  return bytes.toString('base64url') === part ? bytes : undefined;
}

/** All requests with the token share the claims, so they are frozen: a handler must not change them. */
function deepFrozen<T extends object>(value: T): T {
  for (const each of Object.values(value) as unknown[]) if (typeof each === 'object' && each !== null) deepFrozen(each);
  return Object.freeze(value);
}
