/** Every name that the documentation may use, read from the code that owns it. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { REASONS as REASON_MEANINGS } from '../../src/auth/verdict.js';
import { DIAGNOSTICS as DIAGNOSTIC_FACTS } from '../../src/config/diagnostic-codes.js';
import { jsonSchema } from '../../src/config/json-schema.js';
import { TITLES } from '../../src/http/problem.js';
import { ACCESS_FIELDS, LOG_EVENTS } from '../../src/lib/access-fields.js';
import { METRICS } from '../../src/lib/metrics.js';
import { ROOT } from './pages.js';

const sources = readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts'))
  .map((name) => readFileSync(join(ROOT, 'src', name), 'utf8'));

/** All of `src` as one text. */
export const SOURCE = sources.join('\n');

const quoted = (text: string): string[] => Array.from(text.matchAll(/'(\w+)'/g), ([, word = '']) => word);

/** The members of a union of texts, as `export type Name = 'a' | 'b';` has them. */
function unionOf(name: string): ReadonlySet<string> {
  const declared = new RegExp(`export type ${name} =([^;]+);`).exec(SOURCE)?.[1];
  if (declared === undefined) throw new Error(`no union ${name} in src`);
  return new Set(quoted(declared));
}

/** The members of an interface. */
function membersOf(name: string): readonly string[] {
  const body = new RegExp(`export interface ${name} \\{([^}]+)\\}`).exec(SOURCE)?.[1];
  if (body === undefined) throw new Error(`no interface ${name} in src`);
  return Array.from(body.matchAll(/readonly (\w+)\??:/g), ([, member = '']) => member);
}

export const REASONS: ReadonlySet<string> = new Set(Object.keys(REASON_MEANINGS));
export const OUTCOMES = unionOf('Outcome');
export const CODES: ReadonlySet<string> = new Set(Object.keys(TITLES));
export const METRIC_NAMES: ReadonlySet<string> = new Set(Object.keys(METRICS));
export const LABELS: ReadonlySet<string> = new Set(Object.values(METRICS).flatMap(({ labels }) => labels));
/** The members of `DenialFacts` are fields of the lines of denials. */
const DENIAL_FIELDS = membersOf('DenialFacts');
/** The values of `event` in the log. */
export const EVENTS: ReadonlySet<string> = new Set(Object.keys(LOG_EVENTS));
export const LOG_FIELDS: ReadonlySet<string> = new Set([
  ...ACCESS_FIELDS,
  ...DENIAL_FIELDS,
  ...membersOf('ShadowFacts'),
]);
/** The members of `GET /shadow`. */
export const REPORT_FIELDS: ReadonlySet<string> = new Set(
  ['ShadowReport', 'ShadowCounts', 'ShadowDifference'].flatMap(membersOf),
);
export const DIAGNOSTICS: ReadonlySet<string> = new Set(Object.keys(DIAGNOSTIC_FACTS));

type Schema = Readonly<Record<string, unknown>>;

/** Every key that the file knows, at any depth. */
function* optionsOf(schema: unknown): Generator<string> {
  if (typeof schema !== 'object' || schema === null) return;
  const { properties, ...rest } = schema as Schema;
  for (const [name, option] of Object.entries((properties ?? {}) as Schema)) {
    yield name;
    yield* optionsOf(option);
  }
  for (const value of Object.values(rest)) {
    for (const each of Array.isArray(value) ? (value as unknown[]) : [value]) yield* optionsOf(each);
  }
}

/** Values that an option takes by name: `round_robin`, `access_token`. */
function* valuesOf(schema: unknown): Generator<string> {
  if (typeof schema !== 'object' || schema === null) return;
  const { enum: values } = schema as { readonly enum?: readonly unknown[] };
  for (const value of values ?? []) if (typeof value === 'string') yield value;
  for (const value of Object.values(schema)) yield* valuesOf(value);
}

const schema = jsonSchema();
export const OPTIONS: ReadonlySet<string> = new Set(optionsOf(schema));
export const OPTION_VALUES: ReadonlySet<string> = new Set(valuesOf(schema));

const program = ['program.ts', 'key-commands.ts']
  .map((name) => readFileSync(join(ROOT, 'src/cli', name), 'utf8'))
  .join('\n');
export const COMMANDS: ReadonlySet<string> = new Set(
  Array.from(program.matchAll(/\.command\('([a-z-]+)/g), ([, name = '']) => name),
);
export const FLAGS: ReadonlySet<string> = new Set([
  ...Array.from(program.matchAll(/--[a-z][a-z-]+/g), ([flag]) => flag),
  '--help',
]);
const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { scripts: object };
export const SCRIPTS: ReadonlySet<string> = new Set(Object.keys(scripts));
