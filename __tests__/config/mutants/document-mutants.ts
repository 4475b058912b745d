/** A file as a program that writes files leaves it: every node of the document deleted, renamed, retyped, moved, emptied. */
import { recased, respelt, type Breadth } from './spellings.js';
import type { Mutant } from './text-mutants.js';

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
type Mapping = { readonly [key: string]: Json };
type Step = string | number;
export type NodePath = readonly Step[];

const VALUES: readonly Json[] = [null, true, false, 0, '', [], {}, [''], { enabled: false }];
const MORE_VALUES: readonly Json[] = [
  ...[1, -1, 1.5, ' ', 'true', 'false', 'null', '0', 'yes', 'ture', 'x', '*', '\n', '\0', '${X}', [[]], [{}], [null]],
  ...[{ '': '' }, { enabled: true }, { require: 'false' }, { none: true }],
];

const RENAMED = [
  '',
  ' ',
  '<<',
  'none',
  'auth ',
  ' auth',
  'null',
  'true',
  '1',
  'constructor',
  'toString',
  'hasOwnProperty',
];

export function* documentMutants(document: Json, breadth: Breadth): Generator<Mutant> {
  for (const path of pathsOf(document)) yield* documentMutantsAt(document, path, breadth);
}

/** Those of one node. */
export function* documentMutantsAt(document: Json, path: NodePath, breadth: Breadth): Generator<Mutant> {
  const place = path.join('.');
  const make = (slip: string, changed: Json): Mutant => ({ place, slip, text: JSON.stringify(changed) });
  for (const [slip, put] of valuesInPlaceOf(at(document, path), breadth)) yield make(slip, set(document, path, put));
  yield make('deleted', without(document, path));
  const key = path.at(-1);
  if (typeof key === 'string') {
    for (const [slip, name] of [...respelt(key, breadth), ...recased(key, breadth)])
      yield make(`key ${slip}`, rename(document, path, name));
    for (const name of breadth === 'every' ? RENAMED : []) yield make(`key ${name}`, rename(document, path, name));
  }
  yield* moved(document, path, make);
}

function* valuesInPlaceOf(value: Json, breadth: Breadth): Generator<readonly [slip: string, put: Json]> {
  for (const put of breadth === 'every' ? [...VALUES, ...MORE_VALUES] : VALUES)
    yield [`is ${JSON.stringify(put)}`, put];
  yield ['in a list', [value]];
  yield ['in a mapping', { value }];
  if (typeof value === 'string') {
    for (const [slip, put] of [...respelt(value, breadth), ...recased(value, breadth)]) yield [slip, put];
    yield ['as a key', { [value]: true }];
  } else if (Array.isArray(value)) {
    yield ['as a mapping', Object.fromEntries(value.map((each, i) => [String(i), each as Json]))];
    yield ['twice as long', [...(value as Json[]), ...(value as Json[])]];
    yield ['without its list', value[0] as Json];
  } else if (typeof value === 'object' && value !== null) {
    yield ['as a list', Object.values(value)];
    yield ['as a list of keys', Object.keys(value)];
    yield ['as pairs', Object.entries(value).map(([key, child]) => ({ [key]: child }))];
  } else if (typeof value !== 'object') yield ['as a string', String(value)];
}

/** One level up, one level down, and in place of each neighbour. */
function* moved(document: Json, path: NodePath, make: (slip: string, changed: Json) => Mutant): Generator<Mutant> {
  const key = path.at(-1) as Step;
  const value = at(document, path);
  const parent = path.slice(0, -1);
  const gone = without(document, path);
  if (parent.length > 0) {
    const above = at(gone, parent.slice(0, -1));
    if (isMapping(above)) yield make('one level up', set(gone, [...parent.slice(0, -1), String(key)], value));
  }
  const beside = at(document, parent);
  if (!isMapping(beside)) return;
  for (const other of Object.keys(beside)) {
    if (other === key) continue;
    yield make(`in place of ${other}`, set(gone, [...parent, other], value));
    if (isMapping(beside[other])) yield make(`into ${other}`, set(gone, [...parent, other, String(key)], value));
  }
}

export function pathsOf(value: Json, path: NodePath = []): readonly NodePath[] {
  const here = path.length === 0 ? [] : [path];
  if (Array.isArray(value)) return [...here, ...value.flatMap((each, i) => pathsOf(each as Json, [...path, i]))];
  if (!isMapping(value)) return here;
  return [...here, ...Object.entries(value).flatMap(([key, each]) => pathsOf(each, [...path, key]))];
}

function isMapping(value: Json | undefined): value is Mapping {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function at(value: Json, path: NodePath): Json {
  return path.reduce<Json>((node, step) => (node as Record<Step, Json>)[step] as Json, value);
}

/** Entries in their order, with another where the path leads. */
function change(
  value: Json,
  [step, ...rest]: NodePath,
  into: (key: Step, old: Json) => readonly (readonly [Step, Json])[],
): Json {
  const entries = Array.isArray(value)
    ? (value as Json[]).map((each, i): readonly [Step, Json] => [i, each])
    : Object.entries(value as Mapping);
  const known = entries.some(([key]) => key === step) ? entries : [...entries, [step as Step, null] as const];
  const changed = known.flatMap(([key, old]) => {
    if (key !== step) return [[key, old] as const];
    return rest.length === 0 ? into(key, old) : [[key, change(old, rest, into)] as const];
  });
  return Array.isArray(value) ? changed.map(([, each]) => each) : Object.fromEntries(changed);
}

const set = (document: Json, path: NodePath, put: Json): Json => change(document, path, (key) => [[key, put]]);
const without = (document: Json, path: NodePath): Json => change(document, path, () => []);
const rename = (document: Json, path: NodePath, name: string): Json =>
  change(document, path, (_key, old) => [[name, old]]);
