/** The blocks of a file, each read by its schema; what is wrong with one hides nothing that is wrong with another. */
import type { z } from 'zod';
import type { Context } from './context.js';
import { hintFor } from './hints/hint-for.js';
import { readBlock } from './issues.js';
import type { Path } from './report.js';
import { BLOCKS, LISTS, TOP_LEVEL } from './schema/file.js';

/** One readable item of a list, and its path. */
export interface Item<T> {
  readonly value: T;
  readonly path: Path;
}

type Lists = { readonly [K in keyof typeof LISTS]: readonly Item<z.output<(typeof LISTS)[K]>>[] };
type Singles = { readonly [K in keyof typeof BLOCKS]: z.output<(typeof BLOCKS)[K]> | undefined };
export type Blocks = Lists & Singles;

export function readBlocks(context: Context): Blocks {
  for (const key of context.keys([])) {
    if ((TOP_LEVEL as readonly string[]).includes(key)) continue;
    context.report.error({
      path: [key],
      code: 'unknown_key',
      message: `unknown key${hintFor([key], TOP_LEVEL)}`,
      at: 'key',
    });
  }
  const lists = namesOf(LISTS).map((name) => [name, readList(context, name)] as const);
  const singles = namesOf(BLOCKS).map((name) => [name, readSingle(context, name)] as const);
  return Object.fromEntries([...lists, ...singles]) as unknown as Blocks;
}

function namesOf<T extends object>(schemas: T): readonly (keyof T & string)[] {
  return Object.keys(schemas) as (keyof T & string)[];
}

function readSingle(context: Context, name: keyof typeof BLOCKS): unknown {
  if (!context.has([name])) return undefined;
  return readBlock({ schema: BLOCKS[name] as z.ZodType, value: context.value([name]), path: [name] }, context);
}

function readList(context: Context, name: keyof typeof LISTS): readonly Item<unknown>[] {
  if (!context.has([name])) return [];
  const schema: z.ZodType = LISTS[name];
  const length = context.length([name]);
  if (length === undefined) context.report.error({ path: [name], code: 'wrong_type', message: 'must be a list' });
  if (length === 0) context.report.error({ path: [name], code: 'wrong_value', message: 'must not be an empty list' });
  const items: Item<unknown>[] = [];
  for (let at = 0; at < (length ?? 0); at++) {
    const path = [name, at];
    const value = readBlock({ schema, value: context.value(path), path }, context);
    if (value !== undefined) items.push({ value, path });
  }
  return items;
}
