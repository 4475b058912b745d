/** Improves the errors of a file that does not load. The schema of all options is made only then. */
import { ConfigError, type Diagnostic } from '../diagnostics.js';
import { jsonSchema } from '../json-schema.js';
import { OptionTree } from './option-tree.js';

let tree: OptionTree | undefined;

export function optionTree(): OptionTree {
  return (tree ??= new OptionTree(jsonSchema()));
}

/** Whether an error may be a key at the wrong level. */
export function mayBeMisplaced({ diagnostics }: ConfigError): boolean {
  return diagnostics.some(({ code }) => code === 'unknown_key');
}

/** Says of each unknown key without a hint which block has an option of its name. */
export function withHomes({ diagnostics }: ConfigError): ConfigError {
  return new ConfigError(diagnostics.map(withHome));
}

const MOST_HOMES = 3;

function withHome(diagnostic: Diagnostic): Diagnostic {
  const { code, message, path } = diagnostic;
  if (code !== 'unknown_key' || message !== 'unknown key') return diagnostic;
  const key = /[\w-]{1,64}$/.exec(path)?.[0] ?? '';
  const homes = optionTree().homesOf(key);
  const [method] = homes.filter((home) => home.startsWith('middleware.auth.') && !home.includes('[]'));
  if (homes.length > MOST_HOMES && method !== undefined)
    return { ...diagnostic, message: `unknown key; ${key} belongs to an auth method, such as ${method}` };
  if (homes.length === 0 || homes.length > MOST_HOMES) return diagnostic;
  const names = homes.map((home) => (home === '' ? 'the top level' : home)).join(' or ');
  return { ...diagnostic, message: `unknown key; ${key} belongs to ${names}` };
}
