/** Options of a method that name a file (`public_key_file`): their texts, put where the method expects them. */
import type { ErrorCode } from '../diagnostic-codes.js';
import type { Context } from '../context.js';
import type { Path } from '../report.js';

/** Maps whose keys are names of claims, not options. */
const MAPS_OF_CLAIMS = new Set(['claims_to_headers', 'required_claims']);

interface Task {
  readonly files: Readonly<Record<string, string>>;
  readonly path: Path;
  readonly context: Context;
}

/** Fills the options in place, at any depth; false if a file cannot be used. */
export function readOptionFiles(options: unknown, task: Task): boolean {
  if (typeof options !== 'object' || options === null) return true;
  let intact = true;
  for (const [key, value] of Object.entries(options)) {
    if (MAPS_OF_CLAIMS.has(key)) continue;
    const path = [...task.path, Array.isArray(options) ? Number(key) : key];
    const target = Object.hasOwn(task.files, key) ? task.files[key] : undefined;
    if (target !== undefined && typeof value === 'string') {
      intact =
        readInto(options as Record<string, unknown>, { file: value, target, path, context: task.context }) && intact;
    } else intact = readOptionFiles(value, { ...task, path }) && intact;
  }
  return intact;
}

interface OptionFile {
  readonly file: string;
  readonly target: string;
  readonly path: Path;
  readonly context: Context;
}

function readInto(options: Record<string, unknown>, { file, target, path, context }: OptionFile): boolean {
  const refuse = (code: ErrorCode, message: string): false => {
    context.report.error({ path, code, message });
    return false;
  };
  if (options[target] !== undefined) return refuse('two_sources', `is not allowed beside ${target}; keep one of them`);
  const read = context.source.readBeside(file);
  if (read.kind === 'unreadable') return refuse('unreadable_file', `${file}: ${read.why}`);
  if (read.text.trim() === '') return refuse('empty_file', `${file} is empty`);
  options[target] = read.text;
  return true;
}
