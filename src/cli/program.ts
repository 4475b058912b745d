/** The commands of `loom-auth`, their options and their help. */
import { readFileSync } from 'node:fs';
import { Command, CommanderError, InvalidArgumentError } from 'commander';
import { ConfigError } from '../config/diagnostics.js';
import { checkFile, renderDiagnostic, type CheckOptions } from './check.js';
import { runDemo } from './demo.js';
import { diffFiles, type DiffOptions } from './diff.js';
import { EXIT, exitCodeOf, type ExitCode } from './exit-codes.js';
import { hashKey } from './hash-key.js';
import { costIn, DEFAULT_COST, hashPassword } from './hash-password.js';
import { newKey } from './new-key.js';
import { printSchema } from './schema.js';
import { InputError } from './secret-input.js';
import { serveFile, type ServeOptions } from './serve.js';
import { paintFor, printable, type Terminal } from './terminal.js';

const DEFAULT_FILE = 'loom.yaml';

const EXAMPLES = `
Examples:
  loom-auth demo                         see it work, with curl lines to try
  loom-auth check loom.yaml              what is wrong with a file, and who may call what
  loom-auth serve loom.yaml              run it as a gateway
  loom-auth diff loom.yaml next.yaml     what a change of the file means for callers
  loom-auth new-key                      a fresh API key and its hash
  loom-auth hash-password < secret.txt   the bcrypt hash of a password

Exit codes: 0 fine, 1 the file is wrong, 2 trouble at run time, 3 the port cannot be had.`;

/** Runs one command line (without `node` and the script) and resolves to the exit code. */
export async function run(args: readonly string[], terminal: Terminal): Promise<ExitCode> {
  let code: ExitCode = EXIT.fine;
  const program = commands(terminal, async (act) => {
    code = await act();
  });
  try {
    await program.parseAsync(args, { from: 'user' });
    return code;
  } catch (cause) {
    if (cause instanceof CommanderError) return cause.exitCode === 0 ? EXIT.fine : EXIT.runtime;
    terminal.stderr.write(`${explain(cause, terminal)}\n`);
    return exitCodeOf(cause);
  }
}

type Finish = (act: () => ExitCode | Promise<ExitCode>) => Promise<void>;

function commands(terminal: Terminal, finish: Finish): Command {
  const program = base(terminal);
  program
    .command('serve')
    .description('run the gateway that a file describes')
    .argument('[file]', 'the Loom file', DEFAULT_FILE)
    .option('--strict', 'do not start on a warning')
    .option('--no-watch', 'reload on SIGHUP alone, not when the file changes')
    .option('--workers <n>', 'as many processes, which share the ports', numberOfWorkers)
    .option('--insecure-node', 'start on a Node version that is known to drop header fields')
    .addHelpText('after', '\nExample:\n  loom-auth serve /etc/loom/loom.yaml')
    .action((file: string, options: ServeOptions) => finish(() => serveFile(file, options, terminal)));
  program
    .command('check')
    .description('say what is wrong with a file, and who may call what')
    .argument('[file]', 'the Loom file', DEFAULT_FILE)
    .option('--strict', 'fail on a warning')
    .option('--json', 'print one JSON document')
    .option('--strategy <name...>', 'a Passport strategy that the host application registers')
    .addHelpText('after', '\nExample:\n  loom-auth check --strict loom.yaml && echo safe to deploy')
    .action((file: string, options: CheckOptions) => finish(() => checkFile(file, options, terminal)));
  program
    .command('diff')
    .description('say what another file would change for callers')
    .argument('<old>', 'the Loom file in force')
    .argument('<new>', 'the Loom file to come')
    .option('--exit-code', 'fail where a guarded path opens without consent, or falls to another demand')
    .option('--json', 'print one JSON document')
    .option('--strategy <name...>', 'a Passport strategy that the host application registers')
    .addHelpText('after', '\nExample:\n  loom-auth diff --exit-code loom.yaml next.yaml')
    .action((before: string, after: string, options: DiffOptions) =>
      finish(() => diffFiles([before, after], options, terminal)),
    );
  program
    .command('demo')
    .description('an issuer, two backends and the gateway on this machine, with curl lines to try')
    .action(() => finish(() => runDemo(terminal)));
  secretCommands(program, terminal, finish);
  return program;
}

function secretCommands(program: Command, terminal: Terminal, finish: Finish): void {
  program
    .command('hash-password')
    .description('print the bcrypt hash of a password, read from standard input or asked for')
    .option('--cost <number>', 'the bcrypt cost, 10 to 14', costIn, DEFAULT_COST)
    .addHelpText('after', "\nExample:\n  printf %s 'correct horse' | loom-auth hash-password")
    .allowExcessArguments()
    .action(({ cost }: { readonly cost: number }, { args }: Command) =>
      finish(() => unnamed(args, () => hashPassword(terminal, cost))),
    );
  program
    .command('hash-key')
    .description('print the SHA-256 of an API key, read from standard input or asked for')
    .addHelpText('after', '\nExample:\n  loom-auth hash-key < key.txt')
    .allowExcessArguments()
    .action((_options, { args }: Command) => finish(() => unnamed(args, () => hashKey(terminal))));
  program
    .command('new-key')
    .description('print a fresh API key, and the key_hash for the file')
    .action(() => finish(() => newKey(terminal)));
  program
    .command('schema')
    .description('print the JSON Schema of a Loom file, for editors')
    .addHelpText('after', '\nExample:\n  loom-auth schema > loom.schema.json')
    .action(() => finish(() => printSchema(terminal)));
}

const MOST_WORKERS = 256;

function numberOfWorkers(text: string): number {
  const count = /^[1-9]\d{0,2}$/.test(text) ? Number(text) : 0;
  if (count < 1 || count > MOST_WORKERS) throw new InvalidArgumentError(`must be a number from 1 to ${MOST_WORKERS}.`);
  return count;
}

/** A secret given as an argument stands in the shell's history already: it is not echoed on top of that. */
function unnamed(args: readonly string[], act: () => Promise<ExitCode>): Promise<ExitCode> {
  if (args.length > 0) throw new InputError('a secret is read from standard input, never from the command line');
  return act();
}

function base({ stdout, stderr }: Terminal): Command {
  return new Command('loom-auth')
    .description('One YAML file says who may call what.')
    .version(packageVersion(), '-V, --version', 'print the version')
    .helpCommand('help [command]', 'print the help of a command')
    .addHelpText('after', EXAMPLES)
    .showHelpAfterError('(loom-auth --help lists the commands)')
    .configureOutput({ writeOut: (text) => stdout.write(text), writeErr: (text) => stderr.write(text) })
    .exitOverride();
}

function packageVersion(): string {
  const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
    version: string;
  };
  return version;
}

/** Every diagnostic of a bad file; of anything else the message: a stack helps nobody at a prompt. */
function explain(cause: unknown, { stderr, env }: Terminal): string {
  const paint = paintFor(stderr, env);
  if (!(cause instanceof ConfigError)) {
    const message = cause instanceof Error ? cause.message : 'failed';
    return `${paint('red', 'error')} ${printable(message)}`;
  }
  return cause.diagnostics.map((each) => renderDiagnostic(each, paint)).join('\n');
}
