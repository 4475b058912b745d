/** Writes a kept decision as lines of a name and a value, at most 80 columns wide. */
import { wrapped } from './wrapped.js';

/** Nested values are indented under their name. An empty list is left out. */
export function recordText(value: unknown, indent = ''): string {
  if (Array.isArray(value)) return value.map((each) => listItem(each, indent)).join('\n');
  if (typeof value !== 'object' || value === null)
    return `${indent}${typeof value === 'string' ? value : JSON.stringify(value)}`;
  return Object.entries(value)
    .filter(([, each]) => each !== null && each !== undefined && !(Array.isArray(each) && each.length === 0))
    .map(([name, each]) => member(name, each, indent))
    .join('\n');
}

function listItem(value: unknown, indent: string): string {
  return `${indent}- ${recordText(value, `${indent}  `).trimStart()}`;
}

function member(name: string, value: unknown, indent: string): string {
  if (typeof value === 'object') return `${indent}${name}:\n${recordText(value, `${indent}  `)}`;
  const [first = '', ...others] = wrapped(
    `${name}: ${typeof value === 'string' ? value : JSON.stringify(value)}`,
    76 - indent.length,
  );
  return [`${indent}${first}`, ...others.map((line) => `${indent}  ${line}`)].join('\n');
}
