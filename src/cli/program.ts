/** The commands of `loom-auth` with their options and help; the module of a command loads when it runs. */
import { createRequire } from 'node:module';
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { LOW_COST } from '../auth/methods/bcrypt-cost.js';
import { ConfigError } from '../config/diagnostics.js';
import type * as Check from './check.js';
import type * as CheckText from './check-text.js';
import type * as Demo from './demo.js';
import type * as Diff from './diff.js';
import { EXIT, exitCodeOf, type ExitCode } from './exit-codes.js';
import type * as Explain from './explain.js';
import { keepYoungGenerationSmall } from '../lib/young-generation.js';
import { addKeyCommands } from './key-commands.js';
import type * as HashKey from './hash-key.js';
import type * as HashPassword from './hash-password.js';
import type * as NewKey from './new-key.js';
import type * as Schema from './schema.js';
import { packageVersion } from './package-version.js';
import { InputError } from './secret-input.js';
import type * as Serve from './serve.js';
import { paintFor, printable, type Terminal } from './terminal.js';

const require = createRequire(import.meta.url);

const modules = {
  check: () => require('./check.js') as typeof Check,
  checkText: () => require('./check-text.js') as typeof CheckText,
  demo: () => require('./demo.js') as typeof Demo,
  diff: () => require('./diff.js') as typeof Diff,
  explain: () => require('./explain.js') as typeof Explain,
  hashKey: () => require('./hash-key.js') as typeof HashKey,
  hashPassword: () => require('./hash-password.js') as typeof HashPassword,
  newKey: () => require('./new-key.js') as typeof NewKey,
  schema: () => require('./schema.js') as typeof Schema,
  serve: () => {
    keepYoungGenerationSmall();
    return require('./serve.js') as typeof Serve;
  },
};

const DEFAULT_FILE = 'loom.yaml';

const EXAMPLES = `
Examples:
  loom-auth demo                         try the gateway on this machine with curl
  loom-auth check loom.yaml              list the mistakes in a file and who may call each route
  loom-auth serve loom.yaml              run the gateway
  loom-auth diff loom.yaml next.yaml     list what a new file changes
  loom-auth explain GET /orders          say why a request is allowed or denied
  loom-auth new-key                      create an API key and its hash
  loom-auth keys create --name acme      create an API key in the store of loom.yaml
  loom-auth hash-password < secret.txt   print the bcrypt hash of a password

Exit codes: 0 success, 1 the file has mistakes, 2 an error at run time, 3 a port is not available.`;

const DIFF_HELP = `
With --against the operator token is read from LOOM_ADMIN_TOKEN, or else from standard input.

Examples:
  loom-auth diff --exit-code loom.yaml next.yaml
  loom-auth diff --against http://127.0.0.1:9091 next.yaml`;

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

/** The program with all its commands. `finish` runs the selected command. */
export function commands(terminal: Terminal, finish: Finish): Command {
  const program = base(terminal);
  program
    .command('serve')
    .description('run the gateway of a file')
    .argument('[file]', 'the Loom file', DEFAULT_FILE)
    .option('--strict', 'do not start if the file has a warning')
    .option('--no-watch', 'do not reload when the file changes; SIGHUP still reloads')
    .option('--shadow <file>', 'compare the decisions of another file on copies of the requests')
    .option('--workers <n>', 'number of worker processes that share the ports', numberOfWorkers)
    .option('--insecure-node', 'start on a Node version that drops header fields (not safe)')
    .addHelpText('after', '\nExample:\n  loom-auth serve /etc/loom/loom.yaml')
    .action((file: string, options: Serve.ServeOptions) =>
      finish(() => modules.serve().serveFile(file, options, terminal)),
    );
  program
    .command('check')
    .description('list the mistakes in a file and who may call each route')
    .argument('[file]', 'the Loom file', DEFAULT_FILE)
    .option('--strict', 'exit with 1 if the file has a warning')
    .addOption(new Option('--format <format>', 'what to print (default: text)').choices(['text', 'json', 'sarif']))
    .option('--json', 'print one JSON document, as --format json does')
    .option('--max-warnings <n>', 'exit with 1 if the file has more warnings', numberOfWarnings)
    .option('--strategy <name...>', 'name of a Passport strategy that the host application registers')
    .addHelpText('after', '\nExample:\n  loom-auth check --strict loom.yaml && echo safe to deploy')
    .action((file: string, options: Check.CheckOptions) =>
      finish(() => modules.check().checkFile(file, options, terminal)),
    );
  program
    .command('diff')
    .description('list what a new file changes: access, limits, headers, routing, upstreams, timeouts and more')
    .argument('<files...>', 'the current and the new Loom file; with --against the new file alone')
    .option('--against <url>', 'compare with the configuration of the running gateway with this admin address')
    .option('--exit-code', 'exit with 1 if a guarded path becomes public without consent, or requires something else')
    .option('--json', 'print one JSON document')
    .option('--strategy <name...>', 'name of a Passport strategy that the host application registers')
    .addHelpText('after', DIFF_HELP)
    .action((files: readonly string[], options: Diff.DiffOptions) =>
      finish(() => modules.diff().diff(files, options, terminal)),
    );
  program
    .command('demo')
    .description('start an issuer, two backends and the gateway on this machine, and print curl commands')
    .action(() => finish(() => modules.demo().runDemo(terminal)));
  explainCommand(program, terminal, finish);
  addKeyCommands(program, { terminal, defaultFile: DEFAULT_FILE, finish });
  secretCommands(program, terminal, finish);
  return program;
}

const EXPLAIN_HELP = `
The file decides about the request. The request is not sent, and no limit is counted.

Examples:
  loom-auth explain loom.yaml GET https://api.example.com/orders -H 'X-API-Key: abc'
  loom-auth explain --curl - < curl.txt         explain a curl command without running it
  loom-auth explain --at 2030-01-31T12:00:00Z GET https://api.example.com/orders
  loom-auth explain urn:uuid:574c8e5e-3c1f-4c1b-9d39-6a4e5f9b2d10 --admin http://127.0.0.1:9091

With --admin the operator token is read from LOOM_ADMIN_TOKEN, or else from standard input.

Exit codes: 0 the request is allowed, 1 it is denied, 2 an error, 3 it cannot be decided here.`;

function explainCommand(program: Command, terminal: Terminal, finish: Finish): void {
  program
    .command('explain')
    .description('say why a request is allowed or denied')
    .argument('[words...]', '[file] [method] URL; with --admin also the instance of a denial')
    .option('-H, --header <line>', 'a header of the request; repeat it for more', collected)
    .option('--curl <source>', 'read the request as a curl command from standard input: --curl -')
    .option('--cert <file>', 'the client certificate in PEM, and its intermediates')
    .option('--from <address>', 'the address of the client or proxy, or unix (default: 127.0.0.1)')
    .option('--at <time>', 'the time of the request, in ISO 8601 (default: now)')
    .option('--jwks <file>', 'the key set of all issuers, or ISSUER=FILE for one; repeat it for more', collected)
    .option('--online', 'fetch key sets, and ask introspection endpoints and the key store')
    .option('--admin <url>', 'ask the running gateway with this admin address')
    .option('--json', 'print one JSON document')
    .option('--strategy <name...>', 'name of a Passport strategy that the host application registers')
    .addHelpText('after', EXPLAIN_HELP)
    .action((words: string[], options: Explain.ExplainCommandOptions) =>
      finish(() => modules.explain().explain(words, options, terminal)),
    );
}

const collected = (value: string, earlier: readonly string[] = []): readonly string[] => [...earlier, value];

function secretCommands(program: Command, terminal: Terminal, finish: Finish): void {
  program
    .command('hash-password')
    .description('read a password from standard input or a prompt, and print its bcrypt hash')
    .option('--cost <number>', 'bcrypt cost, from 10 to 14', (text) => modules.hashPassword().costIn(text), LOW_COST)
    .addHelpText('after', "\nExample:\n  printf %s 'correct horse' | loom-auth hash-password")
    .allowExcessArguments()
    .action(({ cost }: { readonly cost: number }, { args }: Command) =>
      finish(() => unnamed(args, () => modules.hashPassword().hashPassword(terminal, cost))),
    );
  program
    .command('hash-key')
    .description('read an API key from standard input or a prompt, and print its SHA-256')
    .addHelpText('after', '\nExample:\n  loom-auth hash-key < key.txt')
    .allowExcessArguments()
    .action((_options, { args }: Command) => finish(() => unnamed(args, () => modules.hashKey().hashKey(terminal))));
  program
    .command('new-key')
    .description('print a new API key and its key_hash for the file')
    .action(() => finish(() => modules.newKey().newKey(terminal)));
  program
    .command('schema')
    .description('print the JSON Schema of a Loom file, for editors')
    .addHelpText('after', '\nExample:\n  loom-auth schema > loom.schema.json')
    .action(() => finish(() => modules.schema().printSchema(terminal)));
}

const MOST_WORKERS = 256;

function numberOfWorkers(text: string): number {
  const count = /^[1-9]\d{0,2}$/.test(text) ? Number(text) : 0;
  if (count < 1 || count > MOST_WORKERS) throw new InvalidArgumentError(`must be a number from 1 to ${MOST_WORKERS}.`);
  return count;
}

function numberOfWarnings(text: string): number {
  if (!/^\d{1,6}$/.test(text)) throw new InvalidArgumentError('must be a number from 0 to 999999.');
  return Number(text);
}

/** The shell history already contains a secret that was an argument. The error message does not repeat it. */
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

/** All diagnostics of an invalid file. For any other error only the message, because a user cannot use the stack. */
function explain(cause: unknown, { stderr, env }: Terminal): string {
  const paint = paintFor(stderr, env);
  if (!(cause instanceof ConfigError)) {
    const message = cause instanceof Error ? cause.message : 'failed';
    return `${paint('red', 'error')} ${printable(message)}`;
  }
  const { renderDiagnostic } = modules.checkText();
  return cause.diagnostics.map((each) => renderDiagnostic(each, paint)).join('\n');
}
