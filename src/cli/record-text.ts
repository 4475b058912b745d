/** Writes a kept decision record as lines of a name and a value. */

/** Nested values are indented under their name. */
export function recordText(value: unknown, indent = ''): string {
  if (Array.isArray(value))
    return value.map((each) => `${indent}- ${recordText(each, `${indent}  `).trimStart()}`).join('\n');
  if (typeof value !== 'object' || value === null) return `${indent}${String(value)}`;
  return Object.entries(value)
    .filter(([, each]) => each !== null && each !== undefined && !(Array.isArray(each) && each.length === 0))
    .map(([name, each]) =>
      typeof each === 'object'
        ? `${indent}${name}:\n${recordText(each, `${indent}  `)}`
        : `${indent}${name}: ${String(each)}`,
    )
    .join('\n');
}
