/** Rules that are stricter than jose. Each rule is checked on the token without our verifier. */
import { isUtf8 } from 'node:buffer';
import { parseDocument } from 'yaml';
import { NOW, type Policy } from './differential-judges.js';

/** The token as a lenient reader sees it. */
export interface View {
  readonly token: string;
  readonly parts: readonly string[];
  /** The parts, decoded as text. */
  readonly texts: readonly string[];
  readonly header: Readonly<Record<string, unknown>>;
  readonly claims: Readonly<Record<string, unknown>>;
}

export interface Rule {
  readonly name: string;
  /** The results of our verifier that the rule explains. */
  readonly why: readonly string[];
  readonly breaks: (view: View, policy: Policy) => boolean;
}

export function viewOf(token: string): View {
  const parts = token.split('.');
  const texts = parts.slice(0, 2).map((part) =>
    Buffer.from(part, 'base64url')
      .toString('utf8')
      .replace(/^\ufeff/, ''),
  );
  const [header = {}, claims = {}] = texts.map((text) => JSON.parse(text) as Record<string, unknown>);
  return { token, parts, texts, header, claims };
}

const has = (object: object, ...names: readonly string[]): boolean => names.some((name) => Object.hasOwn(object, name));
const isText = (value: unknown): boolean => value === undefined || typeof value === 'string';
const isTime = (value: unknown): boolean => value === undefined || Number.isFinite(value);
const depthOf = (value: unknown): number =>
  typeof value === 'object' && value !== null ? 1 + Math.max(0, ...Object.values(value).map(depthOf)) : 0;
const typeOf = ({ header: { typ } }: View): string =>
  typeof typ === 'string' ? typ.toLowerCase().replace(/^application\//, '') : 'jwt';
const OTHER_USES = ['id', 'refresh', 'offline', 'id_token', 'refresh_token', 'ID', 'Refresh'];

/** YAML 1.2 contains JSON, and its parser reports duplicate names. */
const namesTwice = (text: string): boolean =>
  parseDocument(text, { uniqueKeys: true, maxAliasCount: 0 } as object).errors.some(
    ({ code }) => code === 'DUPLICATE_KEY',
  );

const MALFORMED = ['token_malformed'];

export const RULES: readonly Rule[] = [
  { name: 'the token is longer than 8 KiB', why: ['token_too_large'], breaks: ({ token }) => token.length > 8_192 },
  {
    name: 'base64url in a second spelling',
    // A part that does not begin as an object is left to other methods.
    why: [...MALFORMED, 'foreign'],
    breaks: ({ parts }) => parts.some((part) => Buffer.from(part, 'base64url').toString('base64url') !== part),
  },
  {
    name: 'invalid UTF-8, or a byte order mark',
    why: [...MALFORMED, 'foreign'],
    breaks: ({ parts }) =>
      parts
        .slice(0, 2)
        .map((part) => Buffer.from(part, 'base64url'))
        .some((bytes) => !isUtf8(bytes) || bytes[0] === 0xef),
  },
  { name: 'a member twice', why: MALFORMED, breaks: ({ texts }) => texts.some(namesTwice) },
  {
    name: 'nested deeper than 32',
    why: MALFORMED,
    breaks: ({ header, claims }) => Math.max(depthOf(header), depthOf(claims)) > 32,
  },
  { name: 'crit, b64, enc or zip', why: MALFORMED, breaks: ({ header }) => has(header, 'crit', 'b64', 'enc', 'zip') },
  {
    name: 'kid, typ or cty that is not a string',
    why: MALFORMED,
    breaks: ({ header: { kid, typ, cty } }) => ![kid, typ, cty].every(isText),
  },
  {
    name: 'a nested token',
    why: MALFORMED,
    breaks: ({ header }) => /^(?:application\/)?jwt$/i.test(String(header['cty'])),
  },
  {
    name: 'a type that is not for access',
    why: ['token_type'],
    breaks: (view) => !['jwt', 'jose', 'at+jwt'].includes(typeOf(view)),
  },
  {
    name: 'claims of an ID token or of a security event',
    why: ['token_type'],
    breaks: ({ claims }) =>
      has(claims, 'at_hash', 'c_hash', 'events') ||
      [claims['token_use'], claims['typ']].some((use) => OTHER_USES.includes(use as string)),
  },
  { name: 'bound to a key', why: ['token_claims'], breaks: ({ claims: { cnf } }) => cnf !== undefined && cnf !== null },
  {
    name: 'a time that is infinite',
    why: ['token_claims'],
    breaks: ({ claims: { exp, nbf, iat } }) => ![exp, nbf, iat].every(isTime),
  },
  {
    name: 'an aud with members that are not strings',
    why: ['token_claims'],
    breaks: ({ claims: { aud } }) => aud !== undefined && ![aud].flat().every((each) => typeof each === 'string'),
  },
  { name: 'a jti that is not a string', why: ['token_claims'], breaks: ({ claims: { jti } }) => !isText(jti) },
  { name: 'an iss that is not a string', why: ['token_claims'], breaks: ({ claims: { iss } }) => !isText(iss) },
  {
    name: 'no subject of 1 to 256 characters',
    why: ['subject_invalid', 'subject_missing'],
    breaks: ({ claims: { sub, client_id: client } }) => {
      const subject = sub === undefined || sub === '' ? client : sub;
      return typeof subject !== 'string' || subject.length < 1 || subject.length > 256;
    },
  },
  {
    name: 'issued in the future',
    why: ['token_not_yet_valid'],
    breaks: ({ claims: { iat } }, { leeway }) => typeof iat === 'number' && iat > NOW + leeway / 1_000,
  },
  {
    name: 'of exactly the greatest age',
    why: ['token_expired'],
    breaks: ({ claims: { iat } }, { maxAge = Infinity, leeway }) => NOW - Number(iat) === (maxAge + leeway) / 1_000,
  },
];

/** Returns the rules that the token breaks and that explain the result of our verifier. */
export function rulesFor(token: string, policy: Policy, why: string): readonly string[] {
  const view = viewOf(token);
  return RULES.filter((rule) => rule.why.includes(why) && rule.breaks(view, policy)).map(({ name }) => name);
}
