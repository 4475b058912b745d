/** Every code of a diagnostic is in use, at the levels that its facts name. */
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { DIAGNOSTICS } from '../../src/config/diagnostic-codes.js';
import { SYNTAX_CODES } from '../../src/config/syntax-codes.js';

const SRC = resolve(__dirname, '../../src');
const users = readdirSync(SRC, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts') && !name.endsWith('-codes.ts'))
  .map((name) => readFileSync(join(SRC, name), 'utf8'))
  .join('\n');

/** The parser's own codes are made by its names, in capital letters. */
const isUsed = (code: string): boolean => users.includes(`'${code}'`) || users.includes(`  ${code.toUpperCase()}: '`);

test('every code is in use', () => {
  expect(Object.keys(DIAGNOSTICS).filter((code) => !isUsed(code))).toEqual([]);
  expect(isUsed('route_shadowed')).toBe(false);
});

test('a warning-only or error-only code is never reported at the other level', () => {
  const reported = Array.from(
    users.matchAll(/report\.(error|warning)\(\{[^}]*?code: '(\w+)'/g),
    ([, level, code]) => [level, code] as const,
  );
  expect(reported.length).toBeGreaterThan(80);
  const facts: Readonly<Record<string, { readonly level: string }>> = DIAGNOSTICS;
  expect(reported.filter(([level = '', code = '']) => !facts[code]?.level.split(' or ').includes(level))).toEqual([]);
});

test('every code has one sentence of meaning and one of cure, each under 25 words', () => {
  const bad = Object.entries(DIAGNOSTICS).filter(([, { meaning, cure }]) =>
    [meaning, cure].some((text) => !/^[A-Z].*\.$/s.test(text) || text.split(' ').length > 25),
  );
  expect(bad).toEqual([]);
});

test('syntax errors are errors', () => {
  expect(Object.values(SYNTAX_CODES).filter(({ level }) => level !== 'error')).toEqual([]);
});
