/** Recipes for tokens: header and claims, their spelling, the signer, and changes to the signature. */
import { createSecretKey, sign } from 'node:crypto';
import fc from 'fast-check';
import { ALGORITHMS, type Algorithm } from '../../src/tokens/algorithms.js';
import { AUDIENCES, ISSUER, kidOf, NOW, pemOf, signerOf, STRANGERS, type Policy } from './differential-judges.js';
import { signatureOf } from './raw-signing.js';

/** Members as JSON texts, so that a name may occur twice and a number in any spelling. */
type Members = readonly (readonly [name: string, value: string])[];

export type Edit =
  | { readonly kind: 'set' | 'again' | 'first'; readonly name: string; readonly value: string }
  | { readonly kind: 'drop' | 'escape'; readonly name: string };

export interface Recipe {
  /** Chooses from the policy's usual algorithms, or from all. */
  readonly alg: number;
  readonly anyAlg: boolean;
  readonly signer: 'own' | 'stranger' | 'public key as secret';
  readonly header: readonly Edit[];
  readonly claims: readonly Edit[];
  readonly write: readonly [header: Writing, claims: Writing];
  readonly spell: readonly [header: Spelling, claims: Spelling, signature: Spelling];
  readonly signature: Tampering;
}

const WRITINGS = {
  plain: (text: string) => text,
  'spaced out': (text: string) =>
    text.replace(/^\{|\}$|,"/g, (each) => (each === '}' ? ' \r\n}' : each[0] + '\t ' + each.slice(1))),
  'space before': (text: string) => ` \n${text}`,
  'space behind': (text: string) => `${text}\r\n `,
  'a byte order mark': (text: string) => `\ufeff${text}`,
  'a form feed before': (text: string) => `\f${text}`,
  'a NUL behind': (text: string) => `${text}\0`,
  'a trailing comma': (text: string) => text.replace(/\}$/, ',}'),
  'single quotes': (text: string) => text.replaceAll('"', "'"),
  'a comment': (text: string) => `${text}//`,
  'in a list': (text: string) => `[${text}]`,
  'as a text': (text: string) => JSON.stringify(text),
  null: () => 'null',
  nothing: () => '',
  'cut short': (text: string) => text.slice(0, -1),
  'twice over': (text: string) => text + text,
  'invalid UTF-8': (text: string) =>
    Buffer.concat([Buffer.from(text.replace(/\}$/, ',"x":"')), Buffer.from([0xff, 0x22, 0x7d])]),
  'an overlong slash': (text: string) =>
    Buffer.concat([Buffer.from(text.replace(/\}$/, ',"x":"')), Buffer.from([0xc0, 0xaf, 0x22, 0x7d])]),
} as const;
export type Writing = keyof typeof WRITINGS;

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
const SPELLINGS = {
  plain: (part: string) => part,
  padded: (part: string) => part.padEnd(Math.ceil(part.length / 4) * 4, '='),
  'padded too much': (part: string) => `${part}====`,
  'with unused bits': (part: string) =>
    part.length % 4 === 0 ? part : part.slice(0, -1) + (ALPHABET[ALPHABET.indexOf(part.at(-1) ?? 'A') ^ 1] ?? ''),
  'in base64': (part: string) => part.replaceAll('-', '+').replaceAll('_', '/'),
  'a space within': (part: string) => `${part.slice(0, 5)} ${part.slice(5)}`,
  'a line break at the end': (part: string) => `${part}\n`,
  'a tab before': (part: string) => `\t${part}`,
  'a character more': (part: string) => `${part}A`,
  'a character less': (part: string) => part.slice(0, -1),
  'a character outside the alphabet': (part: string) => `${part}!`,
  'a character beyond ASCII': (part: string) => `${part}\u0141`,
  'a NUL': (part: string) => `${part}\0`,
  'percent-encoded': (part: string) => part.replace(/^./, (first) => `%${first.charCodeAt(0).toString(16)}`),
  empty: () => '',
} as const;
export type Spelling = keyof typeof SPELLINGS;

export type Tampering =
  | {
      readonly kind:
        | 'none'
        | 'empty'
        | 'zeros'
        | 'ones'
        | 'DER'
        | 'swapped'
        | 'zero before'
        | 'zero behind'
        | 'short'
        | 'first gone';
    }
  | { readonly kind: 'bit'; readonly at: number };

/** Valid claims and header, as JSON. */
const CLAIMS: Members = Object.entries({
  iss: ISSUER,
  sub: 'alice',
  aud: AUDIENCES[0],
  exp: NOW + 600,
  iat: NOW - 60,
}).map(([name, value]) => [JSON.stringify(name), JSON.stringify(value)]);

const escaped = (name: string): string =>
  `"${[...name].map((each) => `\\u${each.charCodeAt(0).toString(16).padStart(4, '0')}`).join('')}"`;

function edited(members: Members, edits: readonly Edit[]): string {
  let list = [...members];
  for (const edit of edits) {
    const name = JSON.stringify(edit.name);
    if (edit.kind === 'drop' || edit.kind === 'set') list = list.filter(([each]) => each !== name);
    if (edit.kind === 'escape') list = list.map(([each, value]) => [each === name ? escaped(edit.name) : each, value]);
    if (edit.kind === 'first') list.unshift([name, edit.value]);
    if (edit.kind === 'set' || edit.kind === 'again') list.push([name, edit.value]);
  }
  return `{${list.map(([name, value]) => `${name}:${value}`).join(',')}}`;
}

function tampered(good: Buffer, tampering: Tampering, signed: { alg: Algorithm; input: string }): Buffer {
  const half = good.length / 2;
  const zero = Buffer.alloc(1);
  switch (tampering.kind) {
    case 'none':
      return good;
    case 'bit': {
      const other = Buffer.from(good);
      const at = tampering.at % (good.length * 8);
      other.writeUInt8(other.readUInt8(at >> 3) ^ (1 << (at & 7)), at >> 3);
      return other;
    }
    case 'DER':
      return signed.alg.startsWith('ES')
        ? sign(`sha${signed.alg.slice(2)}`, Buffer.from(signed.input), signerOf(signed.alg))
        : zero;
    case 'swapped':
      return Buffer.concat([good.subarray(half), good.subarray(0, half)]);
    case 'zeros':
    case 'ones':
      return Buffer.alloc(good.length, tampering.kind === 'ones' ? 0xff : 0);
    case 'zero before':
      return Buffer.concat([zero, good]);
    case 'zero behind':
      return Buffer.concat([good, zero]);
    case 'short':
      return good.subarray(0, -1);
    case 'first gone':
      return good.subarray(1);
    case 'empty':
      return Buffer.alloc(0);
  }
}

/** Builds the token of a recipe. If it matters, the signature covers header and claims as they are spelled. */
export function cook(recipe: Recipe, policy: Policy): string {
  const { header, claims, write, spell, signer } = recipe;
  const choice = recipe.anyAlg ? ALGORITHMS : policy.usual;
  const alg = choice[recipe.alg % choice.length] ?? 'HS256';
  const named: Members = [
    ['"alg"', JSON.stringify(alg)],
    ['"kid"', JSON.stringify(kidOf(alg))],
  ];
  const typed: Members = policy.tokenType === 'access_token' ? [...named, ['"typ"', '"at+jwt"']] : named;
  const texts = [edited(typed, header), edited(CLAIMS, claims)].map((text, at) => WRITINGS[write[at] ?? 'plain'](text));
  const input = texts
    .map((text, at) => SPELLINGS[spell[at] ?? 'plain'](Buffer.from(text).toString('base64url')))
    .join('.');
  const by: readonly [Algorithm, ReturnType<typeof signerOf>] =
    signer === 'public key as secret'
      ? ['HS256', createSecretKey(Buffer.from(pemOf(alg)))]
      : [alg, signer === 'own' ? signerOf(alg) : (STRANGERS.get(alg) ?? signerOf(alg))];
  const bytes = tampered(signatureOf(by[0], by[1], input), recipe.signature, { alg, input });
  return `${input}.${SPELLINGS[spell[2]](bytes.toString('base64url'))}`;
}

export const PLAIN: Recipe = {
  alg: 0,
  anyAlg: false,
  signer: 'own',
  header: [],
  claims: [],
  write: ['plain', 'plain'],
  spell: ['plain', 'plain', 'plain'],
  signature: { kind: 'none' },
};

export const WRITING_NAMES = Object.keys(WRITINGS) as Writing[];
export const SPELLING_NAMES = Object.keys(SPELLINGS) as Spelling[];
export const rarely = <T>(usual: T, other: fc.Arbitrary<T>, weight = 8): fc.Arbitrary<T> =>
  fc.oneof({ weight, arbitrary: fc.constant(usual) }, { weight: 1, arbitrary: other });
