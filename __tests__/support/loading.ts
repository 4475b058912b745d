/** Errors and warnings of a file when it is loaded, without a start. */
import { ConfigError } from '../../src/config/diagnostics.js';
import { compileFile } from '../../src/config/index.js';

export interface Loading {
  readonly strict?: boolean;
  readonly env?: Readonly<Record<string, string>>;
}

const fileOf = (auth: string): string => `middleware: { auth: { ${auth} } }
routes: [{ path: /*, auth: { jwt: true } }]`;

/** The errors of a file with this auth block (a `jwt` one), one on each line. Empty if it loads. */
export function errorsOf(auth: string, { strict = false, env = {} }: Loading = {}): string {
  try {
    compileFile({ text: fileOf(auth), file: 'loom.yaml' }, { mode: 'middleware', strict, env });
    return '';
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
}

/** The warnings of a file that loads. */
export function warningsOf(auth: string, env: Loading['env'] = {}): string {
  const { warnings } = compileFile({ text: fileOf(auth), file: 'loom.yaml' }, { mode: 'middleware', env });
  return warnings.map(({ message }) => message).join('\n');
}
