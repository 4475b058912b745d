/** Prints the access table in columns: the callers of each path, with PUBLIC highlighted. */
import type { AccessRow, AccessTable, MethodRow } from '../config/access.js';
import { printable, type Paint } from './terminal.js';

const HEAD = ['ROUTE', 'HOST', 'PATH', 'METHODS', 'WHO MAY PASS', 'UPSTREAM', 'IDENTITY HEADERS'] as const;
const WHO = 4;

export function renderAccess({ rows, methods }: AccessTable, paint: Paint): string {
  const blocks = [
    ...(rows.length > 0 ? [renderRows(rows, paint)] : []),
    ...methods.map((method) => renderMethod(method, paint)),
  ];
  return blocks.length === 0 ? 'No routes and no methods.' : blocks.join('\n\n');
}

function renderRows(rows: readonly AccessRow[], paint: Paint): string {
  const lines = [[...HEAD], ...rows.map(cellsOf)];
  const used = HEAD.map((_, column) => column < 1 || lines.slice(1).some((line) => line[column] !== ''));
  const widths = HEAD.map((_, column) => Math.max(...lines.map((line) => (line[column] ?? '').length)));
  return lines
    .map((line, at) => {
      const cells = line.flatMap((cell, column) => {
        if (!used[column]) return [];
        const padded = cell.padEnd(widths[column] ?? 0);
        return [
          at === 0 ? paint('bold', padded) : column === WHO && rows[at - 1]?.public ? paint('yellow', padded) : padded,
        ];
      });
      return cells.join('  ').trimEnd();
    })
    .join('\n');
}

function cellsOf(row: AccessRow): string[] {
  const who = row.public && !row.declaredOpen ? `${row.requirement} (not declared)` : row.requirement;
  const methods = row.methods?.join(',') ?? 'any';
  const cells = [row.route, row.host ?? '', row.path, methods, who, row.upstream ?? '', row.identityHeaders.join(', ')];
  return cells.map(printable);
}

function renderMethod({ name, title, summary, headers, routes }: MethodRow, paint: Paint): string {
  const facts = [
    ...summary,
    ...(headers.length > 0
      ? [['headers', headers.map(({ claim, header }) => `${claim} -> ${header}`).join(', ')] as const]
      : []),
    ['routes', routes.length > 0 ? routes.join(', ') : 'none'] as const,
  ];
  const width = Math.max(...facts.map(([key]) => key.length));
  const lines = facts.map(([key, value]) => `  ${printable(key).padEnd(width)}  ${warned(printable(value), paint)}`);
  return [`${paint('bold', printable(name))} (${printable(title)})`, ...lines].join('\n');
}

/** Highlights values that admit more callers than a reader may expect. */
function warned(value: string, paint: Paint): string {
  return /^ANY /.test(value) ? paint('yellow', value) : value;
}
