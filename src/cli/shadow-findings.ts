/** Warns about a shadow file that a gateway would reject. The gateway would serve without it. */
import { ConfigError, formatDiagnostic } from '../config/diagnostics.js';
import { compileFile, type Compiled, type CompileOptions } from '../config/index.js';

/** Adds a warning to the report of the compiled file. `options`: how the file itself is compiled. */
export function checkShadowFile({ plan, context }: Compiled, options: CompileOptions): void {
  if (plan.shadow === undefined) return;
  try {
    compileFile(plan.shadow, options);
  } catch (cause) {
    if (!(cause instanceof ConfigError)) throw cause;
    const [first, ...more] = cause.diagnostics.filter(({ level }) => level === 'error');
    if (!first) return;
    const others = more.length > 0 ? `; ${more.length} more of its mistakes are not shown` : '';
    const message = `the shadow file would be rejected: ${formatDiagnostic(first)}${others}`;
    context.report.warning({ path: ['shadow'], code: 'shadow_file', message });
  }
}
