/** From a source to a tree with its references resolved, and a report that knows every position. */
import { createRequire } from 'node:module';
import { ConfigError } from './diagnostics.js';
import { nodeAt, type DocumentNode } from './document.js';
import { interpolate } from './interpolate.js';
import type * as Ignores from './lint/ignores.js';
import { applyLoomNames } from './loom/apply.js';
import type * as ObjectReader from './object.js';
import { parseText, type Parsed } from './parse.js';
import { Report, type Locate } from './report.js';
import { checkSecrets, secretsOf } from './secrets.js';
import { collectLarge } from './text.js';
import type { Env, Source } from './source.js';

const require = createRequire(import.meta.url);

export interface ReadOptions {
  readonly env: Env;
  readonly strict: boolean;
  /** Changes the tree before it is read. */
  readonly repair?: (root: DocumentNode, report: Report) => void;
}

export interface ReadFile {
  readonly root: DocumentNode;
  readonly report: Report;
}

/** Throws a `ConfigError` where there is no tree to go on with. */
export function readFile(source: Source, options: ReadOptions): ReadFile {
  const read = source.read();
  if (read.kind === 'unreadable') throw unreadable(source.file, read.why);
  const parsed = read.kind === 'object' ? fromObject(read.config) : parseText(read.text);
  if (read.kind === 'text') collectLarge(read.text);
  const { root } = parsed;
  const secrets = new Set<string>();
  const ignores = read.kind === 'text' && root ? ignoresOf(read.text) : undefined;
  const report = new Report(source.file, locator(parsed), { strict: options.strict, secrets, ignores });
  for (const { offset, ...fault } of parsed.faults) report.errorAt(parsed.position(offset), fault);
  if (!root) throw new ConfigError(report.diagnostics);
  options.repair?.(root, report);
  applyLoomNames(root, report);
  interpolate(root, { env: options.env, source, report });
  for (const secret of secretsOf(root)) secrets.add(secret);
  checkSecrets(root, report);
  return { root, report };
}

/** Most files silence nothing. */
function ignoresOf(text: string): Ignores.Ignores | undefined {
  if (!/loom[-_ ]?ignore/i.test(text)) return undefined;
  return new (require('./lint/ignores.js') as typeof Ignores).Ignores(text);
}

function fromObject(config: object): Parsed {
  return (require('./object.js') as typeof ObjectReader).parseObject(config);
}

function unreadable(file: string, why: string): ConfigError {
  const place = { file, line: 1, column: 1, path: '' };
  const advice = LIKE_TEXT.test(file) ? "; pass a text as { text: '…' }" : '';
  const message = `the file cannot be used: ${why}${advice}`;
  return new ConfigError([{ level: 'error', code: 'unreadable', ...place, message }]);
}

/** The form of YAML or JSON in one line, which a host passed as a path. */
const LIKE_TEXT = /^\s*(?:\{|[\w"']+\s*:\s)/;

function locator({ root, position }: Parsed): Locate {
  return (path, at) => {
    if (!root) return { line: 1, column: 1 };
    const { node, exact } = nodeAt(root, path);
    const offset = at === 'key' || !exact ? (node.keyOffset ?? node.offset) : node.offset;
    return position(offset);
  };
}
