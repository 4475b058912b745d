/** The `loom-auth schema` command: prints the JSON Schema of a Loom file, for editors. */
import { editorSchema } from '../config/json-schema.js';
import { EXIT, type ExitCode } from './exit-codes.js';
import type { Terminal } from './terminal.js';

export function printSchema({ stdout }: Terminal): ExitCode {
  stdout.write(`${JSON.stringify(editorSchema(), null, 2)}\n`);
  return EXIT.fine;
}
