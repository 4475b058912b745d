/** What zod finds, as diagnostics: our words, the right place, the nearest right name, and never a value. */
import { z } from 'zod';
import { hintFor } from './hints/hint-for.js';
import type { ErrorCode } from './diagnostic-codes.js';
import type { Path, Report } from './report.js';

type Issue = z.core.$ZodIssue;

export interface Reading {
  readonly report: Report;
  /** Whether the file says anything at a path. */
  has(path: Path): boolean;
  value(path: Path): unknown;
  /** Turns the text of a variable into the number or boolean that it spells. Returns a function that restores the text. */
  retype(path: Path): (() => void) | undefined;
  /** Whether the value at a path is a reference whose mistake is reported. */
  isUnresolved(path: Path): boolean;
}

/** Parses one block; undefined if it is wrong, with every mistake reported. */
export function readBlock<T extends z.ZodType>(
  block: { readonly schema: T; readonly value: unknown; readonly path: Path },
  reading: Reading,
): z.output<T> | undefined {
  const first = parse(block.schema, block.value);
  const parsed = first.success ? first : (parseRetyped(block, first.error.issues, reading) ?? first);
  if (parsed.success) return parsed.data;
  new IssueReader(block.schema, block.path, reading).tell(parsed.error.issues, []);
  return undefined;
}

const MANY = 1_000;

/** zod compiles a function for each mapping of a schema. That costs more than it saves, except for long lists. */
function parse<T extends z.ZodType>(schema: T, value: unknown): z.ZodSafeParseResult<z.output<T>> {
  const lists = Object.values(value ?? {}).filter(Array.isArray);
  return schema.safeParse(value, { jitless: lists.every(({ length }) => length < MANY) });
}

/**
 * Variables are texts, and an option may need a number or a boolean. Undefined if no text can be one. A text that is wrong
 * as a number as well stays a text.
 */
function parseRetyped<T extends z.ZodType>(
  { schema, path: base }: { readonly schema: T; readonly path: Path },
  issues: readonly Issue[],
  reading: Reading,
): z.ZodSafeParseResult<z.output<T>> | undefined {
  const restores = new Map<string, () => void>();
  for (const path of placesOf(issues, base)) {
    const restore = reading.retype(path);
    if (restore) restores.set(JSON.stringify(path), restore);
  }
  if (restores.size === 0) return undefined;
  const parsed = parse(schema, reading.value(base));
  if (parsed.success) return parsed;
  const wrong = placesOf(parsed.error.issues, base).flatMap((path) => restores.get(JSON.stringify(path)) ?? []);
  for (const restore of wrong) restore();
  return parse(schema, reading.value(base));
}

function placesOf(issues: readonly Issue[], above: Path): readonly Path[] {
  return issues.flatMap((issue) => {
    const path = [...above, ...(issue.path as Path)];
    const branches = issue.code === 'invalid_union' ? issue.errors : [];
    return [path, ...branches.flatMap((branch) => placesOf(branch, path))];
  });
}

class IssueReader {
  constructor(
    private readonly schema: z.ZodType,
    private readonly base: Path,
    private readonly reading: Reading,
  ) {}

  tell(issues: readonly Issue[], above: Path): void {
    for (const issue of issues) this.#one(issue, [...above, ...(issue.path as Path)]);
  }

  #one(issue: Issue, path: Path): void {
    const at = [...this.base, ...path];
    if (this.reading.isUnresolved(at)) return;
    if (issue.code === 'unrecognized_keys') {
      const known = keysAt(this.schema, path);
      for (const key of issue.keys) this.unknownKey([...at, key], known);
    } else if (issue.code === 'invalid_union' && issue.errors.length > 0) {
      const branch = nearestBranch(issue.errors);
      if (branch) this.tell(branch, path);
      else this.#error(at, 'wrong_type', words(issue));
    } else if (issue.code === 'invalid_key') {
      this.reading.report.error({
        path: at,
        code: 'wrong_key',
        message: issue.issues[0]?.message ?? 'is no key here',
        at: 'key',
      });
    } else if (!this.reading.has(at) && issue.code !== 'custom') {
      this.#error(at, 'missing', 'is required');
    } else {
      this.#error(at, issue.code === 'invalid_type' ? 'wrong_type' : 'wrong_value', words(issue));
    }
  }

  unknownKey(path: Path, known: Iterable<string>): void {
    const message = `unknown key${hintFor(path, known)}`;
    this.reading.report.error({ path, code: 'unknown_key', message, at: 'key' });
  }

  #error(path: Path, code: ErrorCode, message: string): void {
    this.reading.report.error({ path, code, message });
  }
}

/** The branch of a union that was meant: the one whose outer type fits. */
function nearestBranch(branches: readonly (readonly Issue[])[]): readonly Issue[] | undefined {
  const fitting = branches.filter((issues) =>
    issues.every((each) => each.code !== 'invalid_type' || each.path.length > 0),
  );
  return [...fitting].sort((a, b) => a.length - b.length)[0];
}

const TYPES: Readonly<Record<string, string>> = {
  boolean: 'must be true or false',
  string: 'must be a string; quote it',
  number: 'must be a number',
  int: 'must be a whole number',
  object: 'must be a mapping',
  record: 'must be a mapping',
  array: 'must be a list',
};

/** Our own messages stay as they are; those of zod get the terms of a file. */
function words(issue: Issue): string {
  if (!/^(?:Invalid|Too|Unrecognized)\b/.test(issue.message)) return issue.message;
  switch (issue.code) {
    case 'invalid_type':
      return TYPES[issue.expected] ?? `must be a ${issue.expected}`;
    case 'invalid_value':
      return `must be ${issue.values.map((value) => JSON.stringify(value)).join(' or ')}`;
    case 'too_small':
      return issue.origin === 'string' || issue.origin === 'array'
        ? 'must not be empty'
        : `must be at least ${issue.minimum}`;
    case 'too_big':
      return `must be at most ${issue.maximum}`;
    default:
      return 'is not valid here';
  }
}

/** The keys that a schema knows at a path, over all branches. */
export function keysAt(schema: z.ZodType, path: Path): readonly string[] {
  let level = objectsIn(schema);
  for (const part of path) level = level.flatMap((each) => childrenOf(each, part)).flatMap(objectsIn);
  return level.flatMap((each) => (each instanceof z.ZodObject ? Object.keys(each.shape as object) : []));
}

function childrenOf(schema: z.ZodType, part: string | number): readonly z.ZodType[] {
  if (schema instanceof z.ZodObject) {
    const child = (schema.shape as Readonly<Record<string, z.ZodType>>)[String(part)];
    return child ? [child] : [];
  }
  if (schema instanceof z.ZodArray) return [schema.element as z.ZodType];
  return schema instanceof z.ZodRecord ? [schema.valueType as z.ZodType] : [];
}

/** The objects, lists and records inside of optional, default, transformed and alternative schemas. */
function objectsIn(schema: z.ZodType): readonly z.ZodType[] {
  if (
    schema instanceof z.ZodOptional ||
    schema instanceof z.ZodDefault ||
    schema instanceof z.ZodPrefault ||
    schema instanceof z.ZodNullable
  ) {
    return objectsIn(schema.def.innerType as z.ZodType);
  }
  if (schema instanceof z.ZodPipe) return objectsIn(schema.def.in as z.ZodType);
  if (schema instanceof z.ZodUnion) return (schema.options as readonly z.ZodType[]).flatMap(objectsIn);
  return [schema];
}
