/** The page of each rule of `loom-auth check`, from data that the code owns. */

const NOTE = 'It is generated from the code by `npm run docs`; a test runs its examples.';

/** Each page by its path from the root of the repository. */
export function rulePages({ diagnostics, rules, checkOnly }) {
  return Object.fromEntries(
    Object.entries(diagnostics).map(([code, facts]) => [
      `docs/reference/rules/${code}.md`,
      rulePage({ code, ...facts, ...rules[code], checkOnly: checkOnly.includes(code) }),
    ]),
  );
}

function rulePage({ code, level, meaning, cure, why, example, checkOnly }) {
  const parts = [
    `# ${code}`,
    `This page describes one rule for the file. ${NOTE}`,
    `**${meaning}** Level: ${level}.${checkOnly ? ' Only `loom-auth check` runs this rule.' : ''} [All rules](../diagnostics.md).`,
    `## Why it matters\n\n${why}`,
    ...(example ? examples(example, cure) : [`## Cure\n\n${cure}\n\nNo file is known that causes this code.`]),
    ...acceptance(code, level),
  ];
  return `${parts.join('\n\n')}\n`;
}

function examples({ wrong, right, before, files = {} }, cure) {
  const listed = Object.entries(files).map(([name, what]) => `${name}, ${what}`);
  const beside = listed.length > 0 ? ` Files beside it: ${listed.join('; ')}.` : '';
  const shortened = wrong.includes('‹') ? ' `‹…›` replaces what a page cannot show.' : '';
  return [
    ...(before ? [`## The file in use\n\n${fence(before)}`] : []),
    `## Example\n\nThis file breaks this rule only.${beside}${shortened}\n\n${fence(wrong)}`,
    `## Cure\n\n${cure}\n\n${fence(right)}`,
  ];
}

function acceptance(code, level) {
  if (level === 'error' || code.endsWith('_ignore') || code.startsWith('reload_')) return [];
  const what = level === 'error or warning' ? 'a warning of this rule' : `the ${level}`;
  return [
    `## Accept it\n\nThe comment \`# loom-ignore: ${code} reason\`, on the line or on a line above it, silences ${what}. See [check a file](../../operations.md#check-a-file).`,
  ];
}

/** `foreign`: the tests of pages do not load the file; the test of the rules does. */
const fence = (text) => `\`\`\`yaml foreign\n${text}\`\`\``;
