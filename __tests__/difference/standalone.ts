/** A gateway without listeners: a test sends requests to it in its own process. */
import { compileFile } from '../../src/config/index.js';
import type { ConfigSource } from '../../src/config/source.js';
import type { Loom } from '../../src/loom.js';
import { compose } from '../../src/runtime/compose.js';
import { quietLog } from '../support/quiet-log.js';

export function loadStandalone(config: object, now: () => number): Loom {
  const source = { config, file: 'loom.yaml' };
  const compile = (given: ConfigSource) => compileFile(given, { mode: 'serve', env: {} });
  const shared = { strategies: {}, log: quietLog(), now, standalone: true };
  return compose(source, compile(source).plan, { shared, compiler: { compile, options: { mode: 'serve' } } });
}
