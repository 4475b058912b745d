/** The diagnostics of `check` as a SARIF 2.1.0 log (OASIS), which GitHub code scanning and other tools read. */
import { relative, resolve, sep } from 'node:path';
import { pathToFileURL } from 'node:url';
import { DIAGNOSTICS, type DiagnosticCode } from '../config/diagnostic-codes.js';
import type { Diagnostic } from '../config/diagnostics.js';
import { Words } from '../config/lint/lexemes.js';
import { RULE_PAGES } from '../config/rules/index.js';
import { pageOf, textOf, type Outcome } from './check-outcome.js';
import { Fingerprints } from './fingerprints.js';
import { packageVersion } from './package-version.js';
import { printable } from './terminal.js';

const SCHEMA = 'https://json.schemastore.org/sarif-2.1.0.json';

export function asSarif({ source, diagnostics }: Outcome): string {
  const text = textOf(source) ?? '';
  const rules = [...new Set(diagnostics.map(({ code }) => code))].sort();
  const tools = { rules, words: new Words(text), fingerprints: new Fingerprints(text) };
  const run = {
    tool: { driver: driver(rules) },
    columnKind: 'utf16CodeUnits',
    originalUriBaseIds: { [ROOT]: { description: { text: 'The folder in which the command ran.' } } },
    results: diagnostics.map((each) => result(each, tools)),
  };
  return `${JSON.stringify({ $schema: SCHEMA, version: '2.1.0', runs: [run] }, null, 2)}\n`;
}

function driver(rules: readonly DiagnosticCode[]): object {
  const version = packageVersion();
  return {
    name: 'loom-auth',
    version,
    informationUri: `https://unpkg.com/loom-auth@${version}/docs/reference/diagnostics.md`,
    rules: rules.map(rule),
  };
}

function rule(code: DiagnosticCode): object {
  const { level, meaning, cure } = DIAGNOSTICS[code];
  const page = pageOf(code);
  const { why, example } = RULE_PAGES[code];
  const corrected = example ? `\n\n\`\`\`yaml\n${example.right}\`\`\`` : '';
  return {
    id: code,
    shortDescription: { text: meaning },
    fullDescription: { text: `${meaning} ${cure}` },
    help: { text: cure, markdown: `${why}\n\n${cure}${corrected}\n\n[The page of this rule](${page})` },
    helpUri: page,
    defaultConfiguration: { level: level === 'error or warning' ? 'error' : level },
    properties: { tags: ['security', 'configuration'] },
  };
}

interface Tools {
  readonly rules: readonly DiagnosticCode[];
  readonly words: Words;
  readonly fingerprints: Fingerprints;
}

function result(diagnostic: Diagnostic, { rules, words, fingerprints }: Tools): object {
  const { code, level, file, line, column, path, message } = diagnostic;
  const end = words.endOf(diagnostic);
  const region = { startLine: line, startColumn: column, ...(end && { endLine: end.line, endColumn: end.column }) };
  return {
    ruleId: code,
    ruleIndex: rules.indexOf(code),
    level,
    message: { text: printable(path === '' ? message : `${path}: ${message}`) },
    locations: [{ physicalLocation: { artifactLocation: artifact(file), region }, ...logical(path) }],
    // The name that GitHub compares. Other tools take every fingerprint.
    partialFingerprints: { primaryLocationLineHash: fingerprints.of(diagnostic) },
  };
}

const logical = (path: string): object =>
  path === '' ? {} : { logicalLocations: [{ fullyQualifiedName: printable(path), kind: 'member' }] };

const ROOT = '%SRCROOT%';

/** A file of the current folder has a relative URI, which code scanning finds in the repository. */
function artifact(file: string): object {
  const path = relative(process.cwd(), resolve(file));
  if (path.startsWith('..') || resolve(path) === path) return { uri: pathToFileURL(resolve(file)).href };
  return { uri: path.split(sep).map(encodeURIComponent).join('/'), uriBaseId: ROOT };
}
