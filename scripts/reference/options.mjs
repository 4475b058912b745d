/** Renders the JSON Schema of a Loom file as the option tables of the reference. */

const AUTH = ['middleware', 'auth'];

/** Each table: its heading, and the path of its block in the schema. */
const TABLES = [
  ['`listeners[]`', ['listeners', '[]']],
  ['`routes[]`', ['routes', '[]'], { without: ['auth'] }],
  ['`routes[].auth`', ['routes', '[]', 'auth'], { without: ['narrow'] }],
  ['`upstreams[]`', ['upstreams', '[]']],
  ['`middleware.auth`: combining methods', AUTH, { without: ['api_key', 'basic', 'jwt', 'oauth', 'mtls'] }],
  ['`middleware.auth.api_key`', [...AUTH, 'api_key']],
  ['`middleware.auth.basic`', [...AUTH, 'basic']],
  ['`middleware.auth.jwt`', [...AUTH, 'jwt']],
  ['`middleware.auth.oauth`', [...AUTH, 'oauth']],
  ['`middleware.auth.mtls`', [...AUTH, 'mtls']],
  ['`plugins[]`', ['plugins', '[]']],
  ['`rate_limit`', ['rate_limit']],
  ['`cors`', ['cors']],
  ['`logging`', ['logging']],
  ['`admin`', ['admin']],
  ['`metrics`', ['metrics']],
  ['`tracing`', ['tracing']],
];

export const START = '<!-- option tables: made by `npm run docs` -->';
export const END = '<!-- end of option tables -->';

/** The page with new tables. */
export function withTables(page, schema) {
  const [before, rest] = page.split(START);
  const after = rest?.split(END)[1];
  if (after === undefined) throw new Error('the page has no place for the option tables');
  return `${before}${START}\n\n${optionTables(schema)}\n${END}${after}`;
}

export function optionTables(schema) {
  return TABLES.map(([heading, path, { without = [] } = {}]) => {
    const block = path.reduce(child, schema);
    const rows = [...rowsOf(block, '')].filter(([option]) => !without.includes(option.split(/[`.[]/)[1]));
    const lines = rows.map((cells) => `| ${cells.map(cell).join(' | ')} |`);
    return `### ${heading}\n\n| Option | Default | Meaning |\n| --- | --- | --- |\n${lines.join('\n')}\n`;
  }).join('\n');
}

function child(block, name) {
  const branches = [block, ...(block.anyOf ?? [])];
  const found = branches.map((each) => (name === '[]' ? each.items : each.properties?.[name])).find(Boolean);
  if (!found) throw new Error(`the schema has no ${name}`);
  return found;
}

/** Options of nested blocks stand under their path: `keys[].name`, `timeout.connect`. */
function* rowsOf(block, prefix) {
  const objects = [block, ...(block.anyOf ?? [])].filter((each) => each.properties);
  const seen = new Set();
  for (const [name, option] of objects.flatMap((each) => Object.entries(each.properties))) {
    if (seen.has(name)) continue;
    seen.add(name);
    const path = prefix === '' ? name : `${prefix}.${name}`;
    const entries = [option, ...(option.anyOf ?? [])];
    const item = entries.map((each) => each.items).find((each) => each && nested(each));
    yield [`\`${item ? `${path}[]` : path}\``, defaultOf(option), option.description ?? ''];
    if (/^Not built yet/.test(option.description ?? '')) continue;
    if (item) yield* rowsOf(item, `${path}[]`);
    else if (nested(option)) yield* rowsOf(option, path);
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

function cell(text) {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ');
}
