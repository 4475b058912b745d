/** Differences in words, for people. */
import { countByClass, type Difference } from './differences.js';

/** @example textOf({ where: 'logging.level', before: 'info', after: 'debug', … }) // 'logging.level: info → debug' */
export function textOf({ where, option, change, before, after, hidden }: Difference): string {
  const place = option === undefined ? where : `${where}, ${option}`;
  switch (change) {
    case 'added':
      return after === undefined ? `${place}: added` : `${place}: added (${after})`;
    case 'removed':
      return before === undefined ? `${place}: removed` : `${place}: removed (${before})`;
    case 'renamed':
      return `${place}: renamed to ${after ?? ''}`;
    case 'reordered':
      return `${place}: another order: ${after ?? ''}`;
    case 'changed':
      if (hidden !== undefined) return hidden === 'content' ? `${place}: other content` : `${place}: replaced`;
      return `${place}: ${before ?? ''} → ${after ?? ''}`;
  }
}

const NO_DIFFERENCE = 'No caller sees a difference.';

/** @example summaryOf([]) // 'No caller sees a difference.' */
export function summaryOf(differences: readonly Difference[]): string {
  if (differences.length === 0) return NO_DIFFERENCE;
  const counts = Object.entries(countByClass(differences)).map(([name, count]) => `${count} ${name}`);
  const total = `${differences.length} ${differences.length === 1 ? 'difference' : 'differences'}: ${counts.join(', ')}.`;
  return differences.some(({ seen }) => seen) ? total : `${total} ${NO_DIFFERENCE}`;
}
