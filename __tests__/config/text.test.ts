import { parse } from 'yaml';
import { valueOf } from '../../src/config/document.js';
import { parseText } from '../../src/config/parse.js';
import { growsInProportion } from '../support/growth.js';
import { API_KEY, compile, errorsOf } from './files.js';

const file = (note: string) => `middleware: {auth: {api_key: ${API_KEY}}}
routes:
  - path: /a # note${note}
    auth: {api_key: true}
`;

describe('what a file shows is what it says', () => {
  it.each([
    ['a lone CR', '\r'],
    ['U+0085', '\u0085'],
    ['U+2028', '\u2028'],
    ['U+2029', '\u2029'],
    ['a form feed', '\f'],
    ['a vertical tab', '\u000b'],
    ['an escape character', '\u001b[2K'],
    ['a reversed order of letters', '\u202e'],
    ['an isolate', '\u2066'],
    ['a byte order mark within', '\uFEFF'],
  ])('so %s in a comment is an error', (_what, character) => {
    expect(errorsOf(file(`${character}    auth: none`))).toMatchObject([
      { code: 'hidden_character', line: 3, column: 20 },
    ]);
  });

  it.each([
    ['CRLF', file('').replaceAll('\n', '\r\n')],
    ['a byte order mark at the start', `\uFEFF${file('')}`],
    ['letters of any script', file(' שלום, привет, 你好 ☕')],
    ['escapes in double quotes', file('').replace('/a #', '"/\\u00e9\\u200f" #')],
    ['tabs before a comment', file('').replace(' # note', '\t# note')],
  ])('and %s is none', (_what, text) => {
    expect(compile(text).plan.routes).toMatchObject([{ requirement: { kind: 'method', name: 'api_key' } }]);
  });
});

describe('anchors', () => {
  it.each([
    'a: &x 1\nb: *x\nc: &x 2\nd: *x\n',
    'a: &x 1\nb: &y [*x]\nc: &x 2\nd: *y\n',
    'a: &x {k: &y 1, m: *y}\nb: *x\nc: *y\n',
    '&r a: 1\nb: *r\n',
    'a: &x {b: &x 2}\nc: *x\n',
    'a: &x\nb: *x\n',
  ])('name what they name for the library: %j', (text) => {
    const { root, faults } = parseText(text);
    expect(faults).toEqual([]);
    expect(root && valueOf(root)).toEqual(parse(text));
  });

  it.each([
    ['a: *x\nb: &x 1\n', 'bad_alias'],
    ['a: &x [1, *x]\n', 'cyclic_alias'],
    ['a: &x {b: 1, "b": 2}\nc: *x\n', 'duplicate_key'],
  ])('that cannot be followed are one error: %j', (text, code) => {
    expect(parseText(text).faults.map((each) => each.code)).toEqual([code]);
  });
});

it.each([
  ['keys', (many: number) => Array.from({ length: many }, (_, i) => `k${i}: 1`).join('\n')],
  ['keys of a flow map', (many: number) => `a: {${Array.from({ length: many }, (_, i) => `k${i}: 1`).join(', ')}}`],
  ['aliases', (many: number) => `a: &a 1\nb: [${Array(many).fill('*a').join(',')}]`],
  ['anchors', (many: number) => `b: [${Array.from({ length: many }, (_, i) => `&a${i} 1, *a${i}`).join(',')}]`],
] as const)('the time to read many %s grows with the file alone', (_what, textOf) => {
  expect(growsInProportion(textOf, parseText, 800)).toBe(true);
});
