/** The `loom-auth demo` command: runs all parts on this machine and prints curl lines to try. */
import { accessTable } from '../config/access.js';
import { compileFile } from '../config/index.js';
import { startDemo, STOP_MS, type Demo } from '../demo/demo.js';
import { createLog } from '../observe/log.js';
import { onStopSignals } from '../serve/stop-signals.js';
import { renderAccess } from './access-table.js';
import { EXIT, type ExitCode } from './exit-codes.js';
import { paintFor, type Terminal } from './terminal.js';

export async function runDemo(terminal: Terminal): Promise<ExitCode> {
  // The command prints the information itself, so only errors go to the log.
  const log = createLog({ level: 'error' });
  const demo = await startDemo({ log });
  onStopSignals({ stop: () => demo.stop(), shutdown: () => ({ delayMs: 0, timeoutMs: STOP_MS }), log });
  terminal.stdout.write(describeDemo(demo, terminal));
  return EXIT.fine;
}

function describeDemo(demo: Demo, { stdout, env }: Terminal): string {
  const paint = paintFor(stdout, env);
  const table = renderAccess(accessTable(compileFile(demo.file, { mode: 'serve' }).plan), paint);
  const where = `A gateway on ${demo.http} and ${demo.https}, its file ${demo.file}`;
  const { url, reader, operator } = demo.console;
  const page = `Console: ${url}\n  token of a reader: ${reader}\n  token of an operator: ${operator}`;
  const end = 'Ctrl-C stops it and removes its files.';
  return `${[paint('bold', where), table, paint('bold', 'Try it:'), demo.examples, page, end].join('\n\n')}\n`;
}
