/** Variables in the notation of a shell or of another tool: they would be read as text, and match nothing. */
import type { Path, Report } from './report.js';
import { isSecret } from './secrets.js';

const NAME = '([A-Za-z_][A-Za-z0-9_]*)';
/** A value that is one variable in another notation. */
const WHOLE: readonly RegExp[] = [
  new RegExp(`^\\$${NAME}$`),
  new RegExp(`^\\$\\(${NAME}\\)$`),
  new RegExp(`^%${NAME}%$`),
  new RegExp(`^\\{\\{-?\\s*(?:\\.?(?:env|Env|ENV|Values|secrets|vars)[.:])?${NAME}\\s*-?\\}\\}$`),
  new RegExp(`^(?:process\\.env\\.|env:|ENV:|os\\.environ/)${NAME}$`),
];
/** By convention, variables of the environment are upper case. `US$5` is none. */
const INSIDE = /(?<![A-Za-z0-9_$])\$([A-Z][A-Z0-9_]+)(?![A-Za-z0-9_(])/;

/** A secret may begin with `$`. */
const SECRET = /^\$\(?([A-Z][A-Z0-9_]+)\)?$/;

/** Reports a variable that is not in the notation of this file. */
export function checkOtherNotation(path: Path, value: string, report: Report): void {
  if (isFreeText(path)) return;
  const found = isSecret(path)
    ? SECRET.exec(value)?.[1]
    : (WHOLE.map((form) => form.exec(value)?.[1]).find((name) => name !== undefined) ?? insideOf(value));
  if (found === undefined) return;
  // The name of a variable in a secret field may be the secret itself.
  const message = isSecret(path)
    ? 'a variable is written as ${NAME}'
    : `${JSON.stringify(value)} is not replaced; write \${${found}}`;
  report.error({ path, code: 'bad_reference', message });
}

function insideOf(value: string): string | undefined {
  // A regular expression ends with `$`.
  return value.startsWith('^') ? undefined : INSIDE.exec(value)?.[1];
}

/** Texts that Loom passes on as they are. */
function isFreeText([top, second, option]: Path): boolean {
  if (top === 'plugins') return option === 'config' || option === 'vm_config' || option === 'env';
  if (top === 'routes') return option === 'headers' || option === 'query';
  return top === 'rate_limit' && second === 'response';
}

/** `; write ${NAME}` for a reference such as `${env:NAME}`, `${NAME:default}` or `${{ secrets.NAME }}`. */
export function referenceHint(inside: string | undefined): string {
  const text = (inside ?? '').trim().replace(/^(?:env|ENV|Env|var|vars|secrets)[.:]/, '');
  const [, name, rest = ''] = new RegExp(`^${NAME}(.*)$`, 's').exec(text) ?? [];
  if (name === undefined) return '';
  if (rest === '') return `; write \${${name}}`;
  return /^(?::?[=-]|:)[^?+]/.test(rest) ? `; write \${${name}:-default}` : '';
}
