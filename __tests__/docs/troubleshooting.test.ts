/** Every code and every reason has its row in troubleshooting.md, and no row is made up. */
import type { ReasonCode, Rejected } from '../../src/auth/verdict.js';
import { denialOf } from '../../src/admission/denial.js';
import { CODE_CURES, REASON_CURES } from '../../src/runtime/explain/cures.js';
import { CODES, REASONS, SOURCE } from './names.js';
import { pageOf } from './pages.js';

const { prose } = pageOf('docs/troubleshooting.md');
const sectionOf = (heading: string): string =>
  new RegExp(`\\n## ${heading}\\n([^]*?)(?:\\n## |$)`).exec(prose)?.[1] ?? '';
const rowsOf = (section: string): string[][] =>
  Array.from(section.matchAll(/^\| (`\w+` \|.+) \|$/gm), ([, row = '']) => row.split(' | ').map((cell) => cell.trim()));
const named = (rows: readonly string[][]): string[] => rows.map(([name = '']) => name.replaceAll('`', ''));

const codes = rowsOf(sectionOf('Codes'));
const reasons = rowsOf(sectionOf('Reasons'));

test('each code has one row, and each row is a code', () => {
  expect(named(codes).sort()).toEqual([...CODES].sort());
});

test('each reason has one row, and each row is a reason', () => {
  expect(named(reasons).sort()).toEqual([...REASONS].sort());
});

test('each row says what it means, how it comes about and what to do', () => {
  for (const row of [...codes, ...reasons]) {
    expect([row[0], row.length, row.every((cell) => cell.length > 2)]).toEqual([row[0], 4, true]);
  }
});

/** Every answer that a verdict with this reason can come to. */
function answersTo(reason: ReasonCode): string[] {
  const challenges = [] as const;
  const statuses: readonly Rejected['status'][] = [400, 401, 403, 408, 413];
  const verdicts = [
    ...statuses.map((status) => ({ kind: 'rejected', status, reason, challenges }) as const),
    { kind: 'unavailable', reason, cause: new Error('down') } as const,
    ...(reason === 'credential_missing' ? [{ kind: 'absent', challenges } as const] : []),
  ];
  return verdicts.map((verdict) => {
    const { status, code } = denialOf(verdict);
    return `${status} \`${code}\``;
  });
}

/** Where the code writes a status beside a reason, the page has one of these statuses. */
function writtenStatuses(reason: string): string[] {
  const beside = new RegExp(`status: (\\d{3}), reason: '${reason}'`, 'g');
  return Array.from(SOURCE.matchAll(beside), ([, status = '']) => status);
}

/** Reasons of a token that was verified or introspected are 401, whatever route asked. */
const OF_TOKENS = [...REASONS].filter((reason) => reason.startsWith('token_'));

test('the answers have the statuses that the code writes', () => {
  const rows = new Map(reasons.map(([name = '', answer = '']) => [name.replaceAll('`', ''), answer.slice(0, 3)]));
  const differing = [...REASONS].filter((reason) => {
    const written = OF_TOKENS.includes(reason) ? ['401'] : writtenStatuses(reason);
    return written.length > 0 && !written.includes(rows.get(reason) ?? '');
  });
  expect(differing).toEqual([]);
  expect([...REASONS].filter((reason) => writtenStatuses(reason).length > 0).length).toBeGreaterThan(5);
});

test.each(reasons.map(([name = '', answer = '']) => [name.replaceAll('`', ''), answer] as const))(
  '%s is answered %s',
  (reason, answer) => {
    expect(answersTo(reason as ReasonCode)).toContain(answer);
  },
);

test.each(codes.map(([name = '', status = '']) => [name.replaceAll('`', ''), status] as const))(
  '%s is answered with status %s',
  (code, status) => {
    const places = [...SOURCE.matchAll(new RegExp(`status: (\\d{3}), code: '${code}'`, 'g'))].map(([, found]) => found);
    const byStatus = new RegExp(`status === ${status}\\) return '${code}'`).test(SOURCE);
    // A union of statuses is decided elsewhere; then at least the row has a status of that union.
    if (places.length > 0) expect(places).toContain(status);
    else expect(byStatus || /^(?:403|502|503|504)$/.test(status)).toBe(true);
  },
);

/** A cell of a table without marks: links keep their words. */
const plain = (cell = ''): string =>
  cell
    .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
    .replaceAll('`', '')
    .trim();

test.each([
  ['codes', codes, CODE_CURES],
  ['reasons', reasons, REASON_CURES],
] as const)('explain gives the cures of the %s of this page', (_name, rows, cures) => {
  expect(Object.fromEntries(rows.map(([name = '', ...cells]) => [plain(name), plain(cells.at(-1))]))).toEqual(cures);
});
