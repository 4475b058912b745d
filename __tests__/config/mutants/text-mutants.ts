/** A file as a slip of the hand leaves it: every line, key and value of its text, wrong in every way that we could think of. */
import { recased, respelt, type Breadth } from './spellings.js';

export interface Mutant {
  /** Where: the line as it stood, with its number. */
  readonly place: string;
  /** What was done there. */
  readonly slip: string;
  readonly text: string;
}

interface Line {
  readonly indent: string;
  readonly dash: string;
  readonly key: string | undefined;
  readonly value: string;
  readonly comment: string;
}

const LINE = /^(?<indent> *)(?<dash>(?:- )*)(?:(?<key>[\w-]+):(?: +|$))?(?<value>.*?)(?<comment> +#.*)?$/;

/** The replacements of any value: one of every type that YAML has. */
const VALUES = ['', 'null', 'true', 'false', '0', '1.5', '""', '[]', '{}', '[x]', '{x: true}', '*a'];

/** What only looks like one, and what no value can be. */
const MORE_VALUES = [
  ...[
    '~',
    'yes',
    'no',
    'on',
    'off',
    'ture',
    'True',
    '1',
    '-1',
    '.nan',
    '0x1F',
    '1_000',
    '1e9999',
    '123456789012345678901',
  ],
  ...[
    '2026-01-01',
    "''",
    '" "',
    '[[]]',
    '[{}]',
    '[null]',
    '[""]',
    '{"": ""}',
    '{true: true}',
    '|',
    '>',
    '|-',
    '-',
    '- ',
  ],
  ...['?', '&a', '!', '!!str', '!!null ""', '@', '`', '!!bool true', '!!set {a}', '!!binary aGk=', '!!js/undefined ""'],
  ...['%', '"', "'", '[', '{', '# nothing', ',', 'x', '${X}', '${X:-}', '${X:-none}', '${file:nowhere}', '${', '<<'],
  ...['__proto__', 'constructor', 'NaN', 'undefined'],
];

/** What a key may have become; `$` is the key. */
const KEYS = ['""', '1', '<<', '"$ "'];
const MORE_KEYS = [
  ...['', '~', 'null', 'true', '1.5', '"<<"', '__proto__', 'constructor', 'toString', '? x', '[a]', '{a}', '*a', '&a'],
  ...['!!null', 'x-$', '"$\\0"', '" $"', '"\\u0000$"', '$.$', '$[0]', '-$', '- $', '#$', '!$', '%$', '@$'],
];

/** How a line may have been written: `$k` is its key, `$v` its value, `$i` the indentation of the key. */
const LINES = [
  '$k:$v',
  '$k: : $v',
  '"$k: $v"',
  '$k: "$v"',
  '$k: &v $v',
  '$k: !!str $v',
  '<<: $v',
  '<<: {$k: $v}',
  '$k: $v\n$i$k: $v',
];
const MORE_LINES = [
  ...[
    '$k : $v',
    '$k $v',
    '$k:: $v',
    '$k = $v',
    '$k\uff1a $v',
    '$k:\u00a0$v',
    '$k;$v',
    '$k:\t$v',
    '\t$k: $v',
    '"$k": $v',
  ],
  ...["'$k': $v", "'$k: $v'", '? $k\n$i: $v', '? $k: $v', '!!str $k: $v', '&k $k: $v', '$k: !!map $v', '$k: !!seq $v'],
  ...['$k: !x $v', '$k: *v', '$k: {<<: $v}', '$k: [$v]', '$k: {$k: $v}', '$k: {$v}', '$k: - $v', '$k: $v\n$i$k: none'],
  ...[
    '$k: none\n$i$k: $v',
    '$k: $v\n$i"$k": null',
    '$k: $v,',
    '$k: $v;',
    '$k: $v #',
    '$k: $v # x',
    '$k: #$v',
    '{$k: $v}',
  ],
  ...[
    '[$k: $v]',
    '$k: |\n$i  $v',
    '$k: >-\n$i  $v',
    '$k:\n$i  $v',
    '$k:\n$i$v',
    "$k: '$v'",
    '$k: "$v',
    '$k: $v"',
    '// $k: $v',
  ],
  ...[
    '...\n$k: $v',
    '---\n$k: $v',
    '$k: $v\n---',
    '$k: $v\n...',
    '$k: $v\n... x',
    '%YAML 1.1\n---\n$k: $v',
    '$k: $v\r',
  ],
  ...[
    '$k: $v\u2028',
    '$k: $v\u0085',
    '$k: \u202e$v',
    '$k: \ufeff$v',
    '$k: \u200b$v',
    '$k: $v\u200b',
    '$k: $v\0',
    '+$k: $v',
  ],
];

const ITEMS = ['-$v', '- [$v]', '- {$v: true}', '- "$v"', '- &a $v', '- $v\n$i- $v'];
const MORE_ITEMS = [
  ...['- - $v', '- $v: true', '- $v:', '- !!str $v', '- *a', '* $v', '$v', '-\t$v', '-\u00a0$v', '\u2013 $v', '- $v,'],
  ...['- not $v', '- !$v', '- $v $v', '-', '- ~', '- none', '- #$v'],
];

/** All of them, or those of the core. */
const some = (breadth: Breadth, core: readonly string[], more: readonly string[]): readonly string[] =>
  breadth === 'every' ? [...core, ...more] : core;

export function* textMutants(text: string, breadth: Breadth): Generator<Mutant> {
  const lines = text.split('\n');
  for (const at of lines.keys()) yield* textMutantsAt(lines, at, breadth);
}

/** Those of one line; none for a comment. */
export function* textMutantsAt(lines: readonly string[], at: number, breadth: Breadth): Generator<Mutant> {
  const written = lines[at] ?? '';
  if (/^\s*(?:#|$)/.test(written)) return;
  const make = (slip: string, ...changed: readonly string[]): Mutant => ({
    place: `${at + 1} ${written.trim()}`,
    slip,
    text: [...lines.slice(0, at), ...changed].join('\n'),
  });
  const rest = lines.slice(at + 1);
  for (const [slip, changed] of linesInPlaceOf(read(written), breadth)) yield make(slip, changed, ...rest);
  for (const [slip, changed] of blocksInPlaceOf(lines.slice(at), breadth)) yield make(slip, ...changed);
}

function read(written: string): Line {
  const { indent = '', dash = '', key, value = '', comment = '' } = LINE.exec(written)?.groups ?? {};
  return { indent, dash, key, value, comment };
}

function* linesInPlaceOf(line: Line, breadth: Breadth): Generator<readonly [slip: string, changed: string]> {
  const { indent, dash, key, value, comment } = line;
  const head = `${indent}${dash}`;
  const keyed = (name: string, what: string): string => `${head}${name}:${what === '' ? '' : ` ${what}`}${comment}`;
  const withValue = (what: string): string => (key === undefined ? `${head}${what}` : keyed(key, what));
  const whole = (form: string): string => head.replace(/(?:- )$/, key === undefined ? '' : '$&') + fill(form, line);
  if (key !== undefined) {
    for (const [slip, name] of [...respelt(key, breadth), ...recased(key, breadth)])
      yield [`key ${slip}`, keyed(name, value)];
    for (const name of some(breadth, KEYS, MORE_KEYS)) yield [`key ${name}`, keyed(name.replaceAll('$', key), value)];
  }
  if (value !== '') {
    for (const [slip, what] of [...respelt(value, breadth), ...recased(value, breadth)])
      yield [`value ${slip}`, withValue(what)];
  }
  for (const what of some(breadth, VALUES, MORE_VALUES)) yield [`value is ${what}`, withValue(what)];
  const forms = key === undefined ? some(breadth, ITEMS, MORE_ITEMS) : some(breadth, LINES, MORE_LINES);
  for (const form of forms) yield [`line as ${form}`, whole(form)];
  const steps = breadth === 'every' ? [1, 2, 4] : [2];
  for (const by of steps) yield [`line ${by} in`, `${' '.repeat(by)}${withValue(value)}`];
  for (const by of steps) yield [`line ${by} out`, withValue(value).replace(new RegExp(`^ {0,${by}}`), '')];
}

function fill(form: string, { indent, dash, key = '', value }: Line): string {
  const inner = indent + ' '.repeat(dash.length);
  return form.replace(/\$([kvi])/g, (_all, which) => (which === 'k' ? key : which === 'v' ? value : inner));
}

/** A line with all that hangs on it. */
function* blocksInPlaceOf(
  from: readonly string[],
  breadth: Breadth,
): Generator<readonly [slip: string, changed: readonly string[]]> {
  const [first = '', ...below] = from;
  const depth = first.search(/\S/);
  const end = below.findIndex((each) => each.trim() !== '' && each.search(/\S/) <= depth);
  const block = [first, ...below.slice(0, end < 0 ? below.length : end)];
  const rest = from.slice(block.length);
  const commented = block.map((each) => each.replace(/^( *)(?=\S)/, '$1# '));
  yield ['line deleted', below];
  yield ['line commented out', [commented[0] as string, ...below]];
  yield ['block deleted', rest];
  yield ['block commented out', [...commented, ...rest]];
  yield ['block twice', [...block, ...block, ...rest]];
  const key = /^ *(?:- )*[\w-]+:/.exec(first)?.[0].replace('-', ' ');
  if (key !== undefined) yield ['block, then none', [...block, `${key} none`, ...rest]];
  for (const by of breadth === 'every' ? [1, 2, 4] : [2]) {
    yield [`block ${by} in`, [...block.map((each) => ' '.repeat(by) + each), ...rest]];
    yield [`block ${by} out`, [...block.map((each) => each.replace(new RegExp(`^ {0,${by}}`), '')), ...rest]];
  }
  yield ['block anchored and merged', [...merged(block), ...rest]];
  if (breadth === 'every') yield ['block of tabs', [...block.map((each) => each.replaceAll('  ', '\t')), ...rest]];
}

/** `auth: {…}` as `<<: {auth: {…}}`: what a reader that merges would take for the same. */
function merged(block: readonly string[]): readonly string[] {
  const [first = '', ...below] = block;
  const [, indent = '', dash = ''] = /^( *)((?:- )*)/.exec(first) ?? [];
  const inner = indent + ' '.repeat(dash.length);
  return [
    `${indent}${dash}<<: &all`,
    `${inner}  ${first.trim().replace(/^(?:- )*/, '')}`,
    ...below.map((each) => `  ${each}`),
  ];
}
