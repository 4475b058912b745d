/** The JSON document of `check`; members may be added in any version, and none is removed or renamed. */
import { Words } from '../config/lint/lexemes.js';
import { cureOf, pageOf, textOf, type Outcome } from './check-outcome.js';

export function asJson({ ok, source, access, diagnostics }: Outcome): string {
  const words = new Words(textOf(source) ?? '');
  const told = diagnostics.map((each) => {
    const end = words.endOf(each);
    const { level, code, file, line, column, path, message } = each;
    const place = { file, line, column, ...(end && { endLine: end.line, endColumn: end.column }), path };
    return { level, code, ...place, message, cure: cureOf(code), help: pageOf(code) };
  });
  return `${JSON.stringify({ ok, diagnostics: told, access: access ?? null }, null, 2)}\n`;
}
