/** The options of a Loom file, from its JSON Schema. */
import { cell, table } from './markdown.mjs';

const AUTH = ['middleware', 'auth'];

/** A table of the top level, then one for each block of options, in the order of the schema. */
export function optionSections(schema) {
  const top = Object.entries(schema.properties).map(([name, option]) => [
    `\`${name}\``,
    defaultOf(option),
    option.description ?? '',
  ]);
  const sections = tablesOf(schema).map(([path, without]) => {
    const block = path.reduce(child, schema);
    const rows = [...rowsOf(block, '')].filter(([option]) => !without.includes(firstOf(option)));
    return `## \`${nameOf(path)}\`\n\n${optionTable(rows)}`;
  });
  const unbuilt = `## Options of Loom that are not built\n\n${table(
    ['Option', 'Result'],
    [...unbuiltRows(schema, '')].map((cells) => cells.map(cell)),
  )}`;
  return [`## The file\n\n${optionTable(top)}`, ...sections, unbuilt].join('\n');
}

/** The path of each block that has a table, with the options that are left out of the table. */
function tablesOf(schema) {
  return Object.entries(schema.properties).flatMap(([name, option]) => {
    if (name === 'middleware') return authTables(schema);
    // An auth block has each narrowing twice: under the name of the method, and under `narrow`.
    const auth = [[name, '[]', 'auth'], ['narrow']];
    if (option.items?.properties?.auth) return [[[name, '[]'], ['auth']], auth];
    if (option.items?.properties) return [[[name, '[]'], []]];
    return option.properties ? [[[name], []]] : [];
  });
}

/** The blocks of `middleware.auth` are the methods of the registry. */
function authTables(schema) {
  const options = Object.entries(AUTH.reduce(child, schema).properties);
  const methods = options.filter(([, option]) => option.properties).map(([name]) => name);
  return [[AUTH, methods], ...methods.map((name) => [[...AUTH, name], []])];
}

const firstOf = (option) => option.split(/[`.[]/)[1];
const nameOf = (path) => path.join('.').replaceAll('.[]', '[]');
const optionTable = (rows) =>
  table(
    ['Option', 'Default', 'Meaning'],
    rows.map((cells) => cells.map(cell)),
  );

function child(block, name) {
  const branches = [block, ...(block.anyOf ?? [])];
  const found = branches.map((each) => (name === '[]' ? each.items : each.properties?.[name])).find(Boolean);
  if (!found) throw new Error(`the schema has no ${name}`);
  return found;
}

/** An option of a nested block has a path: `keys[].name`, `timeout.connect`. */
function* rowsOf(block, prefix) {
  const objects = [block, ...(block.anyOf ?? [])].filter((each) => each.properties);
  const seen = new Set();
  for (const [name, option] of objects.flatMap((each) => Object.entries(each.properties))) {
    if (seen.has(name)) continue;
    seen.add(name);
    if (UNBUILT.test(option.description ?? '')) continue;
    const path = prefix === '' ? name : `${prefix}.${name}`;
    const entries = [option, ...(option.anyOf ?? [])];
    const item = entries.map((each) => each.items).find((each) => each && nested(each));
    yield [`\`${item ? `${path}[]` : path}\``, defaultOf(option), option.description ?? ''];
    if (/^The same as/.test(option.description ?? '')) continue;
    if (item) yield* rowsOf(item, `${path}[]`);
    else if (nested(option)) yield* rowsOf(option, path);
  }
}

const UNBUILT = /^Not built: /;

function* unbuiltRows(schema, prefix) {
  for (const [name, option] of Object.entries(schema.properties ?? {})) {
    const path = prefix === '' ? name : `${prefix}.${name}`;
    const { description = '' } = option;
    if (UNBUILT.test(description)) yield [`\`${path}\``, description.replace(UNBUILT, '')];
    else if (!/^The same as/.test(description)) {
      yield* unbuiltRows(option, path);
      yield* unbuiltRows(option.items ?? {}, `${path}[]`);
    }
  }
}

function nested(block) {
  return Boolean(block.properties ?? block.anyOf?.some((each) => each.properties));
}

function defaultOf({ default: value }) {
  if (value === undefined || (typeof value === 'object' && value !== null && Object.keys(value).length === 0))
    return '';
  return `\`${typeof value === 'string' ? value : JSON.stringify(value)}\``;
}
