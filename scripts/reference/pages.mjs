/** The pages of docs/reference, from data that the code owns. */
import { LOOM_METRICS } from './loom-metrics.mjs';
import { cell, code, table } from './markdown.mjs';
import { optionSections } from './options.mjs';
import { rulePages } from './rules.mjs';

const NOTE = 'It is generated from the code by `npm run docs`; a test compares the two.';

/** Each page by its path from the root of the repository. */
export function referencePages(data) {
  const pages = [
    ['options', 'Options', 'every option of the file, with its default', options(data)],
    ['denial-codes', 'Denial codes', 'every `code` that a response of Loom can have', denials(data)],
    ['reasons', 'Reasons', 'every `reason` of a refusal in the log and in metrics', reasons(data)],
    ['diagnostics', 'Diagnostics', 'every error and warning about a file', diagnostics(data)],
    ['metrics', 'Metrics', 'every metric', metrics(data)],
    ['log', 'Log', 'every event, field and line of the log', log(data)],
    ['cli', 'Command line', 'every command of `loom-auth` and its options', cli(data)],
    ['api', 'API', 'everything that the package exports', data.api],
  ];
  const files = pages.map(([name, title, what, body]) => [
    `docs/reference/${name}.md`,
    `# ${title}\n\nThis page lists ${what}. ${NOTE}\n\n${body.trim()}\n`,
  ]);
  return { ...Object.fromEntries([...files, ['docs/reference/README.md', index(pages)]]), ...rulePages(data) };
}

function index(pages) {
  const lines = pages.map(([name, title, what]) => `- [${title}](${name}.md): ${what}`);
  return `# Reference\n\nThese pages list what Loom has, by name. They are generated from the code by \`npm run docs\`.\n\n${lines.join('\n')}\n`;
}

function options({ schema }) {
  const before = 'For completion in an editor see [commands](../operations.md#commands).\n\n';
  return before + optionSections(schema);
}

function denials({ titles, statuses }) {
  const rows = Object.entries(titles).map(([name, title]) => [code(name), statuses[name].join(', '), cell(title)]);
  const before =
    'A code is in the `code` member of the problem document (RFC 9457) and in the log. Several reasons share one code, so that a response reveals an attacker nothing. [Troubleshooting](../troubleshooting.md#codes) has the cure of each.\n\n';
  return before + table(['Code', 'Status', 'Title'], rows);
}

function reasons(data) {
  const rows = Object.entries(data.reasons).map(([name, meaning]) => [code(name), cell(meaning)]);
  const before =
    'Clients never see a reason. [Troubleshooting](../troubleshooting.md#reasons) has the response and the cure of each.\n\n';
  return before + table(['Reason', 'Meaning'], rows);
}

function diagnostics(data) {
  const rows = Object.entries(data.diagnostics)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, { level, meaning, cure }]) => [`[${code(name)}](rules/${name}.md)`, level, cell(meaning), cell(cure)]);
  const before =
    'The code is the stable id of its rule, and leads to the page of the rule with an example: it is never renamed and never gets another meaning. `npx loom-auth check --json` prints it. An error keeps the file from loading. With `--strict` a warning does too. A note is advice of `check`; it fails nothing. [Check a file](../operations.md#check-a-file) has the formats and the comment that silences a rule.\n\n';
  return before + table(['Code', 'Level', 'Meaning', 'Cure'], rows);
}

const SEVERAL = { min: 'the lowest', max: 'the highest' };

function metrics(data) {
  const rows = Object.entries(data.metrics).map(([name, { type, labels, help, together }]) => [
    code(name),
    type,
    labels.map(code).join(', '),
    cell(help),
    SEVERAL[together] ?? 'the sum',
  ]);
  const before =
    'Times are in seconds. A label has a name of the file or a value of a closed set, never a value that a client chooses. With several workers a page shows the sum, the lowest or the highest of their numbers.\n\n';
  const list = before + table(['Metric', 'Type', 'Labels', 'Meaning', 'Of several workers'], rows);
  const others = LOOM_METRICS.map(({ loom, here, note = '' }) => [
    loom.map(code).join(', '),
    here ? code(here) : 'none',
    note,
  ]);
  const heading =
    "## Metrics of Loom's own gateway\n\nThe metrics that Loom's own gateway documents, and an expression that answers the same question here.\n\n";
  return `${list}\n${heading}${table(["Metric of Loom's gateway", 'Here', 'Difference'], others)}`;
}

function log({ events, accessFields, logLines }) {
  const eventRows = Object.entries(events).map(([name, meaning]) => [code(name), cell(meaning)]);
  const fieldRows = Object.entries(accessFields).map(([name, meaning]) => [code(name), cell(meaning)]);
  const lineRows = logLines.map(({ message, levels, fields }) => [
    code(cell(message)),
    levels.join(', '),
    fields.map(code).join(', '),
  ]);
  return [
    '## Events\n\nA line with an `event` is one of these.\n',
    table(['Event', 'When'], eventRows),
    '## Fields of an access line\n\n`logging.access.fields` chooses among these.\n',
    table(['Field', 'Value'], fieldRows),
    '## Lines\n\nA message is constant. `…` is a part that the configuration decides. Warnings about the file have the `code` of a [diagnostic](diagnostics.md) and its message.\n',
    table(['Message', 'Level', 'Fields'], lineRows),
  ].join('\n');
}

function cli({ help }) {
  return help.map(({ command, text }) => `## \`${command}\`\n\n\`\`\`text\n${text.trim()}\n\`\`\`\n`).join('\n');
}
