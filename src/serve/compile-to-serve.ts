/** Compiles a file for `serve` and `check`, with what its TLS files say: both commands give the same verdict. */
import { ConfigError, type Diagnostic } from '../config/diagnostics.js';
import { compileFile, type Compiled, type CompileOptions } from '../config/index.js';
import type { ConfigSource, Source } from '../config/source.js';
import type { CompiledApart } from '../runtime/compile-apart.js';
import { inspectTls } from './tls.js';

/** Every finding about the TLS files of the listeners, with the place of its option. */
export function tlsDiagnostics(compiled: Compiled): readonly Diagnostic[] {
  return diagnosticsOf(withIgnores(compiled));
}

function withIgnores(compiled: Compiled): Compiled & CompiledApart['compiled'] {
  const { report } = compiled.context;
  return { ...compiled, isIgnored: (path) => report.isIgnored({ path, code: 'tls_file' }) };
}

function diagnosticsOf({ plan, placeAt, isIgnored }: CompiledApart['compiled']): readonly Diagnostic[] {
  return plan.listeners.flatMap((listener, at) =>
    inspectTls(listener).flatMap(({ option, level, message }): Diagnostic[] => {
      const path = ['listeners', at, 'tls', option];
      return level === 'warning' && isIgnored(path) ? [] : [{ level, code: 'tls_file', ...placeAt(path), message }];
    }),
  );
}

/**
 * A listener with a TLS file that cannot be used throws when it opens. This function adds the warnings: files that can
 * be used, and that clients refuse.
 *
 * @throws {ConfigError} The file is wrong, or with `strict` a TLS file has a warning.
 */
export function compileToServe(source: ConfigSource | Source, options: Omit<CompileOptions, 'mode'>): Compiled {
  return withTlsFindings(withIgnores(compileFile(source, { ...options, mode: 'serve' })), options);
}

/** @throws {ConfigError} With `strict` a TLS file has a warning. */
export function withTlsFindings<Part extends CompiledApart['compiled']>(
  compiled: Part,
  options: Pick<CompileOptions, 'strict'>,
): Part {
  const found = diagnosticsOf(compiled).filter(({ level }) => level === 'warning');
  if (found.length === 0) return compiled;
  if (options.strict) throw new ConfigError(found.map((each) => ({ ...each, level: 'error' })));
  const warnings = [...compiled.warnings, ...found];
  return { ...compiled, plan: { ...compiled.plan, warnings }, warnings };
}
