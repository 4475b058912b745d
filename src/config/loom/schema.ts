/** Adds Loom's own spellings to the JSON Schema of a file, so that editors know the names that load. */
import { ALIASES, RATES, SPELLINGS, UNBUILT, UNBUILT_FIELDS } from './names.js';
import { partsOf } from './option-paths.js';

interface Schema {
  properties?: Record<string, Schema>;
  items?: Schema;
  anyOf?: Schema[];
  enum?: unknown[];
  description?: string;
  type?: string | string[];
}

/** Changes the schema in place. */
export function addLoomNames(root: object): void {
  // An alias inside of a block with an alias is in the copy of the block as well.
  const innerFirst = [...ALIASES].sort((a, b) => partsOf(b.from).length - partsOf(a.from).length);
  for (const { from, to } of [...innerFirst, ...innerFirst]) addAlias(root, from, to);
  for (const { at, words } of SPELLINGS) addWords(root, at, Object.keys(words));
  addWords(root, 'logging.access.fields[]', UNBUILT_FIELDS);
  for (const at of RATES) allowRate(root, at);
  for (const { at, level } of UNBUILT) {
    const { parent, name } = split(at);
    const what = level === 'error' ? 'error, because without it more would pass' : 'warning';
    for (const { properties } of objectsAt(root, parent)) {
      if (properties && name !== '*') properties[name] ??= { description: `Not built: ${what}.` };
    }
  }
}

function addAlias(root: Schema, from: string, to: string): void {
  const { parent, name } = split(from);
  const merged = to.endsWith('.*');
  const [target] = merged ? [] : schemasAt(root, partsOf(to));
  const other = `\`${partsOf(to).at(-1) ?? ''}\``;
  const description = merged ? 'The options of the block around it.' : `The same as ${other}.`;
  for (const { properties } of objectsAt(root, parent)) {
    if (!properties) continue;
    properties[name] ??= merged ? { type: 'object', description } : { ...structuredClone(target), description };
  }
}

function addWords(root: Schema, at: string, words: readonly string[]): void {
  for (const schema of schemasAt(root, partsOf(at))) {
    if (schema.enum) schema.enum = [...new Set([...schema.enum, ...words])];
  }
}

/** A rate alone, in the place of a block. */
function allowRate(root: Schema, at: string): void {
  const { parent, name } = split(at);
  for (const { properties } of objectsAt(root, parent)) {
    const block = properties?.[name];
    if (block) block.type = ['object', 'number', 'string'];
  }
}

function split(at: string): { readonly parent: readonly string[]; readonly name: string } {
  const parts = partsOf(at);
  return { parent: parts.slice(0, -1), name: parts.at(-1) ?? '' };
}

function objectsAt(root: Schema, path: readonly string[]): readonly Schema[] {
  return schemasAt(root, path).filter(({ properties }) => properties);
}

function schemasAt(root: Schema, path: readonly string[]): readonly Schema[] {
  let level = branches(root);
  for (const part of path) {
    level = level.flatMap(({ items, properties }) => branches(part === '[]' ? items : properties?.[part]));
  }
  return level;
}

function branches(schema: Schema | undefined): readonly Schema[] {
  return schema ? [schema, ...(schema.anyOf ?? []).flatMap(branches)] : [];
}
